"""Plain values from disk, checked against a pydantic model."""

from typing import TYPE_CHECKING, TypeVar

from lamslide_md.errors import InputError
from lamslide_md.io.structured_texts import shortened

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    Model = TypeVar("Model", bound=BaseModel)
else:
    # pydantic is imported where something is checked: the help of the command line does without.
    Model = TypeVar("Model")


def checked(
    model: "type[Model]",
    content: object,
    what: str,
    mend: str,
) -> "Model":
    """Check plain values against a pydantic model.

    Parameters
    ----------
    model
        With types and bounds.
    content
        Of a file.
    what
        What it is, with the name of the file: the message begins with it.
    mend
        What the user can do: the message ends with it.

    Returns
    -------
    BaseModel
        An instance of the model.

    Raises
    ------
    InputError
        Naming the fields that are wrong, the first with its value.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{what} {complaint(error)}; {mend}") from error


def complaint(error: "ValidationError") -> str:
    """Tell in one line which fields are wrong, and of the first what it is and should be."""
    issues = error.errors(include_url=False)
    first = issues[0]
    fields = ", ".join(dict.fromkeys(".".join(map(str, issue["loc"])) or "all of it" for issue in issues[:5]))
    value = "" if first["type"] == "missing" else f" {shortened(first['input'])}:"
    return f"(fields {fields}):{value} {first['msg'][:1].lower()}{first['msg'][1:]}"
