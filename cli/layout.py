"""JSON text indented for people, every token as it is: a parser would round numbers and drop escapes."""


def indented(text: str) -> str:
    """`text` must be JSON; anything else comes out in odd lines, but whole."""
    out: list[str] = []
    depth, in_string, escaped = 0, False, False
    for position, letter in enumerate(text):
        if in_string:
            out.append(letter)
            in_string, escaped = escaped or letter != '"', not escaped and letter == "\\"
        elif letter in "{[":
            depth += 1
            empty = text[position + 1 :].lstrip()[:1] in ("}", "]")
            out.append(letter if empty else letter + _line(depth))
        elif letter in "}]":
            depth -= 1
            empty = text[:position].rstrip()[-1:] in ("{", "[")
            out.append(letter if empty else _line(depth) + letter)
        elif letter == ",":
            out.append(letter + _line(depth))
        elif letter == ":":
            out.append(": ")
        elif not letter.isspace():
            out.append(letter)
            in_string = letter == '"'
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + "  " * max(depth, 0)
