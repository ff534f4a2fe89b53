"""Texts of strangers: what of them may be shown as it is, how they are quoted, and which names look alike."""
