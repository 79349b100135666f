"""What goes wrong before a record is sent. Messages never hold anything of a record."""


class ProducerError(Exception):
    """The root: what, where, and what to do."""


class IdentityError(ProducerError):
    """A certificate, private key or public key that cannot be used."""


class RecordError(ProducerError):
    """A record that cannot be signed or sealed."""
