"""A policy's YAML as plain data that knows its lines.

YAML 1.2's core scalars, so that `off` is a word and `1:30` no number; no aliases, no tags, no second key of one name:
a reviewer must be able to trust what the page shows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from pipeline.policy.problems import PolicyError, Problem, quote

Path = tuple[str | int, ...]
Data = dict[str, "Data"] | list["Data"] | str | int | float | bool | None

FILE_LIMIT = 1 << 20  # characters: far above any policy, far below what would stall a worker's start
DEPTH_LIMIT = 32
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")  # which no UTF-8 can hold
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


def dotted(path: Path) -> str:
    """`flows.payments.hold[0].when`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the document. What is not there, or is of another kind than asked for, reads as empty."""

    document: "Document"
    path: Path
    data: Data

    def at(self, *steps: str) -> "Cursor":
        here = self
        for step in steps:
            inner = here.data.get(step) if isinstance(here.data, dict) else None
            here = Cursor(self.document, (*here.path, step), inner)
        return here

    def members(self) -> Iterator[tuple[str, "Cursor"]]:
        if isinstance(self.data, dict):
            for key, data in self.data.items():
                yield key, Cursor(self.document, (*self.path, key), data)

    def elements(self) -> Iterator["Cursor"]:
        if isinstance(self.data, list):
            for index, data in enumerate(self.data):
                yield Cursor(self.document, (*self.path, index), data)

    @property
    def text(self) -> str | None:
        return self.data if isinstance(self.data, str) else None

    def texts(self) -> list[str]:
        return [element.text for element in self.elements() if element.text is not None]

    @property
    def line(self) -> int:
        return self.document.line(self.path)

    def problem(self, what: str, remedy: str) -> Problem:
        return Problem(self.line, dotted(self.path), what, remedy)


class Document:
    """A YAML file read as data; `problems` are the duplicate keys met on the way."""

    def __init__(self, text: str, name: str) -> None:
        """Raises PolicyError where it is no YAML at all."""
        self.problems: list[Problem] = []
        self._lines: dict[Path, int] = {}
        self.root = Cursor(self, (), self._read(_compose(text, name), ()))

    def line(self, path: Path) -> int:
        """Where a path starts; for what is not there, the nearest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _read(self, node: yaml.Node | None, path: Path) -> Data:
        if node is None:
            return None
        self._lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > DEPTH_LIMIT:
            self._problem(node, path, "is nested too deep", f"nothing in a policy goes {DEPTH_LIMIT} levels down")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._read_scalar(node, path) if isinstance(node, yaml.ScalarNode) else None

    def _read_mapping(self, node: yaml.MappingNode, path: Path) -> Data:
        read: dict[str, Data] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "has a list or mapping as a key", "use a plain name")
                continue
            key = self._text(key_node, path)
            inner = (*path, key)
            if key in read:
                first = self._lines[inner]
                self._problem(key_node, inner, f"stands twice, first in line {first}", "keep one of the two")
                continue
            self._lines[inner] = key_node.start_mark.line + 1
            read[key] = self._read(value_node, inner)
        return read

    def _read_scalar(self, node: yaml.ScalarNode, path: Path) -> Data:
        text = self._text(node, path)
        if node.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if len(text) <= 18 and _INT.fullmatch(text):
            return int(text)
        return float(text) if len(text) <= 18 and _FLOAT.fullmatch(text) else text

    def _text(self, node: yaml.ScalarNode, path: Path) -> str:
        text = str(node.value)
        if _SURROGATE.search(text):
            self._problem(node, path, "holds half a character", "write it out instead of as \\u escapes")
        return _SURROGATE.sub("?", text)

    def _problem(self, node: yaml.Node, path: Path, what: str, remedy: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, dotted(path), what, remedy))


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias (*) stands here", problem_mark=self.get_mark())
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if event.tag is not None:
            raise yaml.MarkedYAMLError(problem=f"the tag {quote(event.tag)} stands here", problem_mark=event.start_mark)
        return super().compose_node(parent, index)


def _compose(text: str, name: str) -> yaml.Node | None:
    if len(text) > FILE_LIMIT:
        raise PolicyError(name, [Problem(1, "", "is larger than 1 MiB", "a policy is written by people: split it")])
    try:
        loader = _Loader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
            return node
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = f"is not the YAML of a policy: {error.problem or error.context}"
        remedy = "mend the line; aliases and tags have no place here"
        raise PolicyError(name, [Problem(line, "", what, remedy)]) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        what = "is not the YAML of a policy: characters or nesting that YAML does not allow"
        raise PolicyError(name, [Problem(1, "", what, "write it as plain UTF-8 text")]) from None
