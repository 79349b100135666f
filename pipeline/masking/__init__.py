"""What is sensitive in a record, and what is done to it: a thin face over the kernel."""
