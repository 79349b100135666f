"""`panlock audit key`: the key that a worker, or the sealer, signs with."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli.output import JsonOption, print_json, say, write
from cli.person import keep
from pipeline.audit.signature import Signer, public_jwk


def key(
    out: Annotated[Path, typer.Option(help="Where the private key goes, for its owner to read. Never overwritten.")],
    as_json: JsonOption = False,
) -> None:
    """Make an Ed25519 key for a worker or the sealer, and print the public JWK for the policy's `audit`.

    A process reads it at its start, without anyone to ask for a passphrase: keep the file on its machine alone.
    """
    signer = Signer(Ed25519PrivateKey.generate())
    keep(out, signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    jwk = public_jwk(signer.key.public_key())
    if as_json:
        print_json({"key": str(out), "kid": signer.kid, "jwk": jwk})
        return
    write(orjson.dumps(jwk, option=orjson.OPT_APPEND_NEWLINE))
    say(f"{out}: name it as the process's audit_key, and put the line above under audit.worker_keys or .sealer_keys")
