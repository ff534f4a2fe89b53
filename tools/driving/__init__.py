"""What drives the programs from outside, as people and machines do: the demo, the tests and the benchmarks share it.

Nothing here imports the programs or the library: it knows them by their commands, pages and protocols alone.
"""
