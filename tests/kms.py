"""AWS KMS for tests: moto's server, on 127.0.0.1."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "a secret that no message shows"}


@contextmanager
def kms() -> Iterator[dict[str, Any]]:
    """`key_services.aws` as a configuration has it. The environment must have CREDENTIALS."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        settings = {"region": "eu-central-1", "endpoint": f"http://{host}:{port}"}
        client = boto3.client("kms", region_name=settings["region"], endpoint_url=settings["endpoint"])
        yield {**settings, "key": client.create_key()["KeyMetadata"]["KeyId"]}
    finally:
        server.stop()
