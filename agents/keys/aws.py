"""AWS KMS as a key service, through boto3; ciphertexts are bound to kind and id by the encryption context.

A worker needs kms:Decrypt; who makes keys, kms:GenerateDataKey and kms:Encrypt.
"""

from base64 import b64decode, b64encode
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from agents.keys.settings import AwsSettings
from pipeline.keys.service import KEY_BYTES, KeyServiceError, context

_WAITS = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})


class AwsKms:
    """Raises KeyServiceError, with AWS's code and never its message, which can quote what was sent."""

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        try:
            self._client = boto3.client(
                "kms", region_name=settings.region, endpoint_url=settings.endpoint, config=_WAITS
            )
        except (BotoCoreError, ValueError) as error:
            raise self._error("connect", f"fails ({type(error).__name__}): see region and endpoint") from None

    def generate(self, kind: str, id_: str) -> tuple[bytes, str]:
        answer = self._call("make a data key", "generate_data_key", kind, id_, KeySpec="AES_256")
        return self._key(answer), b64encode(answer["CiphertextBlob"]).decode()

    def wrap(self, kind: str, id_: str, key: bytes) -> str:
        return b64encode(self._call("encrypt", "encrypt", kind, id_, Plaintext=key)["CiphertextBlob"]).decode()

    def unwrap(self, kind: str, id_: str, ciphertext: str) -> bytes:
        what = f"decrypt {kind} key {id_}"
        try:
            blob = b64decode(ciphertext, validate=True)
        except ValueError:
            raise self._error(what, "fails: its ciphertext is not base64: take the file as it was written") from None
        return self._key(self._call(what, "decrypt", kind, id_, CiphertextBlob=blob))

    def _call(self, what: str, method: str, kind: str, id_: str, **more: object) -> dict[str, Any]:
        bound = dict(context(kind, id_))
        return self._ask(what, method, KeyId=self._settings.key, EncryptionContext=bound, **more)

    def _ask(self, what: str, method: str, **more: object) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, method)(**more)
            return answer
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "no code")
            raise self._error(what, f"is refused ({code}): {_REMEDIES.get(code, _ROLE)}") from None
        except NoCredentialsError:
            raise self._error(what, "fails: no credentials: give the pod or machine a role") from None
        except BotoCoreError as error:
            raise self._error(what, f"fails ({type(error).__name__}): see region, endpoint and network") from None

    def _key(self, answer: dict[str, Any]) -> bytes:
        key = bytes(answer["Plaintext"])
        if len(key) != KEY_BYTES:
            raise self._error("unwrap", f"gives no key of {KEY_BYTES} bytes: wrap it anew")
        return key

    def _error(self, what: str, why: str) -> KeyServiceError:
        return KeyServiceError(f"key_services.aws: {self._settings.key} in {self._settings.region}: to {what} {why}")


_ROLE = "see the key's policy, the role's, and that the key is enabled"
_REMEDIES = {
    "InvalidCiphertextException": "altered, or wrapped as another key: take the file as it was written",
    "IncorrectKeyException": "wrapped under another KMS key: name that one, or wrap it anew",
    "NotFoundException": "no such key in this region: see `key` and `region`",
}
