"""One trial: a copy of the corpus, one file of it damaged, one command, and what is wrong with what it did."""

import os
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from lamslide_md.cli.app import run
from lamslide_md.errors import InputError
from lamslide_md.hashing import sha256_of
from tests.fuzz.corpus import read_frames
from tests.fuzz.kinds import Kind

LONGEST_LINE = 2000
"""Characters of an error's line that a user may be asked to read, files' names included."""


def faults_of(
    kind: Kind, damage: int | bytes | None, corpus: Path, place: Path, sound: dict[str, str], kept: Path
) -> list[str]:
    """Do a trial.

    Parameters
    ----------
    kind
        What is damaged and read.
    damage
        Its seed, or the damaged file; None: nothing is damaged, and the results are kept as sound.
    corpus
        Sound files.
    place
        Empty folder; the trial works deep inside.
    sound
        Digests of the results of undamaged files, by kind and file, filled and used.
    kept
        File that becomes the damaged one, to be looked at where the process does not survive it.

    Returns
    -------
    list of str
        What should not have been.
    """
    inside = place / "a" / "b"
    shutil.copytree(corpus, inside)
    (inside / "out").mkdir()
    os.chdir(inside)
    damaged = next(Path.cwd().glob(kind.file))
    if isinstance(damage, int):
        rng = random.Random(f"{kind.name}:{damage}")
        damage = rng.choice(kind.mutations)(damaged.read_bytes(), rng)
    if damage is not None:
        damaged.write_bytes(damage)
        kept.write_bytes(damage)
    before = _contents(place)
    with _caught() as output:
        code = _run(kind.arguments)
    faults = _faults_of_text(code, "".join(output), is_command=kind.arguments[0] != "read")
    faults += [f"changed {name}" for name in _changed(before, _contents(place)) if not _may_change(name, kind)]
    for name in kind.results if code == 0 else ():
        result = _result(inside / name)
        if damage is None:
            sound[f"{kind.name} {name}"] = result
        elif result != sound[f"{kind.name} {name}"]:
            faults.append(f"{name} differs without an error")
    if damage is None and code != 0:
        faults.append(f"sound files: exit code {code}: {''.join(output)[-500:]}")
    return faults


def _run(arguments: tuple[str, ...]) -> int:
    try:
        if arguments[0] != "read":
            return run(arguments)
        frames = read_frames(arguments[1], arguments[2] if len(arguments) > 2 else None)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BaseException:  # what a user would see as a traceback is the subject here
        traceback.print_exc()
        return 1
    chains = frames if isinstance(frames, list) else [frames]
    np.save("out/frames.npy", np.concatenate([chain.xyz.ravel() for chain in chains]))
    return 0


@contextmanager
def _caught() -> Iterator[list[str]]:
    """Catch what is written to the terminal, by libraries in C and by child processes too."""
    output: list[str] = []
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as file:
        for handle in (1, 2):
            os.dup2(file.fileno(), handle)
        try:
            yield output
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for handle, own in zip((1, 2), kept, strict=True):
                os.dup2(own, handle)
                os.close(own)
            file.seek(0)
            output.append(file.read().decode(errors="replace"))


def _faults_of_text(code: int, text: str, *, is_command: bool) -> list[str]:
    faults = []
    if "Traceback (most recent call last)" in text:
        faults.append("traceback: " + " | ".join(text.strip().splitlines()[-3:])[-600:])
    elif code not in (0, 2):
        faults.append(f"exit code {code}: {text[-300:]}")
    errors = [line for line in text.splitlines() if line.startswith("error: ")]
    if code == 2 and not errors:
        faults.append(f"exit code 2 without a word: {text[-300:]}")
    faults += [f"a line of {len(line)} characters: {line[:200]} ..." for line in errors if len(line) > LONGEST_LINE]
    # In Python, warnings of libraries are shown as they are.
    if is_command and any(ord(character) < 32 and character not in "\n\r\t" for character in text):
        faults.append(f"control characters on the terminal: {text[-300:]!r}")
    return faults


def _contents(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def _changed(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    return [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]


def _may_change(name: str, kind: Kind) -> bool:
    return any(name.startswith(f"a/b/{own}") for own in kind.writes)


def _result(path: Path) -> str:
    """Digest of what a file says: the same where that is the same."""
    if path.suffix != ".lamslide":
        return sha256_of([path.read_bytes()])
    weights = load_file(path)
    return sha256_of(weights[name].tobytes() for name in sorted(weights) if name.startswith(("autoencoder", "flow")))
