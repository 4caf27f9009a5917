"""A command killed at every event by which it changes files, each time in a new folder, and then continued.

``python -m tests.kill_points FOLDER SUFFIX WORDS``, with the words of `lamslide` but for ``--out``; prints how many
kills there were, and what went wrong. Processes are forked, so that libraries are loaded once.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import mdtraj  # noqa: F401 - loaded once, before the first fork
import torch
from safetensors.numpy import load_file

import lamslide_md.surrogate  # noqa: F401
from lamslide_md.cli.app import run

CHANGES = ("os.rename", "os.remove", "os.truncate", "os.mkdir", "os.rmdir", "os.chmod", "shutil.copyfile", "os.link")
WRITING = os.O_WRONLY | os.O_RDWR


def main(folder: str, suffix: str, *words: str) -> None:
    """Kill at the first event, at the second and so on, until the command ends by itself."""
    torch.set_num_threads(1)
    place, again = Path(folder), ["--continue"] if words[0] == "rollout" else []
    whole = place / "whole" / f"r{suffix}"
    assert _forked([*words, "--out", str(whole)], whole.parent, 0) == 0
    wrong, n_kills = [], 0
    for at in count(1):
        out = place / str(at) / f"r{suffix}"
        if _forked([*words, "--out", str(out)], out.parent, at) == 0:
            break
        n_kills += 1
        if (code := _forked([*words, *again, "--out", str(out)], out.parent, 0)) != 0:
            wrong.append(f"{at}: exit code {code} when it went on")
        elif _content(out) != _content(whole):
            wrong.append(f"{at}: another result")
        elif left := {path.name for path in out.parent.iterdir()} ^ {path.name for path in whole.parent.iterdir()}:
            wrong.append(f"{at}: {sorted(left)}")
    print(json.dumps({"kills": n_kills, "wrong": wrong}))


def _forked(words: list[str], place: Path, at: int) -> int:
    """Run in a process of its own; -9 if it was killed."""
    place.mkdir(parents=True, exist_ok=True)
    pid = os.fork()
    if not pid:
        quiet = os.open(place.parent / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        _kill_at(at, place)
        code = 1
        try:
            code = run(words)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _kill_at(at: int, place: Path) -> None:
    """Let this process kill itself at an event that changes something in a folder; 0: never."""
    events: Iterator[int] = count(1)

    def meet(path: object) -> None:
        inside = isinstance(path, str | bytes | os.PathLike) and Path(os.fsdecode(path)).is_relative_to(place)
        if inside and next(events) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING:
                meet(path)
        elif event in CHANGES:
            meet(arguments[0])

    def synchronise(handle: int) -> None:
        meet(os.readlink(f"/proc/self/fd/{handle}"))
        keep(handle)
        meet(os.readlink(f"/proc/self/fd/{handle}"))

    keep, os.fsync = os.fsync, synchronise
    sys.addaudithook(hook)


def _content(path: Path) -> object:
    """What is the same in a command that went on: weights without times, frames of a format that pads its files."""
    if path.suffix == ".lamslide":
        weights = load_file(path)
        return {name: array.tobytes() for name, array in weights.items() if name.startswith(("autoencoder", "flow"))}
    if path.suffix == ".traj":
        import ase.io

        return [(atoms.positions.tobytes(), json.dumps(atoms.info)) for atoms in ase.io.read(path, ":")]
    return path.read_bytes()


if __name__ == "__main__":
    main(*sys.argv[1:])
