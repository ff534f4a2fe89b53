"""What the tests of credential formats share with those of the programs.

The interface descriptions are not compared here: they speak of the formats that the programs are handed by themselves.
"""

from tests.e2e.conftest import cheap_passphrases, engine

__all__ = ["cheap_passphrases", "engine"]  # fixtures
