"""Whether a credential still holds: lists that speak about many at once."""
