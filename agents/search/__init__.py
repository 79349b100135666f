"""The audit as tables: Parquet by day, derived from verified events, read by DuckDB. A cache, never the evidence."""
