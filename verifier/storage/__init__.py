"""What a vendor remembers: its requests with their answers and records, and the public lists that it follows."""
