"""The use cases in the order of the story: issuing, receiving, asking, presenting, checking."""
