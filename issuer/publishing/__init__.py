"""What an issuer publishes: terms documents, the trust list, status lists."""
