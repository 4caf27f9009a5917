"""Running an app from the command line: one clear line for a user's mistake, and the exit code of it."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path

import typer

from lamslide_md.errors import InputError, InputNote, options_called, printable
from lamslide_md.processes import is_first

OK, MISTAKE, INTERRUPTED = 0, 2, 130


class Interrupted(Exception):
    """The user pressed Ctrl-C; the message says what is left and how to go on."""


def run_app(
    app: typer.Typer, name: str, arguments: Sequence[str] | None = None, words: Mapping[str, str] | None = None
) -> int:
    """Run an app without tracebacks for what a user can cause.

    Parameters
    ----------
    app
        The app.
    name
        What the user calls it.
    arguments
        Of the command line; those of this process when left out.
    words
        Options by the parameters that they stand for; see `options_called`.

    Returns
    -------
    int
        0, 2 for a user's mistake, 130 after Ctrl-C, or what the app exits with.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding must not end a command whose result has a ± in it.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with options_called(words or {}), warnings.catch_warnings():
            warnings.simplefilter("always", InputNote)
            warnings.showwarning = _tell  # type: ignore[assignment]
            code = app(args=arguments, prog_name=name, standalone_mode=False)
    except (InputError, OSError) as error:
        return _complain(str(error), MISTAKE)
    except Interrupted as error:
        return _complain(str(error), INTERRUPTED)
    except typer.Abort:
        return _complain("aborted", INTERRUPTED)
    except Exception as error:
        # Usage errors of the option parser say what is wrong in one line; everything else is a defect of ours.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        # The parser shows the help by itself where nothing was asked for.
        return _complain(f"{message().rstrip('.')}; see {name} --help", MISTAKE) if message() else MISTAKE
    if code == INTERRUPTED:
        return _complain("interrupted; run the same command again: it continues where it can", INTERRUPTED)
    return code if isinstance(code, int) else OK


def run_script(main: Callable[..., None], path: str, arguments: Sequence[str] | None = None) -> int:
    """Run the main function of a script, whose arguments are its options.

    Parameters
    ----------
    main
        With typer's annotations.
    path
        Of the script.
    arguments
        Of the command line; those of this process when left out.

    Returns
    -------
    int
        As `run_app`.
    """
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    return run_app(app, Path(path).name, arguments)


def _tell(message: Warning | str, category: type[Warning], *where: object) -> None:
    """Show a note, or what a library warns of, as a line."""
    if not is_first():
        return
    kind = "note" if issubclass(category, InputNote) else "warning"
    print(f"{kind}: {printable(' '.join(str(message).split()))}", file=sys.stderr)


def _complain(message: str, code: int) -> int:
    """Say in one line what is wrong; of processes that train together the first does, whose error all have."""
    if is_first():
        print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return code
