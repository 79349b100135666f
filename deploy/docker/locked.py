"""What of requirements.lock an image installs: the packages that a set of extras needs, each with all its hashes."""

from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def entries(lock: Path) -> dict[str, str]:
    """Canonical name → its lines: `name==version ; marker \\` and a line a hash."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.read_text().splitlines(keepends=True):
        if not line.strip() or line.startswith("#"):
            continue
        if not line[0].isspace():
            name = canonicalize_name(line.split("==")[0])
        found[name] = found.get(name, "") + line
    return found


def closure(distribution: str, extras: Iterable[str] = ()) -> set[str]:
    """Canonical names of all that `distribution` needs on this platform, without itself.

    Read from what is installed here, so this interpreter's environment must be the locked one.
    """
    needed: set[str] = set()
    waiting = [(distribution, frozenset(extras))]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        for text in requires(name) or ():
            requirement = Requirement(text)
            if not _applies(requirement, wanted):
                continue
            needed.add(canonicalize_name(requirement.name))
            each = requirement.name, frozenset(requirement.extras)
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return needed - {canonicalize_name(distribution)}


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def subset(lock: Path, names: Iterable[str]) -> str:
    """Those entries of the lock, in its order. Raises KeyError for a name that it lacks."""
    known = entries(lock)
    return "".join(known[name] for name in sorted(names))
