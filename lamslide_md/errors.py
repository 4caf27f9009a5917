"""What is said about a user's input: errors, distinct from defects of the program, and notes on what was done."""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

LONGEST = 1500
"""Characters of a message; of a longer one, such as of a library that shows what it read, the middle is left out."""
MAX_COMPLAINT = 200
"""Characters of a library's message in an error of ours."""
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters but for tabs and ends of lines, marks that turn the direction of text, halves of characters."""


class InputError(ValueError):
    """A file, value or setting the user gave cannot be used; the message says what, with numbers, and the mend.

    Parameters
    ----------
    message
        Shown as `printable`, and not longer than anybody reads.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_shortened(printable(message)))


def printable(text: str) -> str:
    """Write a text so that a terminal or a page shows what is in it, whatever names of files hold.

    Parameters
    ----------
    text
        Any.

    Returns
    -------
    str
        With Python's escapes in the place of what would not be shown, or would change what is.
    """
    return UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: 2 * LONGEST // 3]} ... {text[-LONGEST // 3 :]}"


def in_one_line(text: object) -> str:
    """Shorten a text of anything's to one line.

    Parameters
    ----------
    text
        Such as the error of a library.

    Returns
    -------
    str
        At most `MAX_COMPLAINT` characters of it.
    """
    line = " ".join(str(text).split())
    return line if len(line) <= MAX_COMPLAINT else f"{line[:MAX_COMPLAINT]} ..."


class InputNote(UserWarning):
    """Something was added to the user's input, left out or overruled; the message says what, with numbers."""


def note(text: str) -> None:
    """Tell the user what was done with the input, as a warning of Python's or a line of the command line.

    Parameters
    ----------
    text
        One sentence, with the name of the file.
    """
    warnings.warn(InputNote(_shortened(printable(text))), stacklevel=3)


@contextmanager
def collected_notes() -> Iterator[list[str]]:
    """Collect the notes that are given within, besides showing them.

    Yields
    ------
    list of str
        Complete once the block has ended.
    """
    notes: list[str] = []
    before = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputNote)

        def show(message: Warning | str, category: type[Warning], *where: object) -> None:
            if isinstance(message, InputNote):
                notes.append(str(message))
            before(message, category, *where)  # type: ignore[arg-type]

        warnings.showwarning = show  # type: ignore[assignment]
        yield notes


_OPTIONS: ContextVar[Mapping[str, str]] = ContextVar("options", default={})  # noqa: B039 - never changed in place


@contextmanager
def options_called(names: Mapping[str, str]) -> Iterator[None]:
    """Let errors and notes from within name parameters as the user knows them.

    Parameters
    ----------
    names
        By parameter, with its value where it has one: ``{"recover=True": "--recover"}``. An empty name stands for what
        this face of the program does not offer.
    """
    token = _OPTIONS.set({**_OPTIONS.get(), **names})
    try:
        yield
    finally:
        _OPTIONS.reset(token)


def option(parameter: str) -> str:
    """Name a parameter in the words of the face that is used.

    Parameters
    ----------
    parameter
        As Python calls it, with a value where it has one: ``frame_interval_ps``, ``recover=True``.

    Returns
    -------
    str
        The name of the option, or the parameter itself in Python; empty where there is no such option.
    """
    return _OPTIONS.get().get(parameter, parameter)
