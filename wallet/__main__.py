"""`python -m wallet`: the wallet's commands."""

from wallet.cli import group

group(prog_name="wallet")
