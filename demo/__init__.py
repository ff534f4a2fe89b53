"""The story of the README, run for real: eleven processes, each with its own keys and its own database, over HTTP.

The programs are driven only as their users can: by their commands and by the forms of their pages. Nothing of them is
imported. What a stranger's software does (a foreign wallet, a dishonest vendor) is written here with other libraries.
"""
