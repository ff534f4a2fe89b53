"""`python -m issuer`: the issuer's commands."""

from issuer.cli import group

group(prog_name="issuer")
