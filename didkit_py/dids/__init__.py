"""Decentralized identifiers: documents, and the methods that we read."""
