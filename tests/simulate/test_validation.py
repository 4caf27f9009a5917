import numpy as np
import openmm
import pytest
from openmm.app import Topology
from openmm.app.element import carbon

from lamslide_md.errors import InputError
from lamslide_md.simulate.energies import Energies, degrees_of_freedom, sample_energies
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import PreparedSystem
from lamslide_md.simulate.validation import (
    check_ensemble,
    check_kinetic,
    statistical_inefficiency,
)
from lamslide_md.units import GAS_CONSTANT_KJ_PER_MOL_K

N_DEGREES = 40


def canonical(temperature_K, n, rng, *, claimed_K=None, narrowed=1.0):
    """Energies of N_DEGREES harmonic degrees of freedom, kinetic and potential alike."""
    kT = GAS_CONSTANT_KJ_PER_MOL_K * temperature_K
    values = rng.gamma(N_DEGREES / 2, kT, size=(2, n))
    values = values.mean(axis=1, keepdims=True) + narrowed * (values - values.mean(axis=1, keepdims=True))
    return Energies(values[0], values[1], claimed_K or temperature_K, N_DEGREES)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_statistical_inefficiency_of_a_first_order_process(correlation):
    rng, n = np.random.default_rng(0), 100_000
    noise, values = rng.normal(size=n), np.empty(n)
    values[0] = noise[0]
    for index in range(1, n):
        values[index] = correlation * values[index - 1] + noise[index]
    # The estimate's own error is about √(2 (2M + 1) / n) for a sum over M lags; M is some ten correlation times.
    expected = (1 + correlation) / (1 - correlation)
    n_lags = 10 * expected
    assert statistical_inefficiency(values) == pytest.approx(expected, rel=4 * np.sqrt(2 * (2 * n_lags + 1) / n))


def test_canonical_kinetic_energies_pass():
    check = check_kinetic(canonical(350.0, 20_000, np.random.default_rng(1)))
    assert abs(check.temperature_K - 350.0) < 4 * check.temperature_error_K
    # f degrees of freedom: relative error of the mean is √(2 / f n).
    assert check.temperature_error_K == pytest.approx(350.0 * np.sqrt(2 / N_DEGREES / check.n_independent), rel=0.05)
    assert abs(check.width_ratio - 1.0) < 4 * check.width_error
    assert check.kolmogorov_smirnov_p > 1e-4


def test_wrong_temperature_and_a_thermostat_without_fluctuations_are_caught():
    rng = np.random.default_rng(2)
    warm = check_kinetic(canonical(360.0, 20_000, rng, claimed_K=350.0))
    assert warm.temperature_K - 350.0 > 10 * warm.temperature_error_K
    assert warm.kolmogorov_smirnov_p < 1e-6
    narrow = check_kinetic(canonical(350.0, 20_000, rng, narrowed=0.8))
    assert 1.0 - narrow.width_ratio > 10 * narrow.width_error
    assert narrow.kolmogorov_smirnov_p < 1e-6


def test_ensemble_check_is_right_on_average_and_knows_its_error():
    rng = np.random.default_rng(3)
    checks = [check_ensemble(canonical(300.0, 1000, rng), canonical(380.0, 1000, rng)) for _ in range(200)]
    scores = np.array([(check.slope_ratio - 1.0) / check.slope_error for check in checks])
    # Mean and standard deviation of 200 standard normal scores; the correlation estimate may only widen the error.
    assert abs(scores.mean()) < 4 / np.sqrt(200)
    assert 0.7 < scores.std() < 1 + 4 / np.sqrt(400)


def test_ensemble_check_catches_what_a_single_temperature_hides():
    rng = np.random.default_rng(4)
    wrong = check_ensemble(canonical(300.0, 10_000, rng), canonical(360.0, 10_000, rng, claimed_K=380.0))
    assert 1.0 - wrong.slope_ratio > 5 * wrong.slope_error
    narrow = check_ensemble(canonical(300.0, 10_000, rng, narrowed=0.8), canonical(380.0, 10_000, rng, narrowed=0.8))
    assert narrow.slope_ratio - 1.0 > 5 * narrow.slope_error


def test_checks_refuse_what_they_cannot_evaluate():
    rng = np.random.default_rng(5)
    with pytest.raises(InputError, match="independent samples; simulate longer"):
        check_kinetic(canonical(300.0, 15, rng))
    with pytest.raises(InputError, match="300 K and 300 K must rise"):
        check_ensemble(canonical(300.0, 100, rng), canonical(300.0, 100, rng))
    with pytest.raises(InputError, match="do not overlap; take temperatures closer"):
        check_ensemble(canonical(10.0, 100, rng), canonical(300.0, 100, rng))


def test_simulated_oscillators_sample_the_canonical_ensemble():
    """Twenty particles on springs to the origin: kinetic and potential energy are known exactly."""
    n_particles, spring = 20, 1000.0
    topology, system, force = Topology(), openmm.System(), openmm.CustomExternalForce("0.5*k*(x^2+y^2+z^2)")
    residue = topology.addResidue("OSC", topology.addChain())
    force.addGlobalParameter("k", spring)
    for index in range(n_particles):
        topology.addAtom("C", carbon, residue)
        system.addParticle(12.0)
        force.addParticle(index)
    system.addForce(force)
    prepared = PreparedSystem(
        "oscillators", topology, np.zeros((n_particles, 3)), system, np.arange(n_particles), "springs"
    )
    assert degrees_of_freedom(system) == 60
    sampled = []
    for temperature_K in (300.0, 340.0):
        settings = SimulationSettings(
            temperature_K=temperature_K, timestep_fs=5.0, frame_interval_ps=1.0, equilibration_ps=10.0, length_ps=1.0
        )
        energies = sample_energies(prepared, settings, 800)
        check = check_kinetic(energies)
        assert abs(check.temperature_K - temperature_K) < 4 * check.temperature_error_K
        assert abs(check.width_ratio - 1.0) < 4 * check.width_error
        potential = energies.potential_kJ_per_mol
        expected = 30 * GAS_CONSTANT_KJ_PER_MOL_K * temperature_K
        error = potential.std() * np.sqrt(statistical_inefficiency(potential) / len(potential))
        # The angular frequency is 9.1/ps: 5 fs steps shift the mean by less than (ω dt)²/8 = 0.03 %.
        assert abs(potential.mean() - expected) < 4 * error
        sampled.append(energies)
    check = check_ensemble(*sampled)
    assert abs(check.slope_ratio - 1.0) < 4 * check.slope_error


def test_degrees_of_freedom_of_a_constrained_peptide(prepared):
    # 22 atoms, 12 bonds to hydrogen of fixed length, the centre of mass at rest.
    assert degrees_of_freedom(prepared.system) == 3 * 22 - 12 - 3
