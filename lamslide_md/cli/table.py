"""`lamslide table`: comparisons of several molecules in one table."""

from pathlib import Path
from typing import Annotated

import typer

from lamslide_md.cli.options import Context, Json, Overwrite, print_json, say
from lamslide_md.errors import InputError
from lamslide_md.io.locks import only_writer
from lamslide_md.io.outputs import check_outputs

USUAL_STEM = "comparison"


def table(
    context: Context,
    comparisons: Annotated[list[Path], typer.Argument(help="Files that `lamslide compare --out` wrote.")],
    report: Annotated[Path | None, typer.Option(help="Write the table here, one HTML file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write all numbers here, JSON.")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Put the comparisons of several molecules in one table: means over them, failures counted and named."""
    from lamslide_md.analysis.table import tabulate

    check_outputs("table", {"--report": report, "--out": out}, comparisons, overwrite=overwrite)
    context.with_resource(only_writer(*filter(None, (report, out)), lends=True))
    names = [name_of(path) for path in comparisons]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(f"several comparisons would be called {', '.join(doubled)}; rename the files or their folders")
    made = tabulate(dict(zip(names, comparisons, strict=True)))
    for target, save in ((report, made.save_report), (out, made.save_json)):
        if target is not None:
            save(target, overwrite=overwrite)
    if json:
        print_json(made.to_dict())
        return
    say(made.summary())


def name_of(comparison: Path) -> str:
    """Name a molecule by its file, or by the folder of a file that is called comparison.json."""
    return comparison.absolute().parent.name if comparison.stem == USUAL_STEM else comparison.stem
