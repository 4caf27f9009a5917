import json

import numpy as np

from lamslide_md.systems.decimals import decimals


def test_single_precision_survives_json_in_half_of_the_digits():
    array = np.random.default_rng(0).normal(size=(50, 4, 3)).astype(np.float32)
    text = json.dumps(decimals(array))
    np.testing.assert_array_equal(np.array(json.loads(text), dtype=np.float32), array)
    assert len(text) < 0.65 * len(json.dumps(array.tolist()))
