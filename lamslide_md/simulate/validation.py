"""Is the canonical ensemble sampled? Kinetic energies at one temperature, potential energies between two."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lamslide_md.errors import InputError
from lamslide_md.simulate.energies import Energies
from lamslide_md.units import GAS_CONSTANT_KJ_PER_MOL_K

MIN_INDEPENDENT = 20


@dataclass(frozen=True)
class KineticCheck:
    """Kinetic energies against the canonical gamma distribution.

    Attributes
    ----------
    temperature_K
        Mean kinetic temperature, K.
    temperature_error_K
        Its standard error, K, with correlated samples counted once.
    width_ratio
        Standard deviation over the canonical one, 1.
    width_error
        Its standard error, 1.
    n_independent
        Independent samples.
    kolmogorov_smirnov_p
        Probability of so large a distance from the canonical distribution by chance.
    """

    temperature_K: float
    temperature_error_K: float
    width_ratio: float
    width_error: float
    n_independent: int
    kolmogorov_smirnov_p: float


@dataclass(frozen=True)
class EnsembleCheck:
    """Energies at two temperatures against the ratio of their Boltzmann factors.

    Attributes
    ----------
    slope_ratio
        Fitted over expected slope of ln P₂(E)/P₁(E), 1 for canonical ensembles.
    slope_error
        Its standard error, 1.
    n_independent
        Independent samples at each temperature.
    """

    slope_ratio: float
    slope_error: float
    n_independent: tuple[int, int]


def statistical_inefficiency(values: np.ndarray) -> float:
    """Samples per independent sample: one plus twice the integrated autocorrelation, summed while it is above zero.

    Parameters
    ----------
    values
        A stationary series, shape (samples,).

    Returns
    -------
    float
        At least 1.

    References
    ----------
    Chodera et al., J. Chem. Theory Comput. 3, 26 (2007).
    """
    n = len(values)
    centred = values - values.mean()
    # Zero padding keeps the circular correlation of the FFT from wrapping round.
    spectrum = np.fft.rfft(centred, 2 * n)
    correlation = np.fft.irfft(spectrum * spectrum.conj())[:n] / np.arange(n, 0, -1)
    if correlation[0] <= 0:
        return 1.0
    correlation /= correlation[0]
    negative = np.flatnonzero(correlation <= 0)
    end = int(negative[0]) if len(negative) else n
    return max(1.0, float(1.0 + 2.0 * np.sum((1.0 - np.arange(1, end) / n) * correlation[1:end])))


def check_kinetic(energies: Energies) -> KineticCheck:
    """Compare kinetic energies with the canonical distribution.

    For f degrees of freedom K follows a gamma distribution of shape f/2 and scale kT.

    Parameters
    ----------
    energies
        Energies along a simulation.

    Returns
    -------
    KineticCheck
        Mean, width and shape against the expectation.

    Raises
    ------
    InputError
        If fewer than 20 samples are independent.
    """
    kinetic, f = energies.kinetic_kJ_per_mol, energies.n_degrees_of_freedom
    inefficiency = statistical_inefficiency(kinetic)
    n = _enough(len(kinetic) / inefficiency)
    temperatures = 2.0 * kinetic / (f * GAS_CONSTANT_KJ_PER_MOL_K)
    canonical = stats.gamma(f / 2.0, scale=GAS_CONSTANT_KJ_PER_MOL_K * energies.temperature_K)
    # Of the variance of a gamma variable, whose excess kurtosis is 12/f; half of it for the standard deviation.
    width_error = np.sqrt(2.0 / n + 12.0 / f / n) / 2.0
    # Thinned to twice the correlation, so that the test's assumption of independence holds.
    thinned = kinetic[:: int(np.ceil(2.0 * inefficiency))]
    return KineticCheck(
        temperature_K=float(temperatures.mean()),
        temperature_error_K=float(temperatures.std(ddof=1) / np.sqrt(n)),
        width_ratio=float(kinetic.std(ddof=1) / canonical.std()),
        width_error=float(width_error),
        n_independent=int(n),
        kolmogorov_smirnov_p=float(stats.kstest(thinned, canonical.cdf).pvalue),
    )


def check_ensemble(lower: Energies, higher: Energies) -> EnsembleCheck:
    """Compare potential energies at two temperatures with what the Boltzmann factors demand.

    The probability that a sample of energy E is from the higher temperature is logistic in E with slope β₁ - β₂; the
    slope is fitted by maximum likelihood.

    Parameters
    ----------
    lower
        Energies at the lower temperature.
    higher
        Energies at the higher temperature, of the same system.

    Returns
    -------
    EnsembleCheck
        Fitted over expected slope.

    Raises
    ------
    InputError
        If the temperatures are not apart, fewer than 20 samples are independent, or the energies do not overlap.

    References
    ----------
    Shirts, J. Chem. Theory Comput. 9, 909 (2013).
    """
    if not lower.temperature_K < higher.temperature_K:
        raise InputError(f"temperatures {lower.temperature_K:g} K and {higher.temperature_K:g} K must rise")
    cold, hot = lower.potential_kJ_per_mol, higher.potential_kJ_per_mol
    inefficiencies = statistical_inefficiency(cold), statistical_inefficiency(hot)
    n_cold, n_hot = (_enough(len(values) / g) for values, g in zip((cold, hot), inefficiencies, strict=True))
    if cold.max() < hot.min():
        raise InputError(
            f"energies at {lower.temperature_K:g} K and {higher.temperature_K:g} K do not overlap; take temperatures "
            "closer together"
        )
    expected = 1.0 / (GAS_CONSTANT_KJ_PER_MOL_K * lower.temperature_K)
    expected -= 1.0 / (GAS_CONSTANT_KJ_PER_MOL_K * higher.temperature_K)
    slope, error = _logistic_slope(np.concatenate([cold, hot]), np.repeat([0.0, 1.0], [len(cold), len(hot)]))
    # The fit takes all samples as independent.
    error *= np.sqrt(max(inefficiencies))
    return EnsembleCheck(float(slope / expected), float(error / expected), (int(n_cold), int(n_hot)))


def _logistic_slope(energies: np.ndarray, is_hot: np.ndarray) -> tuple[float, float]:
    """Fit P(hot) = 1/(1 + exp(-(a + bE))) by Newton's method; b and its standard error, both in mol/kJ."""
    scale = energies.std()
    design = np.stack([np.ones_like(energies), (energies - energies.mean()) / scale], axis=1)
    weights = np.zeros(2)
    for _ in range(50):
        probability = 1.0 / (1.0 + np.exp(-design @ weights))
        information = (design * (probability * (1.0 - probability))[:, None]).T @ design
        step = np.linalg.solve(information, design.T @ (is_hot - probability))
        weights += step
        if np.abs(step).max() < 1e-10:
            break
    covariance = np.linalg.inv(information)
    return float(weights[1] / scale), float(np.sqrt(covariance[1, 1]) / scale)


def _enough(n_independent: float) -> float:
    if n_independent < MIN_INDEPENDENT:
        raise InputError(f"only {n_independent:.0f} independent samples; simulate longer to check an ensemble")
    return n_independent
