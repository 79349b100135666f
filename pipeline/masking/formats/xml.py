"""XML, as ISO 20022 and card systems send it: read by expat, which tells the byte of everything, and edited in place.

Projection, by local names: namespaces and their prefixes do not matter to paths.

    <Card scheme="visa"><!-- c --><PAN>4111…</PAN><Tx>1</Tx><Tx>2</Tx><Note/></Card>
    {"Card": {"@scheme": "visa", "#comment": " c ", "PAN": "4111…", "Tx": ["1", "2"], "Note": null}}

A leaf with attributes or comments is an object whose first member is `#text`; other elements with text of their own
have `#text` last. In the kernel's format "xml" a path's step means the one element, each of several, and the `#text` of
such a leaf, so that a path does not change with the number of repeats. No DTD, so no entities but the five of XML.
"""

import re
from xml.parsers import expat  # a DTD is refused: no entities, nothing external

import orjson

from pipeline.masking.formats.format import DEEPEST, Malformed, Unwritable
from pipeline.masking.formats.xml_nodes import Element, Note, Splice, project
from pipeline.record import Reason

MOST_NODES = 100_000  # elements, attributes, comments: about 0.3 s and 100 MB
_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]{0,80}?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS = {"utf-8": "utf-8", "us-ascii": "ascii", "iso-8859-1": "latin-1", "iso-8859-15": "iso8859-15"}
_ENCODINGS |= {"windows-1252": "cp1252", "utf8": "utf-8", "ascii": "ascii"}


class Xml:
    """One document. `content`: its bytes in UTF-8; `encoding`: what it came in."""

    def __init__(self, content: bytes, encoding: str, root: Element) -> None:
        self._content, self._encoding, self._root = content, encoding, root
        self._told = project(root)
        self.json = orjson.dumps(self._told)

    def write(self, masked: bytes) -> bytes:
        splice = Splice(self._content)
        self._root.edit(self._told, orjson.loads(masked), splice, "$")
        written = splice.result()
        try:
            _parser().Parse(written, True)
        except expat.ExpatError:
            raise Unwritable("$") from None
        return written if self._encoding == "utf-8" else written.decode().encode(self._encoding, "xmlcharrefreplace")


class XmlFormat:
    def read(self, value: bytes) -> Xml:
        content, encoding = _utf8(value)
        reading = _Reading(content)
        try:
            reading.parser.Parse(content, True)
        except expat.ExpatError:
            at = max(reading.parser.ErrorByteIndex, 0)
            if encoding != "utf-8":
                at = len(content[:at].decode(errors="replace"))  # one byte a character
            raise Malformed(f"byte {at}") from None
        return Xml(content, encoding, reading.root)


def _utf8(value: bytes) -> tuple[bytes, str]:
    """The document in UTF-8, and the codec it came in. Raises Malformed."""
    declared = _DECLARED.match(value)
    encoding = "utf-8" if declared is None else _ENCODINGS.get(declared[1].decode().lower())
    if encoding is None:
        raise Malformed("byte 0")
    try:
        text = value.decode(encoding)
    except UnicodeDecodeError as error:
        raise Malformed(
            f"byte {error.start}", Reason.INVALID_UTF8 if encoding == "utf-8" else Reason.MALFORMED_VALUE
        ) from None
    return (value if encoding == "utf-8" else text.encode()), encoding


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate("UTF-8")
    parser.ordered_attributes = True
    return parser


class _Reading:
    """Builds the elements, each with the bytes that it and its texts take."""

    def __init__(self, content: bytes) -> None:
        self._content, self._nodes = content, 0
        self.root = Element("", 0, [])
        self._open = [self.root]
        self._text_from: int | None = None
        self._pieces: list[str] = []
        self.parser = parser = _parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartCdataSectionHandler = lambda: self._text("")
        parser.CommentHandler = lambda text: self._note("comment", text)
        parser.ProcessingInstructionHandler = lambda target, text: self._note("pi", f"{target} {text}")
        parser.StartDoctypeDeclHandler = self._doctype

    @property
    def _at(self) -> int:
        return self.parser.CurrentByteIndex

    def _start(self, name: str, attributes: list[str]) -> None:
        self._end_text()
        if len(self._open) > DEEPEST:
            raise Malformed(f"byte {self._at}", Reason.TOO_DEEP)
        self._count(1 + len(attributes) // 2)
        element = Element(name.rpartition(":")[2], self._at, attributes)
        self._open[-1].add_child(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._end_text()
        element = self._open.pop()
        empty_tag = element.is_empty() and self._content[self._at - 2 : self._at] == b"/>"
        element.end = self._at if empty_tag else self._content.index(b">", self._at) + 1

    def _text(self, text: str) -> None:
        if self._text_from is None:
            self._text_from = self._at
        self._pieces.append(text)

    def _end_text(self) -> None:
        if self._text_from is not None:
            self._open[-1].add_text((self._text_from, self._at, "".join(self._pieces)))
            self._text_from, self._pieces = None, []

    def _note(self, kind: str, text: str) -> None:
        self._end_text()
        self._count(1)
        opening, closing = (b"<!--", b"-->") if kind == "comment" else (b"<?", b"?>")
        end = self._content.index(closing, self._at + len(opening)) + len(closing)
        self._open[-1].add_note(Note(kind, self._at, end, text))

    def _count(self, more: int) -> None:
        self._nodes += more
        if self._nodes > MOST_NODES:
            raise Malformed(f"byte {self._at}", Reason.TOO_LARGE)

    def _doctype(self, *_: object) -> None:
        raise Malformed(f"byte {self._at}")
