"""The sealer: follows every log of the audit, and signs how far each one has come."""
