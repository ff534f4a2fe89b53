"""OpenID for Verifiable Credential Issuance 1.0: one message per file, pre-authorized code flow."""
