"""Take `.lamslide` files apart and put them together, sound or not."""

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

FORMAT_1 = Path(__file__).parent / "stored" / "format_1.lamslide"
"""Written by commit 31b0a7f; eight frames that it rolled out then stand beside it."""

FORMAT_2 = FORMAT_1.with_name("format_2.lamslide")
"""Of the peptides ASD and GFV, in half precision, written by commit 2e6e4b4; eight frames of ASD stand beside it."""

FORMAT_3 = FORMAT_1.with_name("format_3.lamslide")
"""The model of `FORMAT_2` as commit 267ada4 has saved it; it rolls out the same frames."""

FORMAT_4 = FORMAT_1.with_name("format_4.lamslide")
"""The same as commit c789ee2 has saved it."""


def header_of(path):
    """The JSON header as Python objects."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["lamslide"])


def write_with(path, header, tensors):
    """Write a file of any header, also of a text that is no JSON."""
    save_file(tensors, path, metadata={"lamslide": header if isinstance(header, str) else json.dumps(header)})
    return path
