"""A lane's state on RocksDB, rebuilt from its changelog."""
