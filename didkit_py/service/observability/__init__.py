"""Logs and metrics of a running program; neither holds a claim."""
