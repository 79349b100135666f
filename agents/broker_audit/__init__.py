"""Audits the brokers: what their authorizers count becomes signed events of a log of its own."""
