"""The I/O of all programs: database, settings, network and web. Nothing in the core imports it."""
