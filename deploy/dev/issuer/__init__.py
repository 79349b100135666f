"""A small OpenID Connect provider for development, tests and the demo. Anyone who reaches it is whoever they choose."""
