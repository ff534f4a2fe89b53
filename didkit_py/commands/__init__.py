"""The commands of `didkit-py` that belong to no program, each group loaded when it is called."""
