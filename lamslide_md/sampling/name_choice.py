"""Chooses the files of a rollout before anything is written, so that none of the user's is touched."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from glob import escape
from itertools import chain, count
from pathlib import Path
from typing import Any

from lamslide_md.errors import InputError
from lamslide_md.io.growing_files import GROWING
from lamslide_md.io.manifests import content_of, manifest_path, manifest_places, own_topology
from lamslide_md.io.outputs import check_earlier, check_outputs, free_name, numbered, same_file
from lamslide_md.io.plain_paths import suffix
from lamslide_md.io.records import WRITTEN_BY, digest_of, files_in, records_of
from lamslide_md.sampling.chain_state import RestartFile
from lamslide_md.sampling.needs import check_files
from lamslide_md.sampling.rollout_names import EXACT, RolloutNames, check_format


def choose_names(
    path: Path,
    n_chains: int,
    command: str,
    *,
    inputs: Iterable[Path | None] = (),
    overwrite: bool = False,
    resume: bool = False,
) -> RolloutNames:
    """Choose the files of a rollout; nothing is written.

    Parameters
    ----------
    path
        What the user calls it.
    n_chains
        Chains in it.
    command
        Name of the command that makes it.
    inputs
        Files that are never replaced.
    overwrite
        Replace `path` whoever wrote it.
    resume
        Go on with the same rollout, also where the file has been cut since.

    Returns
    -------
    RolloutNames
        None of them an input, or someone else's.

    Raises
    ------
    InputError
        If the format cannot be written or `path` may not be.
    """
    check_format(path)
    check_files(path, n_chains)
    kept = [source for source in inputs if source is not None]
    check_outputs(command, {"the rollout": path}, kept, overwrite=True)
    of_command = [name for name, _ in records_of(path, whole=not resume)]
    if not overwrite and command not in of_command:
        check_earlier(path, command)
    there = path.exists() and path.stat().st_size > 0
    own = [place for place in manifest_places(path) if _record(place, path, None if there else command)]
    manifest = free_name(numbered(manifest_path(path), f"{path.stem}.manifest"), own.__contains__, kept)
    topology = _topology(path, command, kept)
    record = _record(manifest, path, command)
    begun = bool(record) and record.get("n_frames") is None and path.name in files_in(record)
    tried = (
        _growing(path, topology, manifest, n_chains, stem)
        for stem in _stems(path, command, there and not begun, resume)
    )
    names = next(names for names in tried if _free(names, command, kept))
    left = _unfinished(names, command)
    if there and record and not begun:
        # Of the finished one, which was killed before it had removed all of them.
        left += _of_restart(_growing(path, topology, manifest, n_chains, path.stem))
    leftovers = [file for file in left if file not in (path, topology, manifest) and file.is_file()]
    return replace(names, leftovers=tuple(leftovers))


def _record(place: Path, path: Path, command: str | None) -> dict[str, Any]:
    """Content of a manifest that was written for a file, by one command if one is named; empty otherwise.

    That of an earlier version says nothing of its file but by its stem.
    """
    content = content_of(place) or {}
    usual = path.name if place == manifest_path(path) and path.exists() else None
    if not content or (content.get("trajectory") or usual) != path.name:
        return {}
    entry = content.get(WRITTEN_BY)
    return content if command is None or (isinstance(entry, dict) and entry.get("command") == command) else {}


def _free(names: RolloutNames, command: str, kept: Sequence[Path]) -> bool:
    """Whether a rollout may grow in these files: each is free, or of an unfinished rollout of the same name."""
    ours = _unfinished(names, command)
    fixed = (names.growing_topology, names.growing_manifest) if names.replaces else ()
    there = [file for file in (names.restart, *names.parts, *fixed) if os.path.lexists(file)]
    return all(file in ours and not any(same_file(file, source) for source in kept) for file in there)


def _topology(path: Path, command: str, kept: Sequence[Path]) -> Path:
    if suffix(path) == ".pdb":
        return path

    def is_own(file: Path) -> bool:
        return any(found.get("trajectory") == path.name for _, found in records_of(file))

    usual, earlier = path.with_suffix(".pdb"), own_topology(path)
    first = usual if earlier is None else earlier
    return free_name(chain([first], numbered(usual, f"{path.stem}.{command}")), is_own, kept)


def _stems(path: Path, command: str, replaces: bool, resume: bool) -> Iterator[str]:
    """Stems under which a rollout may grow; first the one of a rollout that is to go on."""
    if not replaces:
        yield path.stem
    elif resume:
        found = sorted(path.parent.glob(f"{escape(path.stem)}.new*.json"))
        yield from (place.stem for place in found if _record(place, path, command))
    yield from (f"{path.stem}.new{number if number > 1 else ''}" for number in count(1))


def _growing(path: Path, topology: Path, manifest: Path, n_chains: int, stem: str) -> RolloutNames:
    aside, grows = stem != path.stem, suffix(path) in GROWING
    ending = suffix(path) if grows else EXACT
    in_place = n_chains == 1 and grows and not aside
    return RolloutNames(
        path,
        topology,
        manifest,
        path.with_name(f"{stem}.pdb") if aside else topology,
        path.with_name(f"{stem}.json") if aside else manifest,
        path.with_name(f"{stem}.restart.npz"),
        (path,)
        if in_place
        else tuple(path.with_name(f"{stem}.chain{number + 1}{ending}") for number in range(n_chains)),
        (),
    )


def _unfinished(names: RolloutNames, command: str) -> list[Path]:
    """Files of an unfinished rollout under these names: those of its manifest, or else of its restart."""
    record = _record(names.growing_manifest, names.path, command)
    if record and record.get("n_frames") is None:
        recorded = {names.path.with_name(Path(name).name): digest for name, digest in files_in(record).items()}
        return [file for file, digest in recorded.items() if digest is None or digest == digest_of(file)]
    return _of_restart(names)


def _of_restart(names: RolloutNames) -> list[Path]:
    """Files that belong to a restart, and itself; none where there is none."""
    try:
        n_chains = len(RestartFile.load(names.restart).lengths)
    except InputError:
        return []
    stem = names.restart.name.removesuffix(".restart.npz")
    # As many names as there were chains; two at least, for one chain may grow under the name of the rollout.
    some = _growing(names.path, names.topology, names.manifest, max(n_chains, 2), stem)
    return [names.restart, *some.parts[:n_chains]]
