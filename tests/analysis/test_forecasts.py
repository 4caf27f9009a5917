import numpy as np
import pytest

from lamslide_md.analysis.forecasts import constant_velocity, forecast_errors, last_frame
from lamslide_md.errors import InputError


def test_displacement_errors_of_a_case_done_by_hand():
    """Two points, two frames; sample 0 is off by (3, 4) in the last frame of point 0, sample 1 by 1 in point 1."""
    truth = np.zeros((2, 2, 2))
    samples = np.zeros((2, 2, 2, 2))
    samples[0, 1, 0] = 3, 4
    samples[1, :, 1, 0] = 1
    errors = forecast_errors([samples], [truth])
    assert errors.ade == pytest.approx((2.5 + 0 + 0 + 1) / 4)
    assert errors.fde == pytest.approx((5 + 0 + 0 + 1) / 4)
    assert errors.min_ade == errors.min_fde == 0
    assert errors.joint_ade == pytest.approx(0.5)
    assert errors.joint_fde == pytest.approx(0.5)
    assert (errors.n_windows, errors.n_points, errors.n_samples) == (1, 2, 2)


def test_every_point_counts_alike_whatever_the_size_of_its_window():
    one, three = np.ones((1, 4, 1, 2)), np.zeros((1, 4, 3, 2))
    errors = forecast_errors([one, three], [np.zeros((4, 1, 2)), np.zeros((4, 3, 2))])
    assert errors.ade == pytest.approx(np.sqrt(2) / 4)
    assert errors.joint_ade == pytest.approx(np.sqrt(2) / 4)


def test_the_best_of_more_samples_is_never_worse():
    rng = np.random.default_rng(0)
    truth, samples = rng.normal(size=(6, 3, 2)), rng.normal(size=(20, 6, 3, 2))
    few, many = forecast_errors([samples[:5]], [truth]), forecast_errors([samples], [truth])
    assert many.min_ade <= few.min_ade <= few.joint_ade <= few.ade
    assert many.min_fde <= few.min_fde <= few.joint_fde <= few.fde


def test_uniform_motion_is_forecast_exactly_by_constant_velocity_and_missed_by_the_last_frame():
    path = np.arange(8.0)[:, None, None] * np.array([[[1.0, 2.0]]])
    context, truth = path[:3], path[3:]
    assert forecast_errors([constant_velocity(context, 5)], [truth]).ade == pytest.approx(0, abs=1e-12)
    assert forecast_errors([last_frame(context, 5)], [truth]).fde == pytest.approx(5 * np.sqrt(5))


def test_what_cannot_be_measured_is_refused_with_its_window():
    good = np.zeros((1, 3, 2, 2))
    with pytest.raises(InputError, match="2 forecasts for 1 windows"):
        forecast_errors([good, good], [good[0]])
    with pytest.raises(InputError, match=r"window 1.*\(3, 2, 2\).*\(4, 2, 2\)"):
        forecast_errors([good, good], [good[0], np.zeros((4, 2, 2))])
    with pytest.raises(InputError, match=r"window 0.*not finite"):
        forecast_errors([good * np.nan], [good[0]])
    with pytest.raises(InputError, match="at least two"):
        constant_velocity(np.zeros((1, 2, 2)), 3)
