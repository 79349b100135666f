"""The parts of an XML document: how each appears in the projection, and how it takes up what masking changed."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pipeline.masking.formats.format import Unwritable

_TAG = re.compile(rb"<[^\s/>]+")
_ATTRIBUTE = re.compile(rb"""\s+[^\s=/>]+\s*=\s*("[^"]*"|'[^']*')""")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_IN_TEXT, _IN_ATTRIBUTE = re.compile(r"[&<>\r]"), re.compile(r'[&<>"\t\n\r]')


class Splice:
    """Bytes with places replaced; places do not overlap."""

    def __init__(self, content: bytes) -> None:
        self.content, self._edits = content, list[tuple[int, int, bytes]]()

    def put(self, start: int, end: int, by: bytes) -> None:
        self._edits.append((start, end, by))

    def result(self) -> bytes:
        out, at = [], 0
        for start, end, by in sorted(self._edits):
            out += [self.content[at:start], by]
            at = end
        return b"".join([*out, self.content[at:]])


_NONE: list[Any] = []  # of all elements that hold nothing of a kind; never appended to
Chunk = tuple[int, int, str]  # where it begins and ends, and what it says


class Text(NamedTuple):
    """All text of one element, as its readers see it: comments and CDATA borders do not part it."""

    chunks: Sequence[Chunk]

    def value(self) -> str | None:
        if len(self.chunks) == 1:
            return self.chunks[0][2]
        return "".join(chunk[2] for chunk in self.chunks) if self.chunks else None

    def edit(self, before: object, after: object, splice: Splice, path: str) -> None:
        if not isinstance(after, str) or not self.chunks:
            raise Unwritable(path)
        (start, end, _), *others = self.chunks
        splice.put(start, end, _escaped(_IN_TEXT, after))
        Text(others).drop(splice)

    def drop(self, splice: Splice) -> None:
        for start, end, _ in self.chunks:
            splice.put(start, end, b"")


class Attribute(NamedTuple):
    element: "Element"
    number: int
    text: str

    def value(self) -> str:
        return self.text

    def edit(self, before: object, after: object, splice: Splice, path: str) -> None:
        if not isinstance(after, str):
            raise Unwritable(path)
        start, end = self._match(splice).span(1)
        splice.put(start, end, b'"' + _escaped(_IN_ATTRIBUTE, after) + b'"')

    def drop(self, splice: Splice) -> None:
        splice.put(*self._match(splice).span(), b"")

    def _match(self, splice: Splice) -> re.Match[bytes]:
        return self.element.attribute_places(splice.content)[self.number]


class Note(NamedTuple):
    """A comment or a processing instruction. They hold no data: where the masked text does not fit, it goes."""

    kind: str
    start: int
    end: int
    text: str

    def value(self) -> str:
        return self.text

    def edit(self, before: object, after: object, splice: Splice, path: str) -> None:
        if self.kind == "pi" or not isinstance(after, str) or "--" in after or after.endswith("-"):
            self.drop(splice)
        else:
            splice.put(self.start, self.end, b"<!--" + after.encode() + b"-->")

    def drop(self, splice: Splice) -> None:
        splice.put(self.start, self.end, b"")


class Element:
    """`start`, `end`: its bytes, tags included; `attributes`: names and values in turn. The document itself is one
    without a name. Most elements hold one text and nothing else: lists are made for those that need them."""

    __slots__ = ("_places", "attributes", "children", "end", "name", "notes", "start", "texts")

    def __init__(self, name: str, start: int, attributes: list[str]) -> None:
        self.name, self.start, self.end, self.attributes = name, start, 0, attributes
        self.texts: list[Chunk] = _NONE
        self.notes: list[Note] = _NONE
        self.children: list[Element] = _NONE
        self._places: list[re.Match[bytes]] | None = None

    def add_text(self, chunk: Chunk) -> None:
        if self.texts:
            self.texts.append(chunk)
        else:
            self.texts = [chunk]

    def add_note(self, note: Note) -> None:
        if self.notes:
            self.notes.append(note)
        else:
            self.notes = [note]

    def add_child(self, child: "Element") -> None:
        if self.children:
            self.children.append(child)
        else:
            self.children = [child]

    def attribute_places(self, content: bytes) -> list[re.Match[bytes]]:
        """Where each stands: the document is well-formed, so the start tag is what the expressions say. Looked for
        once: for each again, a tag with very many would take their square in time."""
        if self._places is None:
            self._places = []
            found = _TAG.match(content, self.start)
            while found is not None and (found := _ATTRIBUTE.match(content, found.end())):
                self._places.append(found)
        return self._places

    def is_empty(self) -> bool:
        return not (self.texts or self.notes or self.children)

    def value(self) -> object:
        return project(self)

    def members(self) -> "dict[str, list[Part]]":
        """Name in the projection → what stands under it, in the document's order."""
        found: dict[str, list[Part]] = {}
        for name, part in self._parts():
            found.setdefault(name, []).append(part)
        return found

    def is_plain(self) -> bool:
        return bool(self.name) and not (self.attributes or self.notes or self.children)

    def _parts(self) -> "Iterator[tuple[str, Part]]":
        text = Text(self.texts)
        if self.name and not self.children:
            yield "#text", text
        for index in range(0, len(self.attributes), 2):
            name, value = self.attributes[index : index + 2]
            local = name if name.startswith("xmlns") else name.rpartition(":")[2]
            yield f"@{local}", Attribute(self, index // 2, value)
        for note in self.notes:
            yield f"#{note.kind}", note
        for child in self.children:
            yield child.name, child
        if self.children and (text.value() or "").strip():
            yield "#text", text

    def edit(self, before: object, after: object, splice: Splice, path: str) -> None:
        """`before`, `after`: what it was and is in the projection. Raises Unwritable, where masking changed a name."""
        if self.is_plain():
            Text(self.texts).edit(before, after, splice, path)
            return
        members = self.members()
        if not isinstance(before, dict) or not isinstance(after, dict) or not after.keys() <= members.keys():
            raise Unwritable(path)
        for name, parts in members.items():
            if name not in after:
                for part in parts:
                    part.drop(splice)
            elif after[name] != before[name]:
                several = len(parts) > 1
                pairs = (before[name], after[name]) if several else ([before[name]], [after[name]])
                for part, *pair in zip(parts, *pairs, strict=True):
                    if pair[0] != pair[1]:
                        part.edit(*pair, splice, f"{path}.{name}")

    def drop(self, splice: Splice) -> None:
        splice.put(self.start, self.end, b"")


Part = Text | Attribute | Note | Element


def project(element: Element) -> object:
    """As JSON: see pipeline.masking.formats.xml."""
    if element.is_plain():
        return Text(element.texts).value() if element.texts else None
    return {
        name: parts[0].value() if len(parts) == 1 else [part.value() for part in parts]
        for name, parts in element.members().items()
    }


def _escaped(which: re.Pattern[str], text: str) -> bytes:
    return which.sub(lambda found: _ESCAPES[found[0]], text).encode()
