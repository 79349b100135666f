"""Tamper-evident audit: events, a hash chain a lane, and the check that replays it."""
