"""Options that several commands share, configuration files, and the echo of what a command ran with."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lamslide_md.errors import InputError, note, printable
from lamslide_md.io.given_paths import check_file
from lamslide_md.io.locks import only_writer
from lamslide_md.io.outputs import free_name, numbered, same_file
from lamslide_md.io.records import echo_of, is_echo, read_json
from lamslide_md.io.structured_texts import SMALL_BYTES, format_of, read_structured
from lamslide_md.io.whole_files import write_whole
from lamslide_md.units import MOST_SEED, check_count

if TYPE_CHECKING:
    from typer import Context
else:
    # typer's own class is for annotations only: what it passes is an instance of the base, as checked in tests.
    Context = typer.Context.__base__


def load_config(context: Context, path: Path | None) -> Path | None:
    """Take the defaults of a command's options from its section of a file; flags on the command line win.

    Parameters
    ----------
    context
        Of the command.
    path
        TOML or JSON file, or YAML where PyYAML is installed.

    Returns
    -------
    Path or None
        The same path.

    Raises
    ------
    InputError
        If the file cannot be read or names an option that the command does not have.
    """
    if path is None or context.resilient_parsing:
        return path
    section = _parse(path).get(str(context.info_name), {})
    known = _names(context)
    given = {str(key).replace("-", "_"): value for key, value in section.items()}
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise InputError(
            f"{path}: [{context.info_name}] has {', '.join(unknown)}, which `lamslide {context.info_name}` does not "
            f"know; its options are {', '.join(sorted(known))}"
        )
    _refuse_booleans(context, path, {known[name]: value for name, value in given.items()})
    if isinstance(given.get("set"), Mapping):
        given["set"] = [f"{name}={json.dumps(value)}" for name, value in flattened(given["set"]).items()]
    values = {known[name]: value for name, value in given.items()}
    context.default_map = {**(context.default_map or {}), **values}
    return path


def _refuse_booleans(context: Context, path: Path, values: Mapping[str, object]) -> None:
    """Refuse true and false, which the parser takes for 1 and 0, but for options that are switched on and off."""
    for parameter in context.command.params:
        value = values.get(str(parameter.name))
        given = value if isinstance(value, list) else [value]
        if any(isinstance(item, bool) for item in given) and not getattr(parameter, "is_flag", False):
            flag = max(parameter.opts, key=len)
            raise InputError(f"{path}: {flag} is {json.dumps(value)}; it takes a value other than true and false")


def _names(context: Context) -> dict[str, str]:
    """Names of a command's options and arguments, as in a file, and of the parameters that they fill."""
    names = {}
    for parameter in context.command.params:
        flags = [option for option in parameter.opts if option.startswith("--")]
        name = flags[0].removeprefix("--").replace("-", "_") if flags else str(parameter.name)
        names[name] = str(parameter.name)
    return {name: parameter for name, parameter in names.items() if name not in ("config", "help")}


def _parse(path: Path) -> dict[str, Any]:
    check_file(path, "--config takes a .toml, .json or .yaml file")
    kind = format_of(path)
    if kind is None:
        raise InputError(f"{path}: --config takes a .toml, .json or .yaml file")
    content = read_structured(path, kind, most_bytes=SMALL_BYTES)
    if not (isinstance(content, dict) and all(isinstance(section, dict) for section in content.values())):
        raise InputError(f"{path} needs one section for each command, such as [train]")
    return content


def flattened(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name the leaves of nested mappings by their path, with dots."""
    leaves: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        # One that is empty is a leaf: nothing that was written is passed over.
        leaves |= flattened(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return leaves


PATIENCE_S = 5.0
"""Two commands whose results have names of their own may write one echo, which takes a moment."""
UNKEPT = ("json", "overwrite")
"""How a command shows its result, and what it is allowed once, is not repeated."""


def echo_parameters(context: Context, path: Path, inputs: Sequence[Path] = ()) -> None:
    """Write what a command runs with beside its result; `--config` takes the file to repeat it.

    Where the name is taken by a file that is not such an echo, or that was changed, or is read by the command, the echo
    gets another one, and this is noted.

    Parameters
    ----------
    context
        Of the command.
    path
        Result of the command, or its folder.
    inputs
        Files that the command reads beside its configuration.

    Raises
    ------
    InputError
        If it cannot be written, or another process writes it.
    """
    values = {name: context.params.get(parameter) for name, parameter in _names(context).items()}
    kept = {name: value for name, value in values.items() if value is not None and name not in UNKEPT}
    command = str(context.info_name)
    plain = json.loads(json.dumps(kept, default=_plain))
    wrote = [Path(plain[name]) for name in ("out", "report") if name in plain]
    content = echo_of(command, plain, wrote)
    stem = command if path.is_dir() else f"{path.stem}.{command}"
    usual = path / f"{stem}.json" if path.is_dir() else path.with_name(f"{stem}.json")
    config = context.params.get("config")
    if config is not None and same_file(usual, config) and read_json(usual).get(command) == plain:
        return
    taken = [source for source in (*inputs, *wrote, config) if source is not None]
    target = free_name(numbered(usual, stem), lambda file: is_echo(read_json(file), command), taken)
    if target != usual:
        note(f"{usual} is not to be replaced and stays as it is; the parameters of this run are in {target.name}")
    with only_writer(target, patience_s=PATIENCE_S):
        try:
            write_whole(target, json.dumps(content, indent=1) + "\n")
        except OSError as error:
            raise InputError(f"cannot write {target}: {error}; free space, or choose another folder") from error


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else str(value)


def say(text: str) -> None:
    """Print a result for people."""
    print(printable(text))


def print_json(content: Mapping[str, Any]) -> None:
    """Print a result for other programs."""
    print(json.dumps(content, indent=1, default=_plain))


def check_seed(seed: int) -> int:
    """Refuse a seed that random generators do not take."""
    check_count("--seed", seed, 0, MOST_SEED)
    return seed


Config = Annotated[
    Path | None,
    typer.Option(
        callback=load_config,
        is_eager=True,
        help="TOML, JSON or YAML file with this command's options in a section of its name; flags win.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace files of the names given that this command did not write; never one it reads."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Seed = Annotated[int, typer.Option(min=0, callback=check_seed, help="Same seed, same result, on the same machine.")]
Accelerator = Annotated[str, typer.Option(help="Device: auto, cpu, cuda or mps.")]
