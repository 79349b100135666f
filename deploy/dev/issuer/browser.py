"""Signs somebody in at the development issuer without a person at the keyboard: a browser of one form.

    BROWSER="python -m deploy.dev.issuer.browser --ca ca.pem --account ana %s" panlock login

Fetches the page, answers its form, and follows the redirect to the loopback address of `panlock login`.
"""

import argparse
import ssl
import sys
import urllib.parse
import urllib.request
from pathlib import Path

LIMIT = 20.0  # seconds


def visit(url: str, ca: Path, account: str, **answers: str) -> str:
    """The text of the last page. `answers`: factors (one | two), answer (yes | no), ago. OSError where it fails."""
    context = ssl.create_default_context(cafile=str(ca))
    form = {"account": account, "factors": "two", "answer": "yes", **answers}
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    if "user_code" in query:
        form["user_code"] = query["user_code"]
    with urllib.request.urlopen(url, timeout=LIMIT, context=context) as page:  # noqa: S310  # the page must be there
        page.read()
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, body, timeout=LIMIT, context=context) as page:  # noqa: S310
        return str(page.read().decode(errors="replace"))


def main() -> None:
    options = argparse.ArgumentParser(description="A browser of one form, for development alone.")
    options.add_argument("--ca", type=Path, required=True)
    options.add_argument("--account", required=True)
    options.add_argument("--factors", choices=("one", "two"), default="two")
    options.add_argument("--answer", choices=("yes", "no"), default="yes")
    options.add_argument("--ago", default="0", help="seconds since they signed in, for tests of an old session")
    options.add_argument("url")
    arguments = options.parse_args()
    try:
        answers = {name: getattr(arguments, name) for name in ("factors", "answer", "ago")}
        visit(arguments.url, arguments.ca, arguments.account, **answers)
    except OSError as error:
        sys.exit(f"error: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
