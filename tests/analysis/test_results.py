import numpy as np
from scipy.spatial.transform import Rotation

from lamslide_md.analysis.compare.prepare import prepare
from lamslide_md.analysis.playback import MAX_FRAMES, collect_playback, superposed


def test_superposition_undoes_rotation_and_translation(alanine):
    frame = alanine(np.array([-1.2]), np.array([2.5]), noise_nm=0.0).xyz.astype(float)
    turned = Rotation.random(5, rng=0).as_matrix()
    moved = np.einsum("fij,aj->fai", turned, frame[0]) + np.arange(5)[:, None, None]
    chosen = np.ones(frame.shape[1], dtype=bool)
    fitted = superposed(moved, frame[0], chosen)
    np.testing.assert_allclose(fitted, np.broadcast_to(frame[0] - frame[0].mean(axis=0), fitted.shape), atol=1e-9)


def test_superposition_never_mirrors(alanine):
    frame = alanine(np.array([-1.2]), np.array([2.5]), noise_nm=0.0).xyz.astype(float)
    mirrored = frame * [1, 1, -1]
    fitted = superposed(mirrored, frame[0], np.ones(frame.shape[1], dtype=bool))
    assert np.abs(fitted - (frame - frame.mean(axis=1, keepdims=True))).max() > 0.05


def test_both_datasets_are_shown_at_the_same_interval(reference_md, replicate_md):
    prepared = prepare(
        {"rollout": [replicate_md[::5]], "reference": [reference_md]}, {"rollout": 5.0, "reference": 1.0}
    )
    playback = collect_playback(prepared.topology, prepared.reference, prepared.rollout, 5.0)
    frames = playback.positions_pm
    assert {which: positions.shape for which, positions in frames.items()} == {
        "reference": (MAX_FRAMES, 10, 3),
        "rollout": (MAX_FRAMES, 10, 3),
    }
    # Distances survive superposition and rounding: frame 3 of the reference is its frame 15.
    shown = np.linalg.norm(frames["reference"][3][0] - frames["reference"][3][9])
    np.testing.assert_allclose(shown, 1000 * np.linalg.norm(reference_md.xyz[15, 0] - reference_md.xyz[15, 9]), atol=2)
