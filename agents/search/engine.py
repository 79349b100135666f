"""DuckDB, where it is installed, and what one of its errors says to a person."""

from types import ModuleType
from typing import Any

from pipeline.errors import PanlockError

Connection = Any  # duckdb.DuckDBPyConnection: an optional dependency


class SearchError(PanlockError):
    """The audit cannot be searched so; the message says why."""


def duckdb() -> ModuleType:
    """Raises SearchError."""
    try:
        import duckdb as found
    except ImportError as error:
        raise SearchError("searching the audit takes DuckDB: pip install 'panlock[evidence]'") from error
    return found


def connect() -> Connection:
    """In memory; nothing is downloaded. Raises SearchError."""
    extensions = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    connection = duckdb().connect(":memory:", config=extensions)
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection
