import importlib.util

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.harmonic import SpringCalculator
from ase.calculators.lj import LennardJones
from md17_files import read_md17

from lamslide_md.errors import InputError
from lamslide_md.simulate import ase_md
from lamslide_md.simulate.ase_md import AseSettings, simulate_ase, xtb_calculator

SETTINGS = AseSettings(n_steps=200, temperature_K=300.0, timestep_fs=1.0, n_equilibration_steps=50, seed=4)


@pytest.fixture
def copper():
    return bulk("Cu", cubic=True)


class Stop(Exception):
    pass


def stop_after(n_steps):
    def on_steps(done, total):
        if done >= n_steps:
            raise Stop

    return on_steps


def test_an_interrupted_simulation_ends_with_the_same_bits(copper, tmp_path, monkeypatch):
    monkeypatch.setattr(ase_md, "CHECKPOINT_INTERVAL_S", 0.0)
    # EMT's forces depend on when it has built its neighbour list, in the last bits.
    springs = SpringCalculator(copper.get_positions(), k=5.0)
    whole = simulate_ase(copper, springs, SETTINGS, tmp_path / "whole.npz")
    for n_steps in (50, 120):
        with pytest.raises(Stop):
            simulate_ase(copper, springs, SETTINGS, tmp_path / "cut.npz", stop_after(n_steps))
    cut = simulate_ase(copper, springs, SETTINGS, tmp_path / "cut.npz")
    with np.load(whole) as one, np.load(cut) as two:
        assert one["R"].shape == (20, 4, 3)
        for name in ("R", "E", "F", "z", "generator"):
            assert np.array_equal(one[name], two[name])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.npz", "whole.npz"]


def test_energies_and_forces_are_those_of_the_positions_in_md17s_units(copper, tmp_path):
    path = simulate_ase(copper, EMT(), SETTINGS, tmp_path / "c.npz")
    with np.load(path) as content:
        copper.positions[:] = content["R"][-1]
        copper.calc = EMT()
        assert content["E"][-1] * 0.0433641 == pytest.approx(copper.get_potential_energy(), rel=1e-5)
        np.testing.assert_allclose(content["F"][-1] * 0.0433641, copper.get_forces(), rtol=1e-4, atol=1e-6)


def test_the_thermostat_holds_the_temperature(tmp_path):
    """Mean kinetic energy per degree of freedom over a gas of independent atoms, which are as many samples."""
    gas = bulk("Ar", "sc", a=50).repeat((6, 6, 6))
    temperature_K = 300.0
    settings = AseSettings(n_steps=100, temperature_K=temperature_K, timestep_fs=5.0, friction_per_ps=10.0)
    path = simulate_ase(gas, SpringCalculator(gas.get_positions(), k=0.0), settings, tmp_path / "g.npz")
    with np.load(path) as content:
        momenta = content["momenta"]
    kT = ase_md.ase.units.kB * temperature_K
    measured = np.square(momenta).mean() / (gas.get_masses()[0] * kT)
    assert measured == pytest.approx(1, abs=4 * np.sqrt(2 / momenta.size))


def test_what_was_written_is_read_with_its_interval(copper, tmp_path):
    traj = read_md17(simulate_ase(copper, EMT(), SETTINGS, tmp_path / "c.npz"))
    assert traj.n_frames == 20
    np.testing.assert_allclose(np.diff(traj.time), 0.01, rtol=1e-5)


def test_the_file_of_another_simulation_is_left_alone(copper, tmp_path):
    path = simulate_ase(copper, EMT(), SETTINGS, tmp_path / "c.npz")
    before = path.read_bytes()
    simulate_ase(copper, EMT(), SETTINGS, path)
    with pytest.raises(InputError, match="another simulation"):
        simulate_ase(copper, EMT(), AseSettings(n_steps=100), path)
    assert path.read_bytes() == before
    path.write_bytes(before[:100])
    with pytest.raises(InputError, match=r"c\.npz is damaged"):
        simulate_ase(copper, EMT(), SETTINGS, path)


def test_an_exploding_simulation_is_stopped_with_the_mend(tmp_path):
    dimer = molecule("O2")
    dimer.positions[1] = dimer.positions[0] + 1e-200
    settings = AseSettings(n_steps=10, n_equilibration_steps=1)
    with np.errstate(all="ignore"), pytest.raises(InputError, match=r"energy is .* shorten the timestep of 0\.5 fs"):
        simulate_ase(dimer, LennardJones(), settings, tmp_path / "x.npz")


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="105 steps are no whole number of frames of 10"):
        AseSettings(n_steps=105)
    with pytest.raises(InputError, match=r"timestep_fs=0\.0"):
        AseSettings(n_steps=10, timestep_fs=0.0)


@pytest.mark.skipif(importlib.util.find_spec("tblite") is not None, reason="tblite is there")
def test_a_missing_tblite_is_named_with_its_mend():
    with pytest.raises(InputError, match="pip install tblite"):
        xtb_calculator()
