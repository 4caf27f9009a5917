"""One replicate: minimised, equilibrated, simulated, checkpointed; killed at any moment, it continues where it was."""

from pathlib import Path
from typing import TypeGuard

from lamslide_md.errors import InputError
from lamslide_md.io.given_paths import path_of
from lamslide_md.io.locks import only_writer
from lamslide_md.io.manifests import Manifest, content_of, find_manifest, manifest_path
from lamslide_md.io.unchanged import is_unchanged
from lamslide_md.simulate.checkpoints import Bookkeeping, load_bookkeeping
from lamslide_md.simulate.manifests import run_fingerprint
from lamslide_md.simulate.platform_trials import tried
from lamslide_md.simulate.platforms import PlatformChoice
from lamslide_md.simulate.progress import ProgressCallback
from lamslide_md.simulate.replicate import Replicate, checkpoint_path
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import PreparedSystem
from lamslide_md.simulate.timing import choose_platform

PATIENCE_S = 15.0
"""A worker whose parent was killed needs a moment to notice, and holds its trajectory until then."""


def simulate(
    prepared: PreparedSystem,
    settings: SimulationSettings,
    trajectory: str | Path,
    *,
    seed: int = 1,
    platform: PlatformChoice | None = None,
    progress: ProgressCallback | None = None,
    patience_s: float = 0.0,
) -> Path:
    """Simulate one replicate into an xtc, with its manifest beside it.

    Frames already there are kept: a finished trajectory is returned at once, a killed run continues from its last
    checkpoint without missing or duplicated frames, a longer `length_ps` extends it. On the same machine and the
    Reference platform the bytes are those of an uninterrupted run.

    Parameters
    ----------
    prepared
        What is simulated.
    settings
        How, and how long.
    trajectory
        Path of the xtc.
    seed
        Seed of velocities and noise, at least 1.
    platform
        Where; the fastest of what is here when left out. One with a driver is tried in another process first, so that
        its crash does not end this one.
    progress
        Called about twice a second.
    patience_s
        How long to wait for another process that writes the trajectory, s.

    Returns
    -------
    Path
        The trajectory.

    Raises
    ------
    InputError
        If the files cannot be written or belong to a run with other settings, another process writes them, the
        platform cannot be used, or the simulation blows up.
    """
    path = path_of(trajectory, "trajectory")
    if path.suffix != ".xtc":
        raise InputError(f"{path} must end in .xtc: the only format a killed run can continue in")
    if not 1 <= seed < 2**31:
        raise InputError(f"seed={seed} must be between 1 and {2**31 - 1}")
    fingerprint = run_fingerprint(prepared, settings, seed)
    if is_finished(path, settings, fingerprint):
        return path
    with only_writer(path, patience_s=patience_s):
        done = check_earlier(path, settings, fingerprint)
        if done is not None and platform is None:
            # The binary checkpoint is exact on the platform it was written on.
            platform = PlatformChoice(done.platform)
        if platform is None:
            platform = choose_platform(prepared, settings)
        platform = tried(prepared, settings, platform)
        replicate = Replicate(
            prepared, settings, path, seed=seed, platform=platform, fingerprint=fingerprint, progress=progress
        )
        replicate.run(done)
    return path


def is_finished(trajectory: Path, settings: SimulationSettings, fingerprint: str) -> bool:
    """Tell whether a trajectory of these settings and this length is there already, as it was written."""
    manifest = find_manifest(trajectory) if trajectory.is_file() else None
    return _tells_of(manifest, settings, fingerprint) and is_unchanged(trajectory, manifest)


def _tells_of(manifest: Manifest | None, settings: SimulationSettings, fingerprint: str) -> TypeGuard[Manifest]:
    return (
        manifest is not None
        and getattr(manifest, "fingerprint", None) == fingerprint
        and manifest.n_frames == settings.n_frames
    )


