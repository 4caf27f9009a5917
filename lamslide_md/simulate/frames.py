"""Frames on disk: an xtc that grows block by block, is verified after each, and can be cut back to a known length."""

import os
from pathlib import Path

import numpy as np
from openmm.app import Topology
from openmm.app.xtcfile import XTCFile

from lamslide_md.errors import InputError
from lamslide_md.hashing import RunningHash

MAGIC = 1995
HEADER_BYTES = 56
"""Magic, atoms, step, time, 9 numbers of box, atoms: each 4 bytes."""
PLAIN_ATOMS = 9
"""Up to so many atoms are stored uncompressed."""
COMPRESSED_HEADER_BYTES = 36
"""Precision, 3 least and 3 greatest integers, small index, number of bytes: each 4 bytes."""


def append_frames(
    path: Path, topology: Topology, frames_nm: list[np.ndarray], *, first_frame: int, frame_interval_ps: float
) -> int:
    """Append frames to an xtc and make sure that they are on disk.

    OpenMM's writer loses frames on a full disk without an error, so the file is read again behind the old end.

    Parameters
    ----------
    path
        Trajectory file.
    topology
        Atoms of a frame.
    frames_nm
        Positions of each frame, nm, shape (atoms, 3).
    first_frame
        Frames already in the file.
    frame_interval_ps
        Time between two frames, ps; frame 0 is written at one interval.

    Returns
    -------
    int
        Size of the file in bytes.

    Raises
    ------
    InputError
        If the frames cannot be written.
    """
    start = path.stat().st_size if path.exists() else 0
    try:
        writer = XTCFile(str(path), topology, frame_interval_ps, firstStep=1, interval=1, append=start > 0)
        for positions_nm in frames_nm:
            writer.writeModel(positions_nm)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{path} cannot be written ({error}); is the folder writable and the disk not full?"
        ) from error
    except ValueError as error:
        raise InputError(
            f"{path}: the simulation blew up near {first_frame * frame_interval_ps:g} ps "
            f"({str(error).split('.  For')[0]}); use a shorter timestep_fs, or check the start structure"
        ) from error
    n_written, end = scan_frames(path, start)
    size = path.stat().st_size
    if n_written != len(frames_nm) or end != size:
        raise InputError(
            f"{path}: of {len(frames_nm)} frames {n_written} arrived on disk ({size} bytes); the disk or a quota is "
            "full: free space and start again, it continues from the last checkpoint"
        )
    return size


def cut_back(path: Path, n_bytes: int) -> None:
    """Cut a trajectory to the length it had at a checkpoint.

    Parameters
    ----------
    path
        Trajectory file; may be missing when `n_bytes` is 0.
    n_bytes
        Length, bytes.

    Raises
    ------
    InputError
        If the file is shorter than that.
    """
    size = path.stat().st_size if path.exists() else 0
    if size < n_bytes:
        raise InputError(
            f"{path} has {size} bytes, its checkpoint was written at {n_bytes}; the trajectory was replaced or cut: "
            "restore it, or start anew with overwrite"
        )
    if size > n_bytes:
        with path.open("rb+") as file:
            file.truncate(n_bytes)
            os.fsync(file.fileno())


def hash_of(path: Path, n_frames: int, recorded: str) -> RunningHash:
    """Find out whether a trajectory is still what its checkpoint was written with.

    Parameters
    ----------
    path
        Trajectory file, cut back to that length; may be missing where there are no frames.
    n_frames
        Its frames then.
    recorded
        Its SHA-256 then; empty where it was not kept, and frames are counted.

    Returns
    -------
    RunningHash
        Of the file, to go on with.

    Raises
    ------
    InputError
        If it is another file, or was damaged.
    """
    running = RunningHash.of_file(path) if path.exists() else RunningHash()
    if recorded not in ("", running.hexdigest()):
        what = "is not as it was written, by the checksum in its checkpoint"
    elif not recorded and n_frames and scan_frames(path) != (n_frames, running.n_bytes):
        what = f"holds {scan_frames(path)[0]} sound frames, its checkpoint tells of {n_frames:,}"
    else:
        return running
    raise InputError(f"{path} {what}: one of them was damaged or changed; restore it, or start anew with overwrite")


def scan_frames(path: Path, start: int = 0) -> tuple[int, int]:
    """Count the complete frames of an xtc behind a byte, by their headers.

    Parameters
    ----------
    path
        Trajectory file.
    start
        Byte at which a frame begins.

    Returns
    -------
    tuple
        Number of complete frames, and the byte behind the last of them.
    """
    size, n_frames = path.stat().st_size, 0
    with path.open("rb") as file:
        while start + HEADER_BYTES <= size:
            file.seek(start)
            header = file.read(HEADER_BYTES + COMPRESSED_HEADER_BYTES)
            numbers = np.frombuffer(header, dtype=">i4", count=len(header) // 4)
            magic, n_atoms = int(numbers[0]), int(numbers[1])
            if magic != MAGIC:
                break
            if n_atoms <= PLAIN_ATOMS:
                end = start + HEADER_BYTES + 12 * n_atoms
            elif len(header) < HEADER_BYTES + COMPRESSED_HEADER_BYTES:
                break
            else:
                # XDR pads to whole words.
                end = start + len(header) + (int(numbers[-1]) + 3) // 4 * 4
            if not start < end <= size:
                break
            start, n_frames = end, n_frames + 1
    return n_frames, start
