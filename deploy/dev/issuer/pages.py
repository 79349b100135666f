"""The two pages of the development issuer. Every text from outside is escaped."""

from collections.abc import Iterable
from html import escape

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Panlock development issuer</title>
<body style="font-family: sans-serif; max-width: 40em; margin: 3em auto">
<p style="background: #fd0; padding: 1em"><b>For development.</b> No password is asked: whoever sees this page can be
anyone.</p>{}</body></html>"""


def page(content: str) -> str:
    return _PAGE.format(content)


def sign_in(title: str, accounts: Iterable[str], hidden: Iterable[tuple[str, str]], more: str = "") -> str:
    """A form that posts to its own address."""
    people = "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in accounts)
    kept = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in hidden)
    return page(
        f'<h1>{escape(title)}</h1><form method="post">{kept}{more}'
        f'<p><label>Sign in as <select name="account">{people}</select></label></p>'
        '<p><label>with <select name="factors"><option value="two">password and second factor</option>'
        '<option value="one">password alone</option></select></label></p>'
        '<p><button name="answer" value="yes">Sign in</button> '
        '<button name="answer" value="no">Refuse</button></p></form>'
    )


def user_code(code: str) -> str:
    return f'<p><label>Code <input name="user_code" value="{escape(code)}" autocomplete="off"></label></p>'
