"""Where the templates of both reports lie."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates() -> Environment:
    """Environment that renders the HTML files of this folder; a name that nothing is given for is an error."""
    return Environment(
        loader=PackageLoader("lamslide_md.analysis.report", "."), autoescape=True, undefined=StrictUndefined
    )
