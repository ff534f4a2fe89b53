"""How long each step takes, side by side in one run, as multiples of the raw signatures that it cannot do without."""
