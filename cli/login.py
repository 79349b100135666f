"""`panlock login | logout | whoami`: a session at the issuer that the configuration names."""

import time
from typing import Annotated

import typer

from cli.config import ConfigOption, load_config
from cli.output import JsonOption, print_json, say
from cli.session.held import SessionError, Who
from cli.session.sign_in import SignIn

Device = Annotated[bool, typer.Option("--device", help="Sign in on another device, with a code. Decides little.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address, and open nothing.")]


def login(
    device: Device = False, no_browser: NoBrowser = False, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Sign in at your issuer. A key is made for the session; it is in no file, and good for minutes."""
    person = load_config(config).sign_in()
    keeper = person.keeper().start()
    flow = SignIn(person.issuer, person.context(), person.scope, say)
    try:
        who = flow.by_device(keeper) if device else flow.by_code(keeper, open_browser=not no_browser)
    except BaseException:
        keeper.forget()
        raise
    _tell(who, keeper.place, as_json)


def logout(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Throw the session's key away."""
    forgot = load_config(config).sign_in().keeper().forget()
    if as_json:
        print_json({"signed_out": forgot})
    else:
        say("signed out; the session's key is gone" if forgot else "nobody was signed in")


def whoami(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Who is signed in, with which groups, and for how long. Exit 2 if nobody is."""
    keeper = load_config(config).sign_in().keeper()
    who = keeper.who()
    if who is None:
        raise SessionError("you are not signed in, or the session is over: `panlock login`")
    _tell(who, keeper.place, as_json)


def _tell(who: Who, place: str, as_json: bool) -> None:
    if as_json:
        told = {"person": who.person, "groups": list(who.groups), "acr": who.acr, "device": who.device}
        print_json({**told, "until": who.until, "seconds": who.left()})
        return
    until = time.strftime("%H:%M:%S", time.localtime(who.until))
    groups = ", ".join(who.groups) or "no group"
    limited = "; by the device flow: it decides only where a rule allows it" if who.device else ""
    say(f"{who.person} ({groups}), until {until}; the key is {place}{limited}")
