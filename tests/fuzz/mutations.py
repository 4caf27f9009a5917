"""Ways in which a file is damaged, each from a random generator, so that a seed tells the damage."""

import json
import random
import re
from collections.abc import Callable

ABSURD = (
    "-1", "0", "1e999", "-1e308", "NaN", "Infinity", "null", "true", "[]", "{}", '""', '"x"', "[[[[]]]]",
    "1" + "0" * 400, "9223372036854775808", "0.1", '"\\u0000"', '"$\\\\frac{x$"', '"../../x"', '"/dev/null"',
)  # fmt: skip
"""Values in place of another one, as JSON."""

Mutation = Callable[[bytes, random.Random], bytes]


def flipped(content: bytes, rng: random.Random) -> bytes:
    """One bit."""
    return _with_flips(content, rng, 1)


def flipped_often(content: bytes, rng: random.Random) -> bytes:
    """Up to a hundred bits."""
    return _with_flips(content, rng, rng.randrange(2, 100))


def flipped_in_front(content: bytes, rng: random.Random) -> bytes:
    """Bits of the beginning, where headers are."""
    return _with_flips(content[:512], rng, rng.randrange(1, 4)) + content[512:]


def cut(content: bytes, rng: random.Random) -> bytes:
    """The end is missing."""
    return content[: rng.randrange(len(content) + 1)]


def cut_a_little(content: bytes, rng: random.Random) -> bytes:
    """The last bytes are missing."""
    return content[: -rng.randrange(1, 64)]


def longer(content: bytes, rng: random.Random) -> bytes:
    """Something stands behind the end: noise, zeros, or the file once more."""
    return content + rng.choice([rng.randbytes(rng.randrange(1, 4096)), bytes(rng.randrange(1, 4096)), content])


def without_a_part(content: bytes, rng: random.Random) -> bytes:
    """Bytes in between are missing."""
    begin, end = _part(content, rng)
    return content[:begin] + content[end:]


def zeroed(content: bytes, rng: random.Random) -> bytes:
    """Bytes in between are zero, as after a crash of the machine."""
    begin, end = _part(content, rng)
    return content[:begin] + bytes(end - begin) + content[end:]


def noise_in_between(content: bytes, rng: random.Random) -> bytes:
    """Bytes in between are others."""
    begin, end = _part(content, rng)
    return content[:begin] + rng.randbytes(end - begin) + content[end:]


def repeated(content: bytes, rng: random.Random) -> bytes:
    """Bytes in between stand there twice."""
    begin, end = _part(content, rng)
    return content[:end] + content[begin:]


def another_file(content: bytes, rng: random.Random) -> bytes:
    """Nothing of what it was."""
    return rng.choice([b"", b"\x00", b"\n", b"PK\x03\x04", b"\x80\x04N.", b"{" * 100_000, rng.randbytes(3000)])


def another_value(content: bytes, rng: random.Random) -> bytes:
    """A number or text of a text file is an absurd one."""
    places = list(re.finditer(rb'-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|"[^"\n]*"|\btrue\b|\bfalse\b|\bnull\b', content))
    if not places:
        return flipped(content, rng)
    place = rng.choice(places)
    return content[: place.start()] + rng.choice(ABSURD).encode() + content[place.end() :]


def another_leaf(content: bytes, rng: random.Random) -> bytes:
    """Something inside a JSON file is something else, or gone; the file is sound otherwise."""
    try:
        tree = json.loads(content)
    except ValueError:
        return another_value(content, rng)
    inside = list(_inside(tree))
    if not inside:
        return another_value(content, rng)
    parent, key = rng.choice(inside)
    if rng.random() < 0.2:
        del parent[key]
    else:
        parent[key] = json.loads(rng.choice([value for value in ABSURD if value != "1e999"]))
    return json.dumps(tree).encode()


def another_line(content: bytes, rng: random.Random) -> bytes:
    """A line of a text file is missing, doubled, in another place, or very long."""
    lines = content.split(b"\n")
    index = rng.randrange(len(lines))
    line = lines.pop(index)
    kept = rng.choice([[], [line, line], [line * 1000], [line[: len(line) // 2]], [line.lower()], [b"\xff\xfe" + line]])
    where = rng.choice([index, rng.randrange(len(lines) + 1)])
    return b"\n".join(lines[:where] + kept + lines[where:])


def in_another_encoding(content: bytes, rng: random.Random) -> bytes:
    """With a byte-order mark, in UTF-16, or with line ends of other systems."""
    text = content.decode("latin-1")
    return rng.choice([
        b"\xef\xbb\xbf" + content, text.encode("utf-16"), content.replace(b"\n", b"\r\n"), content.replace(b"\n", b"\r")
    ])  # fmt: skip


BYTES: tuple[Mutation, ...] = (
    flipped, flipped, flipped_often, flipped_in_front, cut, cut_a_little, longer, without_a_part, zeroed,
    noise_in_between, repeated, another_file,
)  # fmt: skip
TEXTS: tuple[Mutation, ...] = (*BYTES, another_value, another_value, another_line, another_line, in_another_encoding)
JSON: tuple[Mutation, ...] = (*TEXTS, another_leaf, another_leaf, another_leaf, another_leaf)


def _with_flips(content: bytes, rng: random.Random, n: int) -> bytes:
    damaged = bytearray(content)
    for _ in range(n if damaged else 0):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _part(content: bytes, rng: random.Random) -> tuple[int, int]:
    begin = rng.randrange(len(content) + 1)
    return begin, min(len(content), begin + rng.choice([1, 4, 64, 1024]))


def _inside(tree: object) -> list[tuple[dict | list, str | int]]:
    if isinstance(tree, dict):
        places = [(tree, key) for key in tree]
    elif isinstance(tree, list):
        places = [(tree, index) for index in range(min(len(tree), 8))]
    else:
        return []
    return places + [place for parent, key in places for place in _inside(parent[key])]