def replicate_files(trajectory: Path) -> tuple[Path, Path, Path]:
    """Files of a replicate: trajectory, checkpoint and manifest."""
    return trajectory, checkpoint_path(trajectory), manifest_path(trajectory)


def discard(trajectory: Path) -> None:
    """Remove a trajectory with its checkpoint and manifest.

    Parameters
    ----------
    trajectory
        Path of the xtc; may be missing.

    Raises
    ------
    InputError
        If the folder is not writable, or another process writes the trajectory.
    """
    with only_writer(trajectory, patience_s=PATIENCE_S):
        # The trajectory goes first: without it the other two are harmless.
        for path in replicate_files(trajectory):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise InputError(f"{path} cannot be removed: {error.strerror}") from error


def check_earlier(trajectory: Path, settings: SimulationSettings, fingerprint: str) -> Bookkeeping | None:
    """Look for what an earlier run has left, changing nothing.

    Parameters
    ----------
    trajectory
        Path of the xtc.
    settings
        What is asked for now.
    fingerprint
        Hash of what is asked for now.

    Returns
    -------
    Bookkeeping or None
        The state to continue from; None when there is none.

    Raises
    ------
    InputError
        If the files belong to another run or cannot be continued.
    """
    manifest, done = find_manifest(trajectory), load_bookkeeping(checkpoint_path(trajectory))
    sidecar = manifest_path(trajectory)
    if sidecar.exists() and content_of(sidecar) is None and sidecar.stat().st_size:
        raise InputError(f"{sidecar} is there and no manifest of this program; use another folder")
    if manifest is None and done is None:
        if trajectory.exists() and trajectory.stat().st_size:
            raise InputError(f"{trajectory} is there and has no manifest: not made by this program; use another folder")
        return None
    earlier = done.fingerprint if done else getattr(manifest, "fingerprint", None)
    if earlier != fingerprint:
        raise InputError(
            f"{trajectory} was made with other settings{_difference(manifest, settings)}; use another folder, or "
            "overwrite to redo it"
        )
    if is_finished(trajectory, settings, fingerprint):
        return done
    if _tells_of(manifest, settings, fingerprint) and trajectory.is_file():
        raise InputError(
            f"{trajectory} is finished but not as it was written, by length or checksum in its manifest: it was "
            "damaged or changed; restore it from a copy, or overwrite to redo it"
        )
    if done is None and manifest is not None and manifest.n_frames is not None:
        raise InputError(
            f"{trajectory} lacks its checkpoint and cannot be continued; use it as it is, or overwrite to redo it"
        )
    if done is not None and done.n_frames > settings.n_frames:
        raise InputError(
            f"{trajectory} has {done.n_frames * settings.frame_interval_ps:g} ps already, {settings.length_ps:g} ps "
            "are asked for; use it as it is, or overwrite to redo it"
        )
    if done is not None and not _in_order(done, settings):
        raise InputError(
            f"{checkpoint_path(trajectory)} tells of {done.equilibration_steps:,} steps of equilibration, of "
            f"{settings.equilibration_steps:,}, and {done.n_frames:,} frames in {done.n_bytes:,} bytes: it is damaged; "
            "restore it from a copy, or overwrite to start anew"
        )
    return done


def _in_order(done: Bookkeeping, settings: SimulationSettings) -> bool:
    """Whether frames come after the whole of the equilibration, and there are bytes where there are frames."""
    if done.n_frames == done.n_bytes == 0:
        return done.equilibration_steps <= settings.equilibration_steps
    return done.equilibration_steps == settings.equilibration_steps and done.n_frames > 0 and done.n_bytes > 0


def _difference(manifest: Manifest | None, settings: SimulationSettings) -> str:
    earlier = getattr(manifest, "settings", {})
    changed = [
        f"{name} {earlier[name]} there, {value} now"
        for name, value in settings.physical().items()
        if name in earlier and earlier[name] != value
    ]
    return f" ({'; '.join(changed)})" if changed else " (another molecule, force field or seed)"
