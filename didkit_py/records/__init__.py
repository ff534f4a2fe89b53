"""Agreement records signed by both sides, later events, and how long data may be kept."""
