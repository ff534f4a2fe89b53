"""`python -m verifier` is `didkit-py verifier`."""

from verifier.cli import group

group(prog_name="verifier")
