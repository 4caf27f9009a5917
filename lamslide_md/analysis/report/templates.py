"""Where the templates of both reports lie."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lamslide_md.errors import printable


def templates() -> Environment:
    """Environment that renders the HTML files of this folder; a name that nothing is given for is an error."""
    return Environment(
        loader=PackageLoader("lamslide_md.analysis.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finished,
    )


def _finished(value: object) -> object:
    """Names of files can hold what no page should, and no encoding can write; markup is our own."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
