"""Producers without a certificate, as a test needs them: an unmodified aiokafka with tokens by private_key_jwt."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.helpers import create_ssl_context
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

from deploy.dev.cluster import DevCluster
from deploy.dev.issuer.process import DevIssuer


class Client:
    """A client of the issuer, with its own key; nobody else has it."""

    def __init__(self, name: str, **service: object) -> None:
        self.name, self.key = name, ECKey.generate_key("P-256")
        self.key.ensure_kid()
        public = {key: str(value) for key, value in self.key.as_dict(private=False).items() if isinstance(value, str)}
        self.service = {"keys": [public], "audience": "kafka", **service}

    def token(self, issuer: DevIssuer, key: ECKey | None = None) -> str:
        """An access token, by client credentials."""
        url = f"{issuer.url}/token"
        session = OAuth2Session(self.name, key or self.key, token_endpoint_auth_method="private_key_jwt")
        session.register_client_auth_method(PrivateKeyJWT(url, alg="ES256"))
        with session:
            return session.fetch_token(url, grant_type="client_credentials", verify=str(issuer.ca))["access_token"]


class _Tokens(AbstractTokenProvider):
    def __init__(self, get: Callable[[], str]) -> None:
        self._get = get

    async def token(self) -> str:
        return await asyncio.to_thread(self._get)


@asynccontextmanager
async def producer(cluster: DevCluster, get: Callable[[], str]) -> AsyncIterator[AIOKafkaProducer]:
    """`get`: called for a token at each connection."""
    made = AIOKafkaProducer(**_arguments(cluster, get))
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def consumer(cluster: DevCluster, get: Callable[[], str]) -> AsyncIterator[AIOKafkaConsumer]:
    """From the earliest record, without a group."""
    made = AIOKafkaConsumer(auto_offset_reset="earliest", **_arguments(cluster, get))
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


def _arguments(cluster: DevCluster, get: Callable[[], str]) -> dict[str, Any]:
    return {
        "bootstrap_servers": cluster.oauth_bootstrap,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_provider": _Tokens(get),
        "ssl_context": create_ssl_context(cafile=str(cluster.ca)),
        "request_timeout_ms": 5_000,
    }


def send(
    cluster: DevCluster,
    get: Callable[[], str],
    topic: str,
    values: Iterable[bytes],
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """To partition 0, each acknowledged. Raises aiokafka's KafkaError."""

    async def go() -> None:
        async with producer(cluster, get) as one:
            for value in values:
                await one.send_and_wait(topic, value, partition=0, headers=list(headers))

    asyncio.run(go())
