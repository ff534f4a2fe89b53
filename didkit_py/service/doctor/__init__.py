"""The checks of `didkit-py doctor`: what is wrong with a program's folder or its surroundings."""
