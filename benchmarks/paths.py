"""Transition paths of alanine dipeptide: drawn between two ends, against those of MD.

    python benchmarks/pretrained.py ala2      # makes the model and two replicates of MD
    python benchmarks/paths.py

The Markov model (100 clusters, one frame interval) and the metastable states are estimated on replicate 1, which the
model has learned from; the ends are those of MD segments of replicate 2 that begin in one state and end in another.
Scored is ln P(inner frames | ends) for each inner frame. `md` are the segments themselves; `md, other ends` as many
others, the floor of the distances; `straight` interpolates torsions linearly along the shorter arc; `jump` stays at the
start and goes to the end in one interval, at a random time. Also told: the Jensen-Shannon distances of the times of the
last exit from the first state, and of the torsions halfway. Figures go to benchmarks/results/paths_ala2.json.
"""

import argparse

import numpy as np
from common import replicate, write_result

import lamslide_md as lam
from lamslide_md.analysis.distributions import angle_histograms, js_distance, js_distances
from lamslide_md.analysis.features import find_torsions, torsion_angles
from lamslide_md.analysis.msm.counts import count_transitions
from lamslide_md.analysis.msm.paths import path_log_likelihoods, smoothed_transition_matrix
from lamslide_md.analysis.reference_model import ReferenceModel, fit_reference_model

N_CLUSTERS, N_STATES, N_PATHS = 100, 4, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[3, 7, 14], help="new frames between the ends")
    args = parser.parse_args()
    model = lam.load_pretrained("ala2")
    learned, held_out = (replicate("ala2", i) for i in (1, 2))
    stride = round(model.frame_interval_ps / float(learned.timestep))
    torsions = find_torsions(learned.topology, learned.xyz[:1])
    angles = [torsion_angles(traj.xyz[::stride], torsions) for traj in (learned, held_out)]
    reference_model = fit_reference_model(
        angles[:1],
        tica_lag_frames=1,
        lag_frames=1,
        lag_ps=model.frame_interval_ps,
        n_clusters=N_CLUSTERS,
        n_states=N_STATES,
        seed=0,
    )
    counts = count_transitions([clusters_of(reference_model, angles[0])], N_CLUSTERS, 1).astype(float)
    matrix = smoothed_transition_matrix(counts)
    state = reference_model.state_of_cluster[clusters_of(reference_model, angles[1])]
    rng, results = np.random.default_rng(0), {}
    for n_frames in args.frames:
        begins = np.flatnonzero(state[: -n_frames - 1] != state[n_frames + 1 :])
        first = rng.choice(begins, N_PATHS)
        frames = held_out[::stride]
        drawn = model.interpolate(frames[first], frames[first + n_frames + 1], n_frames, n_paths=N_PATHS, seed=1)
        md_paths = angles[1][first[:, None] + np.arange(n_frames + 2)]
        datasets = {
            "surrogate": np.stack([torsion_angles(path, torsions) for path in drawn.points_nm()]),
            "md": md_paths,
            "md, other ends": angles[1][rng.choice(begins, N_PATHS)[:, None] + np.arange(n_frames + 2)],
            "straight": straight(md_paths),
            "jump": jump(md_paths, rng),
        }
        results[f"{(n_frames + 1) * model.frame_interval_ps:g} ps"] = {
            name: figures(reference_model, matrix, paths, md_paths) for name, paths in datasets.items()
        }
    for duration, rows in results.items():
        for name, row in rows.items():
            print(duration, name, {key: round(value, 3) for key, value in row.items()})
    write_result("paths_ala2", {"n_paths": N_PATHS, "n_states": reference_model.n_states, "paths": results})


def clusters_of(reference_model: ReferenceModel, angles: np.ndarray) -> np.ndarray:
    return reference_model.clusters(reference_model.tics(angles))


def figures(
    reference_model: ReferenceModel, matrix: np.ndarray, paths: np.ndarray, md_paths: np.ndarray
) -> dict[str, float]:
    """Score of paths (paths, frames, torsions), and how their exits and middles compare with MD's."""
    clusters, md_clusters = (
        clusters_of(reference_model, part.reshape(-1, part.shape[-1])).reshape(part.shape[:2])
        for part in (paths, md_paths)
    )
    scores = path_log_likelihoods(matrix, clusters)
    exits, md_exits = (
        np.bincount(last_exit(reference_model.state_of_cluster[c]), minlength=paths.shape[1])
        for c in (clusters, md_clusters)
    )
    middle = paths.shape[1] // 2
    histograms = [angle_histograms(part[:, middle]).astype(float) for part in (paths, md_paths)]
    return {
        "ln_likelihood_per_frame": float(scores.mean()),
        "standard_error": float(scores.std() / np.sqrt(len(scores))),
        "js_distance_of_exit_times": js_distance(exits.astype(float), md_exits.astype(float)),
        "js_distance_of_torsions_halfway": float(np.mean(js_distances(*histograms))),
    }


def last_exit(states: np.ndarray) -> np.ndarray:
    """Frame after the last one in the first frame's state."""
    inside = states == states[:, :1]
    return states.shape[1] - np.argmax(inside[:, ::-1], axis=1)


def straight(paths: np.ndarray) -> np.ndarray:
    """Torsions turned evenly along the shorter arc."""
    turn = (paths[:, -1] - paths[:, 0] + np.pi) % (2 * np.pi) - np.pi
    share = np.linspace(0, 1, paths.shape[1])[:, None]
    return (paths[:, :1] + share * turn[:, None] + np.pi) % (2 * np.pi) - np.pi


def jump(paths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The first frame until a random time, then the last."""
    when = rng.integers(1, paths.shape[1], len(paths))
    early = np.arange(paths.shape[1]) < when[:, None]
    return np.where(early[..., None], paths[:, :1], paths[:, -1:])


if __name__ == "__main__":
    main()
