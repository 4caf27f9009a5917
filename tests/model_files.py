"""Take `.lamslide` files apart and put them together, sound or not."""

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

FORMAT_1 = Path(__file__).parent / "stored" / "format_1.lamslide"
"""Written by commit 31b0a7f; eight frames that it rolled out then stand beside it."""

FORMAT_2 = FORMAT_1.with_name("format_2.lamslide")
"""Of the peptides ASD and GFV, in half precision, written by commit 2e6e4b4; eight frames of ASD stand beside it."""


def header_of(path):
    """The JSON header as Python objects."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["lamslide"])


def write_with(path, header, tensors):
    """Write a file of any header, also of a text that is no JSON."""
    save_file(tensors, path, metadata={"lamslide": header if isinstance(header, str) else json.dumps(header)})
    return path
