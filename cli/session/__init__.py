"""A person's session: a key pair of one sign-in, and the ID token that binds it to them. Neither is ever in a file."""
