"""Files of a rollout: their names, what the manifest says of them, and the formats that hold one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamslide_md.errors import InputError, note
from lamslide_md.io.growing_files import GROWING
from lamslide_md.io.manifests import manifest_path
from lamslide_md.io.plain_paths import suffix
from lamslide_md.io.records import WRITTEN_BY, digest_of, written_by

EXACT = ".trr"
"""In which chains grow whose own format cannot: keeps single precision."""

WHOLE = (".dcd", ".nc", ".netcdf", ".ncdf", ".h5", ".pdb", ".pdb.gz", ".cif", ".cif.gz", ".pdbx", ".pdbx.gz", ".gro")
WRITABLE = (*GROWING, *WHOLE, ".crd", ".mdcrd", ".xyz.gz")
"""Formats that hold a rollout: many frames, and no box."""


@dataclass(frozen=True)
class RolloutNames:
    """Files of a rollout.

    While it grows, an earlier whole one stays as it is: the new one has its files under another stem until it is whole.

    Attributes
    ----------
    path, topology, manifest
        The finished rollout.
    growing_topology, growing_manifest
        Those of the rollout that is not finished; the same as of a finished one where there is no earlier one.
    restart
        What an interrupted one goes on from.
    parts
        Files in which the chains grow.
    leftovers
        Files of an unfinished one that are there.
    """

    path: Path
    topology: Path
    manifest: Path
    growing_topology: Path
    growing_manifest: Path
    restart: Path
    parts: tuple[Path, ...]
    leftovers: tuple[Path, ...]

    @property
    def replaces(self) -> bool:
        """Whether an earlier file stands in the place of the rollout until it is whole."""
        return self.growing_manifest != self.manifest

    def record(self, command: str, *, finished: bool, joined: bool = False) -> tuple[Path, dict[str, Any]]:
        """Say in which file which entries tell of the files that are written.

        Parameters
        ----------
        command
            Name of the command.
        finished
            Whether the rollout is; its parts are no longer ours then.
        joined
            Whether the chains are about to become the one file.

        Returns
        -------
        target
            The manifest.
        entries
            Of it.
        """
        topology, target = self.growing_topology, self.growing_manifest
        growing: tuple[Path, ...] = (self.restart, *self.parts)
        if finished:
            topology, target, growing = self.topology, self.manifest, ()
        files: dict[str, str | None] = {file.name: None for file in (target, *growing)}
        files |= {topology.name: digest_of(topology)}
        if finished or joined:
            files[self.path.name] = None
        entries = {"trajectory": self.path.name, "topology": topology.name, WRITTEN_BY: written_by(command, files)}
        return target, entries

    def tell(self) -> None:
        """Note which files beside the rollout are not called as usual, since their names are taken."""
        own = suffix(self.path) == ".pdb"
        usual = (self.path if own else self.path.with_suffix(".pdb"), manifest_path(self.path))
        for name, chosen, what in zip(usual, (self.topology, self.manifest), ("topology", "manifest"), strict=True):
            if name != chosen:
                note(f"{name} is not of this rollout and stays as it is; the {what} of {self.path} is {chosen.name}")


def check_format(path: Path) -> None:
    """Refuse a format that cannot hold a rollout.

    Parameters
    ----------
    path
        File to be written.

    Raises
    ------
    InputError
        With the formats that can.
    """
    ending = suffix(path)
    if ending not in WRITABLE or not path.name.lower().endswith(ending):
        reason = f"{path.name[len(path.name) - len(ending) :]} files hold no rollout" if ending else "it has no ending"
        raise InputError(f"cannot write {path}: {reason}; use one of {', '.join(WRITABLE)}")
