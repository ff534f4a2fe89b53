"""Terms, promises, the person's rules, and the decision to show something or not."""
