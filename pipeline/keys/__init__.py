"""Keys that enforcement uses, and the interface of what they come from. Token keys: HMAC-SHA-256, by key id."""

from panlock_kernel import Keyring

__all__ = ["Keyring"]
