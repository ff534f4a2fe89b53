"""Importing lists of claims from files."""
