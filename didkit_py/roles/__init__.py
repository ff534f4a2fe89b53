"""The use cases in the order of the story: issuing, receiving, asking, presenting, checking, and what comes after.

Each is given its store, its way out, its clock and its random bytes; what it does between two writes can be repeated.
`issuing` and `presenting` have an example.
"""
