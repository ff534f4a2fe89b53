"""Public keys, signers, and secrets at rest."""
