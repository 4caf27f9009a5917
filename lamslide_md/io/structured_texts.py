"""JSON, TOML and YAML as they come from disk: within limits, plain values only."""

import codecs
import json
import math
import reprlib
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lamslide_md.errors import InputError, in_one_line
from lamslide_md.io.given_paths import check_file

SMALL_BYTES = 1_000_000
"""Limit of files that people write: configurations, echoes."""
RECORD_BYTES = 64_000_000
"""Limit of manifests, which list the files of many chains."""
RESULT_BYTES = 1_000_000_000
"""Limit of results, which hold the maps of large proteins."""

MOST_LEVELS = 50
"""Of lists and sections within one another; a comparison has seven."""
MOST_DIGITS = 40
"""Of a whole number: more than the state of any random generator has, and few enough for a float."""
TOO_LONG = f"a number has more than {MOST_DIGITS} digits"
MOST_SHOWN = 60
"""Characters of a wrong value in a message."""

ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""By the mark at the beginning; that of UTF-32 begins with that of UTF-16."""

FORMATS = {".toml": "TOML", ".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}


def format_of(path: Path) -> str | None:
    """Tell the format of a file by its ending, in whatever case; None for any other."""
    return FORMATS.get(path.suffix.lower())


def read_structured(path: Path, kind: str = "JSON", *, most_bytes: int = RECORD_BYTES, finite: bool = True) -> Any:  # noqa: ANN401 - whatever the file holds
    """Read a file of plain values.

    Parameters
    ----------
    path
        The file.
    kind
        ``JSON``, ``TOML`` or ``YAML``.
    most_bytes
        Longer files are refused, unread.
    finite
        Refuse NaN and infinite numbers.

    Returns
    -------
    Any
        Dicts with text as keys, lists, texts, numbers, booleans and None.

    Raises
    ------
    InputError
        If the file cannot be read, is too long, no text, not of the format, or nested too deeply.
    """
    check_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read: {reason}; check the path") from error
    if len(content) > most_bytes:
        raise InputError(f"{path} cannot be read: it has more than {most_bytes:,} bytes; is it the file you meant?")
    return parse_structured(content, kind, str(path), finite=finite)


def parse_structured(content: bytes | str, kind: str, name: str, *, finite: bool = True) -> Any:  # noqa: ANN401 - whatever the text holds
    """Read plain values from a text.

    Parameters
    ----------
    content
        The text, or its bytes: UTF-8, or whatever its byte order mark says.
    kind
        ``JSON``, ``TOML`` or ``YAML``.
    name
        What to call it in messages.
    finite
        Refuse NaN and infinite numbers.

    Returns
    -------
    Any
        As `read_structured`.

    Raises
    ------
    InputError
        As `read_structured`.
    """
    text = content if isinstance(content, str) else _decoded(content, name)
    try:
        plain = PARSERS[kind](text)
    except RecursionError:
        raise InputError(_too_deep(name)) from None
    except ImportError as error:
        raise InputError(f"{name}: reading YAML needs PyYAML (pip install pyyaml); or use TOML") from error
    except (ValueError, OverflowError) as error:
        reason = _reason(error)
        raise InputError(f"{name} cannot be read: {reason}; is it complete, and {kind}?") from error
    _check_plain(plain, name, len(text), finite)
    return plain


def shortened(value: object) -> str:
    """Show a value of a file, in a few characters whatever it is."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother, short.maxlong = 2, MOST_SHOWN, MOST_SHOWN, MOST_SHOWN
    try:
        return short.repr(value)
    except ValueError:
        # Python writes no number of thousands of digits.
        return f"a long {type(value).__name__}"


def _decoded(content: bytes, name: str) -> str:
    encoding = next((known for mark, known in ENCODINGS.items() if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} cannot be read: byte {error.start} is not {encoding.removesuffix('-sig').upper()}; is it a text? "
            "save it as UTF-8"
        ) from error


def _json(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    return json.loads(text, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"{shortened(_doubled(key for key, _ in pairs))} is there twice")
    return found


def _doubled(keys: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def _yaml(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses what PyYAML takes without a word: a key that is there twice, and merged parts, which can explode."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: ANN401 - PyYAML's own types
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
                raise ValueError("<< merges sections; write each of them out")
            if len(set(keys)) < len(keys):
                raise ValueError(f"{shortened(_doubled(keys))} is there twice")
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)
    except (RecursionError, ValueError):
        raise
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    except Exception as error:
        # PyYAML's constructors fail each in a way of its own at a value that is not of its tag.
        raise ValueError("a value is not of the kind that its !!tag says") from error


def _check_plain(plain: Any, name: str, most_values: int, finite: bool) -> None:  # noqa: ANN401 - what was parsed
    """Refuse what no text of that length holds by itself (YAML can say "the same again"), depth, and strange values."""
    level, values, n_values = 0, [plain], 0
    while values:
        level, n_values = level + 1, n_values + len(values)
        if level > MOST_LEVELS:
            raise InputError(_too_deep(name))
        if n_values > most_values + 1:
            raise InputError(f"{name} cannot be read: its parts hold one another; write each out")
        inner: list[Any] = []
        for value in values:
            if isinstance(value, dict):
                strange = next((key for key in value if not isinstance(key, str)), None)
                if strange is not None:
                    raise InputError(
                        f"{name} cannot be read: the key {shortened(strange)} is no text; put it in quotes"
                    )
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif problem := _problem(value, finite):
                raise InputError(f"{name} cannot be read: {problem}")
        values = inner


def _problem(value: Any, finite: bool) -> str | None:  # noqa: ANN401 - what was parsed
    if value is None or isinstance(value, (str, bool)):
        return None
    if isinstance(value, float):
        return f"{value} is no finite number; give one" if finite and not math.isfinite(value) else None
    if isinstance(value, int):
        return TOO_LONG if abs(value) >= 10**MOST_DIGITS else None
    return f"{shortened(value)} is a {type(value).__name__}; put it in quotes, or leave it out"


def _too_deep(name: str) -> str:
    return f"{name} cannot be read: it is nested more than {MOST_LEVELS} levels deep; is it the file you meant?"


def _reason(error: Exception) -> str:
    return TOO_LONG if "integer string conversion" in str(error) else in_one_line(error)


PARSERS: dict[str, Callable[[str], Any]] = {"JSON": _json, "TOML": tomllib.loads, "YAML": _yaml}
