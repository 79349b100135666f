"""`python -m deploy.dev.issuer ACCOUNTS SERVICES PORT CERTIFICATE KEY`: serves https://127.0.0.1:PORT until SIGTERM.

`--name HOST`: https://HOST:PORT, for those who reach it under another name.
"""

import argparse
import ssl
import sys
from pathlib import Path

from aiohttp import web

from deploy.dev.issuer.accounts import load_accounts
from deploy.dev.issuer.provider import Provider
from deploy.dev.issuer.services import load_services
from deploy.dev.issuer.web import IssuerWeb
from pipeline.errors import PanlockError


def main() -> None:
    options = argparse.ArgumentParser(description="An OpenID Connect provider for development alone.")
    options.add_argument("accounts", type=Path, help="YAML: name -> {email, groups}")
    options.add_argument("services", type=Path, help="YAML: client id -> {keys, audience}")
    options.add_argument("port", type=int)
    options.add_argument("certificate", type=Path, help="PEM, for 127.0.0.1")
    options.add_argument("key", type=Path)
    options.add_argument(
        "--name", default="127.0.0.1", help="the host in its URL; another than 127.0.0.1: on every address"
    )
    arguments = options.parse_args()
    try:
        accounts, services = load_accounts(arguments.accounts), load_services(arguments.services)
    except PanlockError as error:
        sys.exit(f"error: {error}")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(arguments.certificate, arguments.key)
    print("panlock development issuer: anyone who reaches it is whoever they choose", file=sys.stderr, flush=True)
    site = IssuerWeb(Provider(f"https://{arguments.name}:{arguments.port}", services), accounts)
    # no access log: its lines would hold authorization codes
    web.run_app(
        site.app(),
        host="127.0.0.1" if arguments.name == "127.0.0.1" else None,
        port=arguments.port,
        ssl_context=context,
        access_log=None,
        print=lambda text: None,
    )


if __name__ == "__main__":
    main()
