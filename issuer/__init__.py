"""The issuer: turns what an organisation knows about people into credentials they hold."""
