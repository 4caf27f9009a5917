"""`System`: one molecule or set of points, and how its frames become a model's input."""

from dataclasses import dataclass, field
from numbers import Real
from typing import Literal

import mdtraj as md
import numpy as np
import torch
from jaxtyping import Float, Int

from lamslide_md.choices import Placement
from lamslide_md.data.stored_frames import StoredFrames
from lamslide_md.errors import InputError
from lamslide_md.frames import ReferenceFrame, from_settings
from lamslide_md.frames.base import FrameTransform
from lamslide_md.frames.centred import centred
from lamslide_md.frames.compose import Compose
from lamslide_md.systems.batches import batch_of, label_group, points_of
from lamslide_md.systems.constraints import MIN_VOLUME, Constraints, centres_of
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.match_choices import Molecule
from lamslide_md.systems.matching import match
from lamslide_md.systems.symmetry import Exchange
from lamslide_md.systems.topologies import Label, labels_of, unnumbered
from lamslide_md.systems.volumes import relative_volumes

Grouping = Literal["atoms", "residues"]

FRAMES_AT_ONCE = 10_000
"""Frames that are transformed at once: bounds memory."""


@dataclass(frozen=True)
class System:
    """What is simulated.

    Attributes
    ----------
    entities
        Assignment of points to entities.
    reference_nm
        The frame that others are superposed on.
    topology
        Of the molecule; None for points without chemistry.
    constraints
        What its frames never leave, learned from the training data.
    fit
        Points that are superposed; None: all.
    exchanges
        Groups whose atoms bear canonical names in the model's frames.
    """

    entities: Entities
    reference_nm: Float[np.ndarray, "points dim"]
    topology: md.Topology | None = None
    constraints: Constraints = field(default_factory=Constraints.none)
    fit: Int[np.ndarray, " fit"] | None = None
    exchanges: tuple[Exchange, ...] = ()

    @classmethod
    def molecule(cls, frame: md.Trajectory, grouping: Grouping) -> "System":
        """Make a system of the first frame of a trajectory, with its atoms or its residues as entities."""
        by_residue = grouping == "residues"
        of_residues = Entities.per_residue(frame.topology, frame.xyz[0]) if by_residue else None
        entities = of_residues or Entities.per_atom(frame.topology)
        return cls(entities, centred(frame.xyz[0]), unnumbered(frame.topology))

    def transform(self, frame: ReferenceFrame) -> Compose:
        """Transform of this system's frames before they are stored: canonical labels, then their place."""
        entities, fitted = self.entities, np.zeros(self.entities.n_points, dtype=bool)
        fitted[slice(None) if self.fit is None else self.fit] = True
        return frame.of_system(
            torch.from_numpy(entities.to_entities(self.reference_nm)),
            torch.from_numpy(entities.to_entities(fitted[:, None].repeat(entities.dim, axis=1))[..., 0]),
            tuple(label_group(exchange, entities) for exchange in self.exchanges),
        )

    def place(
        self, points_nm: Float[np.ndarray, "frames points dim"], placement: Placement
    ) -> Float[np.ndarray, "frames points dim"]:
        """Put frames in the place that they are stored in, with the labels that they have."""
        return self.seen(points_nm, self.transform(from_settings(placement)).parts[-1])

    def seen(
        self, points: Float[np.ndarray, "frames points dim"], transform: FrameTransform
    ) -> Float[np.ndarray, "frames points dim"]:
        """Apply a transform to frames on the host, some at a time.

        Parameters
        ----------
        points
            Frames, in any unit of length.
        transform
            Of single frames.

        Returns
        -------
        np.ndarray
            The transformed frames.
        """
        parts = [points[i : i + FRAMES_AT_ONCE] for i in range(0, len(points), FRAMES_AT_ONCE)]
        batches = [batch_of(self.entities, part[:, None]) for part in parts]
        frames = [points_of(self.entities, transform.apply(batch).positions)[:, 0] for batch in batches]
        return np.concatenate(frames) if frames else points

    def labels(self) -> list[Label]:
        """Tell the atoms apart.

        Returns
        -------
        list
            Residue index, residue name and atom name of every atom.

        Raises
        ------
        InputError
            If the system has no topology.
        """
        if self.topology is None:
            raise InputError("this system is a set of points: it has no atoms to match or write to a molecular file")
        return labels_of(self.topology)

    def select(self, traj: md.Trajectory, name: str = "the start frame") -> md.Trajectory:
        """Pick this system's atoms out of a trajectory, in this system's order.

        They are known by residue and name, or else by elements and bonds, which is noted.

        Parameters
        ----------
        traj
            May hold more atoms (hydrogens), in another order, and otherwise named.
        name
            What to call it in an error.

        Returns
        -------
        md.Trajectory
            The same frames of this system's atoms.

        Raises
        ------
        InputError
            If atoms are missing, or fit in more than one way.
        """
        self.labels()
        return md.Trajectory(traj.xyz[:, match(self.molecule_wanted(), traj, name)], self.topology)

    def molecule_wanted(self) -> Molecule:
        """What is looked for among other atoms, with the chirality that the data keeps or else the first frame has."""
        held, topology = self.constraints, self.topology or md.Topology()
        known = {tuple(centre): sign for centre, sign in zip(held.centres.tolist(), held.signs.tolist(), strict=True)}
        others = np.array([c for c in centres_of(self.entities.bonds) if c not in known], dtype=int).reshape(-1, 4)
        volume = relative_volumes(self.reference_nm[None].astype(np.float64), others)[0]
        clear = np.abs(volume) > MIN_VOLUME
        signs = np.r_[held.signs, np.sign(volume[clear]).astype(int)]
        return Molecule(topology, np.concatenate([held.centres, others[clear]]), signs)


