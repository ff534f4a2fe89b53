"""Claim types as data, and credentials before they are secured."""
