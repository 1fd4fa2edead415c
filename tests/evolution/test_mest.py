"""Memory-economic sparse training against a dense twin."""

import numpy as np
import pytest

from sklearn_sparse_nn.evolution import MEST
from tests.evolution.seen import ask, seen_layer


@pytest.mark.parametrize("gradient_weight", [0.0, 0.5, 10.0])
def test_weights_and_gradients_decide_what_goes(gradient_weight):
    layer, mask, weights, gradient = seen_layer((150, 100))
    rule = MEST(gradient_weight, surplus=0)
    (goes,), (grows,) = ask(rule, [layer])
    scores = (np.abs(weights) + gradient_weight * np.abs(gradient))[mask]
    worst = np.argsort(scores)[: int(0.3 * mask.sum())]
    np.testing.assert_array_equal(np.flatnonzero(goes[mask]), np.sort(worst))
    assert grows.sum() == goes.sum() and not (grows & mask).any()


def test_the_surplus_falls_to_nothing():
    numbers = []
    for epoch in (0, 1, 3, 9):
        layer, mask, *_ = seen_layer((40, 30), epoch=0)
        rule = MEST(surplus=0.4, end=0.5)
        rule.targets([layer])
        later, *_ = seen_layer((40, 30), epoch=epoch)
        (goes,), (grows,) = ask(rule, [later])
        after = mask.sum() - goes.sum() + grows.sum()
        left = max(0, 1 - epoch / 5)
        numbers.append(after)
        assert after == mask.sum() + int(mask.sum() * 0.4 * left)
    assert numbers[0] > numbers[1] > numbers[2] > numbers[3] == mask.sum()
