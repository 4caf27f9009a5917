"""What is said about a user's input: errors, distinct from defects of the program, and notes on what was done."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

LONGEST = 1500
"""Characters of a message; of a longer one, such as of a library that shows what it read, the middle is left out."""
CONTROL = {number: "\ufffd" for number in (*range(9), *range(11, 13), *range(14, 32), *range(127, 160))}
"""Control characters, which might be commands to a terminal; line ends and tabs are none."""


class InputError(ValueError):
    """A file, value or setting the user gave cannot be used; the message says what, with numbers, and the mend.

    Parameters
    ----------
    message
        Shown without control characters, and not longer than anybody reads.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(shown(message))


def shown(text: str) -> str:
    """Make a text harmless that may quote a damaged file.

    Parameters
    ----------
    text
        Of any length.

    Returns
    -------
    str
        Without control characters; at most about `LONGEST` of the others.
    """
    harmless = text.translate(CONTROL)
    if len(harmless) <= LONGEST:
        return harmless
    return f"{harmless[: 2 * LONGEST // 3]} ... {harmless[-LONGEST // 3 :]}"


class InputNote(UserWarning):
    """Something was added to the user's input, left out or overruled; the message says what, with numbers."""


def note(text: str) -> None:
    """Tell the user what was done with the input, as a warning of Python's or a line of the command line.

    Parameters
    ----------
    text
        One sentence, with the name of the file.
    """
    warnings.warn(InputNote(shown(text)), stacklevel=3)


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
