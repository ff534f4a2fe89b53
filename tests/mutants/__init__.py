"""Genuine texts of every kind, changed in one place at a time: all that carries a signature or a seal must notice."""
