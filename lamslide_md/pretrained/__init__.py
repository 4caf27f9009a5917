"""Models that ship with the package, each with a card: `load_pretrained`."""

from pathlib import Path
from typing import TYPE_CHECKING

from lamslide_md.errors import InputError

if TYPE_CHECKING:
    from lamslide_md.surrogate import Surrogate

HOME = Path(__file__).parent
"""Holds NAME.lamslide and NAME.md for every model."""


def pretrained_names() -> list[str]:
    """Names of the models, in alphabetical order."""
    return sorted(path.stem for path in HOME.glob("*.lamslide"))


def pretrained_path(name: str) -> Path:
    """Find the file of a model.

    Parameters
    ----------
    name
        Its name.

    Returns
    -------
    Path
        Beside it lies its card, of the same stem, with the ending ``.md``.

    Raises
    ------
    InputError
        If no model of that name ships with the package.
    """
    if name not in pretrained_names():
        raise InputError(f"there is no pretrained model {name!r}; there are {', '.join(pretrained_names())}")
    return HOME / f"{name}.lamslide"


def load_pretrained(name: str, accelerator: str = "auto") -> "Surrogate":
    """Load a model that ships with the package.

    Parameters
    ----------
    name
        One of `pretrained_names`, such as ``ala2``.
    accelerator
        Of Lightning Fabric: where the model is to run.

    Returns
    -------
    Surrogate
        Ready to roll out; its card says what it was trained on and how far to trust it.

    Raises
    ------
    InputError
        If no model of that name ships with the package.
    """
    from lamslide_md.surrogate import Surrogate  # brings torch, which names and paths do without

    return Surrogate.load(pretrained_path(name), accelerator=accelerator)
