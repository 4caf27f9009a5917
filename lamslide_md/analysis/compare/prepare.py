"""From what the user gave to datasets of the same atoms, lags that fit, and the MD that sets the noise floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import lcm

import mdtraj as md
import numpy as np

from lamslide_md.analysis.datasets.dataset import Dataset
from lamslide_md.analysis.datasets.matching import left_out_note, match_atoms
from lamslide_md.analysis.datasets.reading import AnyTrajectory
from lamslide_md.analysis.datasets.screening import repeat_notes, screen_bonds, screen_motion
from lamslide_md.analysis.features import Torsion, survey_torsions
from lamslide_md.analysis.kinetics.autocorrelation import relaxation_times, torsion_autocorrelation
from lamslide_md.data.stored_frames import Frames, StoredFrames
from lamslide_md.errors import InputError, option
from lamslide_md.units import RELATIVE_TOLERANCE, whole_frames

MAX_RELAXATIONS = 5.0
"""Autocorrelations are compared up to so many of the slowest relaxation times."""


@dataclass(frozen=True)
class Prepared:
    """Datasets of the same atoms. The floor is `floor` (distributions) and `kinetic_floor` against `floor_reference`.

    `floor_text` says in words what it is, `notes` what a reader must know.
    """

    topology: md.Topology
    torsions: tuple[Torsion, ...]
    rollout: Dataset
    reference: Dataset
    floor: Dataset
    kinetic_floor: Dataset
    floor_reference: Dataset
    floor_text: str
    notes: tuple[str, ...]


def prepare(given: Mapping[str, Sequence[AnyTrajectory]], intervals_ps: Mapping[str, float]) -> Prepared:
    """Check and match all datasets, and choose the MD of the noise floor.

    Parameters
    ----------
    given
        Trajectories of "rollout", "reference" and, if there is independent MD, "replicate".
    intervals_ps
        Time between frames of each, ps.

    Returns
    -------
    Prepared
        Datasets cut to the atoms they share.

    Raises
    ------
    InputError
        From matching or screening the datasets.
    """
    topologies = {name: trajectories[0].topology for name, trajectories in given.items()}
    reference_topology = topologies["reference"]
    matches = {name: match_atoms(topology, reference_topology, name) for name, topology in topologies.items()}
    shared = np.array(sorted(set.intersection(*({int(i) for i in match[1]} for match in matches.values()))))
    datasets, orders = {}, {}
    for name, (own, there) in matches.items():
        orders[name] = own[np.isin(there, shared)]
        whole = np.array_equal(orders[name], np.arange(topologies[name].n_atoms))
        positions = tuple(
            trajectory.xyz if whole else _ordered(trajectory.xyz, orders[name]) for trajectory in given[name]
        )
        datasets[name] = Dataset(name, positions, intervals_ps[name])
    topology = reference_topology.subset(shared)
    others = [dataset for name, dataset in datasets.items() if name != "reference"]
    screen_bonds(topology, datasets["reference"], others)
    survey = survey_torsions(topology, datasets["reference"].positions_nm[0][:100])
    screen_motion(survey.torsions, list(datasets.values()))
    floor, kinetic_floor, floor_reference, text = _choose_floor(datasets)
    notes = [*_notes_on_atoms(topologies, orders), *repeat_notes(datasets)]
    if survey.left_out:
        notes.append(survey.left_out)
    if floor.n_frames < datasets["rollout"].n_frames:
        notes.append(
            f"the floor has {floor.n_frames} frames, fewer than the rollout's {datasets['rollout'].n_frames}: it is "
            "too high, and the ratios too good"
        )
    return Prepared(
        topology,
        survey.torsions,
        datasets["rollout"],
        datasets["reference"],
        floor,
        kinetic_floor,
        floor_reference,
        text,
        tuple(notes),
    )


def _ordered(positions_nm: Frames, order: np.ndarray) -> Frames:
    return (
        positions_nm.ordered(order)
        if isinstance(positions_nm, StoredFrames)
        else np.ascontiguousarray(positions_nm[:, order])
    )


def _notes_on_atoms(topologies: Mapping[str, md.Topology], orders: Mapping[str, np.ndarray]) -> list[str]:
    """Say which residues and hydrogens are not compared."""
    notes = []
    for name, topology in topologies.items():
        compared = {topology.atom(int(index)).residue.index for index in orders[name]}
        note = left_out_note((r for r in topology.residues if r.index not in compared), name)
        notes += [note] if note else []
        n_atoms = sum(topology.residue(index).n_atoms for index in compared)
        if name == "reference" and len(orders[name]) < n_atoms:
            notes.append(f"compared are {len(orders[name])} of the reference's {n_atoms} atoms; hydrogens left out")
    return notes


def _choose_floor(datasets: dict[str, Dataset]) -> tuple[Dataset, Dataset, Dataset, str]:
    rollout, reference = datasets["rollout"], datasets["reference"]
    if "replicate" in datasets:
        full, against = datasets["replicate"], reference
        text = f"an independent MD replicate of {full.total_ps / 1000:g} ns"
    else:
        against, full = reference.halves()
        text = f"the second half of the reference ({full.total_ps / 1000:g} ns) against its first half"
    floor = full.thinned(rollout.n_frames)
    text += f", {floor.n_frames} frames every {floor.interval_ps:.3g} ps for distributions and structure"
    ratio = rollout.interval_ps / full.interval_ps
    stride = round(ratio) if ratio >= 1 and abs(ratio - round(ratio)) < 1e-3 * ratio else 1
    kinetic = full.strided(stride)
    text += f", all frames every {kinetic.interval_ps:.3g} ps for kinetics"
    return floor, kinetic, against, text


def check_lag(prepared: Prepared, lag_ps: float) -> None:
    """Refuse a lag that is no whole number of frames in every dataset or longer than a dataset's trajectories.

    Parameters
    ----------
    prepared
        The datasets.
    lag_ps
        Lag, ps.

    Raises
    ------
    InputError
        With the lag and the interval or length that does not fit.
    """
    for dataset in (prepared.rollout, prepared.reference, prepared.kinetic_floor):
        whole_frames(lag_ps, dataset.interval_ps, f"{option('lag_ps')} on the frames of the {dataset.name}")
    for dataset in (prepared.rollout, prepared.reference):
        if dataset.longest_ps <= lag_ps:
            raise InputError(
                f"the longest trajectory of the {dataset.name} lasts {dataset.longest_ps:g} ps, not longer than "
                f"{option('lag_ps')}={lag_ps:g}; pass a shorter one or longer trajectories"
            )


def short_notes(prepared: Prepared, lag_ps: float) -> tuple[str, ...]:
    """Count the trajectories of each dataset that are shorter than the lag, ps: they are in none of its models."""
    notes = []
    for dataset in (prepared.reference, prepared.rollout, prepared.kinetic_floor):
        lengths_ps = [(len(part) - 1) * dataset.interval_ps for part in dataset.positions_nm]
        n_short = sum(length_ps < lag_ps * (1 - RELATIVE_TOLERANCE) for length_ps in lengths_ps)
        models = "TICA and MSMs" if dataset is prepared.reference else "MSMs"
        if n_short and dataset.name in ("reference", "rollout", "replicate"):
            notes.append(
                f"{n_short} of {len(lengths_ps)} {dataset.name} trajectories are shorter than the lag of {lag_ps:g} ps "
                f"and do not enter {models}"
            )
    return tuple(notes)


def base_interval_ps(prepared: Prepared) -> float:
    """Find the shortest time that is a whole number of frames in every dataset, ps."""
    intervals = [
        Fraction(dataset.interval_ps).limit_denominator(10**6)
        for dataset in (prepared.rollout, prepared.reference, prepared.kinetic_floor)
    ]
    return float(reduce(_least_common_multiple, intervals))


def _least_common_multiple(first: Fraction, second: Fraction) -> Fraction:
    denominator = lcm(first.denominator, second.denominator)
    numerators = (int(fraction * denominator) for fraction in (first, second))
    return Fraction(lcm(*numerators), denominator)


def slowest_relaxation_ps(angles: Sequence[np.ndarray], interval_ps: float) -> float | None:
    """Find the longest torsion relaxation time of the reference, ps; None if none relaxes within half its length."""
    n_lags = max(2, max(map(len, angles)) // 2)
    lags_ps, slowest_ps = np.arange(n_lags) * interval_ps, []
    for column in range(angles[0].shape[1]):  # one at a time: Fourier transforms are much larger than the angles
        curve = torsion_autocorrelation([part[:, column : column + 1] for part in angles], n_lags)
        slowest_ps += [float(time_ps) for time_ps in relaxation_times(curve, lags_ps) if np.isfinite(time_ps)]
    return max(slowest_ps, default=None)


def longest_lag_ps(prepared: Prepared, relaxation_ps: float | None) -> float:
    """Choose the longest lag of autocorrelations, ps: half of the shortest dataset, at most five relaxation times."""
    datasets = (prepared.rollout, prepared.reference, prepared.kinetic_floor, prepared.floor_reference)
    half_ps = 0.5 * min(dataset.longest_ps for dataset in datasets)
    return half_ps if relaxation_ps is None else min(half_ps, MAX_RELAXATIONS * relaxation_ps)