@dataclass(frozen=True)
class PointTrajectory:
    """One trajectory of one system: molecules come as `mdtraj.Trajectory`, points as this.

    Points without chemistry (people, charges in units of their own) may be in any unit of length and of time: what is
    said of nm and ps then holds for these.

    Attributes
    ----------
    system
        What moves.
    points_nm
        Coordinates (frames, points, dimensions), in memory or in a file.
    frame_interval_ps
        Time between two frames.

    Raises
    ------
    InputError
        If the coordinates are no numbers of frames, points and one to three dimensions.
    """

    system: System
    points_nm: np.ndarray | StoredFrames
    frame_interval_ps: float

    def __post_init__(self) -> None:
        if not isinstance(self.system, System):
            raise InputError(f"system is of type {type(self.system).__name__}; give a lamslide_md.System")
        if isinstance(self.frame_interval_ps, bool) or not isinstance(self.frame_interval_ps, Real):
            raise InputError(f"frame_interval_ps={self.frame_interval_ps!r} must be a number, in ps")
        points, entities = self.points_nm, self.system.entities
        if isinstance(points, StoredFrames):
            return
        if not (isinstance(points, np.ndarray) and points.dtype.kind in "fiu" and points.ndim == 3):
            what = (
                f"numbers of type {points.dtype} in the shape {points.shape}"
                if isinstance(points, np.ndarray)
                else (f"a {type(points).__name__}")
            )
            raise InputError(f"points_nm must be an array of numbers, of frames, points and dimensions; it is {what}")
        if points.shape[1:] != (entities.n_points, entities.dim):
            raise InputError(
                f"coordinates have {points.shape[1]} points in {points.shape[2]} dimensions; the entities are "
                f"{entities.n_points} points in {entities.dim} dimensions"
            )
        if not (points.shape[1] > 0 and 1 <= points.shape[2] <= 3):
            raise InputError(
                f"points_nm has {points.shape[1]} points in {points.shape[2]} dimensions; there must be at least one "
                "point, in one to three"
            )
