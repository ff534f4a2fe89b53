"""The verifier: asks a wallet for claims, judges the answer and keeps the record."""
