"""Who wrote a record: identity headers."""
