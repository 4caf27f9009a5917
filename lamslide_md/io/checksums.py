"""Checksums in a safetensors file: of every tensor and of the header, so that not one flipped bit is believed.

They are an entry of the metadata, `CHECKSUMS`: the first `DIGITS` hexadecimal digits of SHA-256, of the header first
(with zeros in their place), then of the bytes of each tensor, in the order of the names. That of the header vouches for
names, types, shapes and places of the tensors, and for their checksums.
"""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, BinaryIO

from lamslide_md.hashing import RunningHash, sha256_of

CHECKSUMS = "checksums"
DIGITS = 16
"""Two files in 10^19 are alike by chance: enough against damage, and 300 tensors take 5 kB."""

COUNT_BYTES = 8
"""At the start of the file: length of the header, little endian."""

_PLACE = f'"{CHECKSUMS}":"'.encode()
_ZEROS = b"0" * DIGITS


def room_for(n_tensors: int) -> dict[str, str]:
    """Metadata with which a file is written that `seal` then completes."""
    return {CHECKSUMS: "0" * DIGITS * (n_tensors + 1)}


def seal(path: Path, first: str) -> None:
    """Fill in the checksums of a file that was written with `room_for` them.

    Parameters
    ----------
    path
        A safetensors file.
    first
        Which entry of the metadata comes first: safetensors writes them in any order, and the same model is to be the
        same bytes.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with path.open("rb+") as file:
        size = len(_header(file))
        file.seek(COUNT_BYTES)
        content = json.loads(file.read(size))
        entries = content.pop("__metadata__")
        sums = "".join(_sum_of(file, size, place) for _, place in sorted(content.items()))
        entries = dict(sorted(entries.items(), key=lambda entry: (entry[0] != first, entry[0])))
        entries[CHECKSUMS] = "0" * DIGITS + sums
        text = json.dumps({"__metadata__": entries, **content}, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) > size:
            raise ValueError(f"the header of {path} grew from {size} to {len(text)} bytes")
        text = text.ljust(size)
        own = sha256_of([text])[:DIGITS].encode()
        file.seek(COUNT_BYTES)
        file.write(text.replace(_PLACE + _ZEROS, _PLACE + own, 1))


def check_sums(path: Path, wanted: Callable[[str], bool], plain: Collection[str]) -> None:
    """Compare the header and some tensors of a file with their checksums.

    Parameters
    ----------
    path
        A safetensors file.
    wanted
        Tells by name which tensors to check.
    plain
        Entries of the metadata of files that were written before there were checksums. Another one is damage, such
        as to the name of the checksums.

    Raises
    ------
    ValueError
        With what is damaged.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        header = _header(file)
        content = json.loads(header)
        entries = content.pop("__metadata__", {})
        if CHECKSUMS not in entries:
            strangers = sorted(entries.keys() - set(plain))
            if strangers:
                raise ValueError(f"its metadata hold {strangers[0]!r}, which is nothing that this program writes")
            return
        before, place, after = header.partition(_PLACE)
        if sha256_of([before, place, _ZEROS, after[DIGITS:]])[:DIGITS].encode() != after[:DIGITS]:
            raise ValueError("its header is not as it was written, by its checksum")
        sums = entries[CHECKSUMS][DIGITS:]
        for index, (name, place_of_it) in enumerate(sorted(content.items())):
            recorded = sums[DIGITS * index :][:DIGITS]
            if wanted(name) and _sum_of(file, len(header), place_of_it) != recorded:
                raise ValueError(f"{name} in it is not as it was written, by its checksum")


def _header(file: BinaryIO) -> bytes:
    """The JSON at the start of a file, of which no more is read than there is."""
    size = int.from_bytes(file.read(COUNT_BYTES), "little")
    there = file.seek(0, 2) - COUNT_BYTES
    if not 0 < size <= there:
        raise ValueError(f"its header is said to have {size} bytes, there are {max(there, 0)}")
    file.seek(COUNT_BYTES)
    return file.read(size)


def _sum_of(file: BinaryIO, header_bytes: int, entry: dict[str, Any]) -> str:
    begin, end = entry["data_offsets"]
    file.seek(COUNT_BYTES + header_bytes + begin)
    running = RunningHash()
    running.read(file, end - begin)
    return running.hexdigest()[:DIGITS]
