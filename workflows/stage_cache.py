"""Stages of a workflow that are done once: a file of settings, inputs and outputs tells what must be done again."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lamslide_md.errors import InputError
from lamslide_md.io.whole_files import write_whole

FORMAT_VERSION = 1

Work = Callable[[], Mapping[str, Any]]
"""Does a stage, or continues it where it was interrupted. Returns JSON-able facts to keep."""


class Stage(BaseModel):
    """What is kept of one stage; files are identified by the SHA-256 of their content.

    `fingerprint` is that of settings and inputs. Of a stage that was begun and not finished the outputs are empty.
    """

    fingerprint: str
    settings: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]
    leftovers: list[str]
    facts: dict[str, Any] = {}
    wall_time_s: float | None = None


class CacheFile(BaseModel):
    """All stages by name, as the file holds them."""

    format_version: int = FORMAT_VERSION
    phases: dict[str, Stage] = {}


class StageCache:
    """Runs stages whose settings, inputs or outputs have changed since they were last done, and only those.

    Parameters
    ----------
    path
        The cache, a JSON file; inputs and outputs are named relative to its folder.

    Raises
    ------
    InputError
        If the file is damaged or newer than this program.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._cached = CacheFile()
        if self.path.exists():
            try:
                self._cached = CacheFile.model_validate_json(self.path.read_text(encoding="utf-8"))
            except (ValidationError, UnicodeDecodeError) as error:
                raise InputError(f"{self.path} is damaged; delete it to do every stage again") from error
            if self._cached.format_version != FORMAT_VERSION:
                raise InputError(
                    f"{self.path} has format version {self._cached.format_version}, this program reads "
                    f"{FORMAT_VERSION}; update lamslide_md, or delete it to do every stage again"
                )

    def __getitem__(self, name: str) -> Stage:
        return self._cached.phases[name]

    def is_done(self, name: str, settings: Mapping[str, Any], inputs: Sequence[Path] = ()) -> bool:
        """Tell whether a stage was finished with these settings and inputs, and its outputs are as it left them."""
        stage = self._cached.phases.get(name)
        if stage is None or stage.wall_time_s is None or stage.fingerprint != self._begun(settings, inputs).fingerprint:
            return False
        return all(_digest(self.path.parent / output) == digest for output, digest in stage.outputs.items())

    def run(
        self,
        name: str,
        work: Work,
        *,
        settings: Mapping[str, Any],
        inputs: Sequence[Path] = (),
        outputs: Sequence[Path] = (),
        leftovers: Sequence[Path] = (),
    ) -> bool:
        """Do a stage unless it is done.

        A stage that was interrupted finds its files as they were; one that was begun with other settings or inputs
        begins without its old files.

        Parameters
        ----------
        name
            Of the stage.
        work
            Does it.
        settings
            All that decides the outputs beside the inputs; JSON-able.
        inputs
            Files it reads; their content counts, not their dates.
        outputs
            Files it makes.
        leftovers
            Files it may leave beside them, such as checkpoints.

        Returns
        -------
        bool
            Whether there was anything to do.

        Raises
        ------
        InputError
            If an input is missing or the work left an output out.
        """
        if self.is_done(name, settings, inputs):
            return False
        earlier = self._cached.phases.get(name)
        stage = self._begun(settings, inputs, outputs, leftovers)
        if earlier is not None and earlier.fingerprint != stage.fingerprint:
            for path in (*earlier.outputs, *earlier.leftovers):
                (self.path.parent / path).unlink(missing_ok=True)
        self._write(name, stage)
        started_s = time.monotonic()
        facts = dict(work())
        made = {self._relative(output): _digest(output) for output in outputs}
        missing = [output for output, digest in made.items() if not digest]
        if missing:
            raise InputError(f"stage {name!r} ended without {', '.join(missing)}; was the folder changed meanwhile?")
        took_s = round(time.monotonic() - started_s, 3)
        self._write(name, stage.model_copy(update={"outputs": made, "facts": facts, "wall_time_s": took_s}))
        return True

    def _begun(
        self,
        settings: Mapping[str, Any],
        inputs: Sequence[Path],
        outputs: Sequence[Path] = (),
        leftovers: Sequence[Path] = (),
    ) -> Stage:
        digests = {self._relative(path): _digest(path) for path in inputs}
        missing = [path for path, digest in digests.items() if not digest]
        if missing:
            raise InputError(f"{self.path.parent}: {', '.join(missing)} is missing, which the next stage reads")
        text = json.dumps([settings, digests], sort_keys=True)
        plain = json.loads(text)[0]
        return Stage(
            fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16],
            settings=plain,
            inputs=digests,
            outputs={self._relative(path): "" for path in outputs},
            leftovers=[self._relative(path) for path in leftovers],
        )

    def _relative(self, path: Path) -> str:
        return os.path.relpath(path, self.path.parent)

    def _write(self, name: str, stage: Stage) -> None:
        self._cached = CacheFile(phases=self._cached.phases | {name: stage})
        try:
            write_whole(self.path, self._cached.model_dump_json(indent=1) + "\n")
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}; is the disk full?") from error


def _digest(path: Path) -> str:
    """SHA-256 of a file's content; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
