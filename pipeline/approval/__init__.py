"""Held records: what is pending, signed decisions about it, and how they weigh."""
