"""Keys that enforcement uses. Token keys: HMAC-SHA-256, 32 bytes each, by key id."""

from panlock_kernel import Keyring

__all__ = ["Keyring"]
