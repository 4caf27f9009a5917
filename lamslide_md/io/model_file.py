"""The `.lamslide` file: weights and arrays in safetensors with a small JSON header, checked before they are used."""

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lamslide_md.errors import InputError, in_one_line
from lamslide_md.io.array_checks import check
from lamslide_md.io.checksums import check_sums
from lamslide_md.io.header_file import HEADER, MEND, NETWORKS, Content, read_content
from lamslide_md.io.model_arrays import pack
from lamslide_md.io.model_upgrades import upgrade_tensors
from lamslide_md.io.provenance_arrays import lists_to_arrays
from lamslide_md.io.tensor_files import write_tensors
from lamslide_md.io.texts import Texts
from lamslide_md.io.triangles import from_triangles, triangles_of


def write_model_file(path: Path, modules: dict[str, nn.Module], content: Content, half_precision: bool = False) -> None:
    """Write weights, arrays and header; the target is replaced only once the new file is complete.

    Parameters
    ----------
    path
        Target.
    modules
        Networks by name.
    content
        Everything else.
    half_precision
        Parameters take two bytes each; what was estimated from data (normalisation, prior) stays as it is.

    Raises
    ------
    InputError
        If the folder cannot be written to, or what is to be written could not be read again.
    """
    texts = Texts()
    try:
        arrays = pack(content.systems, content.vocabularies, texts)
        provenance, lists = lists_to_arrays(content.header.provenance, texts)
        arrays |= texts.arrays()
        check(arrays, content.header.n_slots, content.header.settings.flow.n_known)
    except ValueError as error:
        raise InputError(f"cannot write {path}: {in_one_line(error)}") from error
    header = content.header.model_copy(update={"provenance": provenance})
    tensors = {f"{name}/{k}": t.cpu().contiguous() for name, m in modules.items() for k, t in m.state_dict().items()}
    halved = set(_declared(modules, "half_precision"))
    if half_precision:
        halved |= {f"{name}/{k}" for name, m in modules.items() for k, _ in m.named_parameters()}
    tensors = {key: t.half() if key in halved else t for key, t in tensors.items()}
    for key, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise InputError(f"cannot write {path}: {key} holds numbers that are not finite; train the model again")
    for key in _declared(modules, "symmetric"):
        if (triangles := triangles_of(tensors[key])) is not None:
            tensors[key] = triangles
    tensors |= {name: torch.from_numpy(array) for name, array in (arrays | lists).items()}
    write_tensors(path, tensors, {HEADER: header.model_dump_json()}, "free space, or choose another place")


def _declared(modules: dict[str, nn.Module], kind: str) -> Iterator[str]:
    """Name the buffers of which networks say that they are exact in half precision, or symmetric as a rule."""
    for name, network in modules.items():
        for inner, module in network.named_modules():
            yield from (f"{name}/" + f"{inner}.{own}".lstrip(".") for own in getattr(module, kind, ()))


def read_model_file(path: Path) -> tuple[dict[str, Tensor], Content]:
    """Read a model file.

    Parameters
    ----------
    path
        File written by `write_model_file`.

    Returns
    -------
    tensors
        Weights by name, ``module/parameter``.
    content
        Everything else, checked.

    Raises
    ------
    InputError
        If the file is missing, no model file, damaged, or of a newer format.
    """
    content = read_content(path)
    try:
        check_sums(path, lambda name: name.startswith(NETWORKS), (HEADER,))
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(NETWORKS)]  # noqa: SIM118 - not a mapping
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path} is no .lamslide model file or is damaged ({in_one_line(error)}); {MEND}") from error
    return upgrade_tensors(tensors, content.version), content


def load_weights(path: Path, tensors: dict[str, Tensor], modules: dict[str, nn.Module]) -> None:
    """Give networks on the meta device the weights of a model file, in single precision whatever it holds.

    Nothing is allocated by what its header claims.

    Parameters
    ----------
    path
        For the error message.
    tensors
        By name, ``module/parameter``.
    modules
        Networks by name, in the sizes that the header tells.

    Raises
    ------
    InputError
        If weights are missing, surplus, not finite, or of other shapes or types.
    """
    for key, tensor in tensors.items():
        if tensor.dtype not in (torch.float32, torch.float16) or not tensor.isfinite().all():
            raise InputError(f"{path} is damaged: {key} holds {tensor.dtype} or numbers that are not finite; {MEND}")
    for key in set(_declared(modules, "symmetric")) & tensors.keys():
        name, _, inner = key.partition("/")
        tensors = tensors | {key: _whole(path, key, tensors[key], modules[name].get_buffer(inner))}
    for name, module in modules.items():
        prefix = f"{name}/"
        own = {key.removeprefix(prefix): t.float() for key, t in tensors.items() if key.startswith(prefix)}
        try:
            module.load_state_dict(own, assign=True)
        except RuntimeError as error:
            complaint = in_one_line("".join(str(error).splitlines()[1:2]) or error)
            raise InputError(f"{path} is damaged: {complaint}; {MEND}") from error


def _whole(path: Path, key: str, stored: Tensor, own: Tensor) -> Tensor:
    """Make symmetric matrices whole of which one triangle is stored."""
    if stored.ndim != own.ndim - 1:
        return stored
    try:
        return from_triangles(stored, own.shape[-1])
    except ValueError as error:
        raise InputError(f"{path} is damaged: {key} holds {error}; {MEND}") from error
