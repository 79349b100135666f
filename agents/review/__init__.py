"""Rules that look over the audit, and what a person has said about each finding (PCI DSS v4.0.1, 10.4.1.1)."""
