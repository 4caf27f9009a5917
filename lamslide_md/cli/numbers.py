"""Numbers of options, checked while the command line is read: before anything is loaded, let alone computed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from lamslide_md.cli.options import Context
from lamslide_md.units import MOST_COUNT, MOST_K, MOST_PS, check_count, check_quantity

if TYPE_CHECKING:
    from typer import CallbackParam as Parameter
else:
    # As with the context: typer's class is for annotations only.
    Parameter = typer.CallbackParam.__base__

Check = Callable[[Context, Parameter, Any], Any]
PS_PER_NS = 1000.0


def _quantity(most: float, unit: str, *, zero: bool = False) -> Check:
    def check(context: Context, parameter: Parameter, value: Any) -> Any:  # noqa: ANN401 - as typer has it
        if value is not None:
            check_quantity(parameter.opts[0], value, most, unit, zero=zero)
        return value

    return check


def _count(most: int, least: int = 1) -> Check:
    def check(context: Context, parameter: Parameter, value: Any) -> Any:  # noqa: ANN401 - as typer has it
        if value is not None:
            check_count(parameter.opts[0], value, least, most)
        return value

    return check


IS_TIME = _quantity(MOST_PS, "ps")
IS_TIME_OR_ZERO = _quantity(MOST_PS, "ps", zero=True)
IS_LENGTH_NS = _quantity(MOST_PS / PS_PER_NS, "ns")
IS_TEMPERATURE = _quantity(MOST_K, "K")
IS_COUNT = _count(MOST_COUNT)
IS_SMALL_COUNT = _count(100_000)
