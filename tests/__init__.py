"""The tests: unit mirrors the packages; the other folders are named for what they try."""
