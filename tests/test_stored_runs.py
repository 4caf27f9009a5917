"""Results of the code as it was: a change of its form changes none of them by more than rounding."""

import numpy as np
import pytest

from tests.stored_runs import MODELS, PLACEMENTS, STORED, bridged, rolled_out, trained

ROUNDING_NM = 2e-4


@pytest.fixture(scope="module")
def stored():
    with np.load(STORED) as content:
        return dict(content)


@pytest.mark.parametrize("name", MODELS)
def test_shipped_models_roll_out_as_before(stored, name):
    np.testing.assert_allclose(rolled_out(name), stored[name], atol=ROUNDING_NM, rtol=0)


def test_a_shipped_model_fills_in_as_before(stored):
    np.testing.assert_allclose(bridged(), stored["bridged"], atol=ROUNDING_NM, rtol=0)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_models_are_trained_as_before(stored, placement, butane):
    np.testing.assert_allclose(trained(placement, butane), stored[placement], rtol=2e-3)
