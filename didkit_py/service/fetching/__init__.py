"""Bounded outbound HTTPS, and the public lists and evidence that are fetched by it."""
