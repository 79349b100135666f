"""The one error tree. Each class is defined where it is raised; this is its root."""


class PanlockError(Exception):
    """Something a person can mend. The message says what, where, and what to do; it never holds card data."""
