"""RigL against a dense twin."""

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import RigL, choosing
from tests.evolution.seen import ask, seen_layer


def _slow(mask, weights, gradient, n):
    """Connections after a rewiring: what is kept, and the largest gradients."""
    scores = np.where(mask, np.abs(weights), np.inf)
    kept = mask.copy()
    kept.flat[np.argsort(scores, axis=None)[:n]] = False
    gradient = np.where(kept, -np.inf, np.abs(gradient))
    after = kept.copy()
    after.flat[np.argsort(-gradient, axis=None)[:n]] = True
    return after


@pytest.mark.parametrize("shape", [(7, 5), (40, 30), (300, 200)])
@pytest.mark.parametrize("density", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("epoch", [0, 3])
def test_the_largest_gradients_win_where_nothing_is_kept(
    monkeypatch, shape, density, epoch
):
    monkeypatch.setattr(choosing, "_CELLS", 999)
    layer, mask, weights, gradient = seen_layer(shape, density, epoch=epoch)
    share = 0.3 * (1 + np.cos(np.pi * epoch / 10 / 0.75)) / 2
    (goes,), (grows,) = ask(RigL(), [layer])
    assert not (goes & grows).any() and not (grows & mask).any()
    expected = _slow(mask, weights, gradient, int(share * mask.sum()))
    np.testing.assert_array_equal((mask & ~goes) | grows, expected)


def test_nothing_is_rewired_from_the_end_on():
    layer, *_ = seen_layer((40, 30), epoch=8)
    (goes,), (grows,) = ask(RigL(), [layer])
    assert not goes.any() and not grows.any()


def test_only_candidates_are_looked_at():
    layer, mask, _, gradient = seen_layer((300, 200), 0.05)
    looked_at, gradient_at = [], layer.gradient_at
    layer.gradient_at = lambda cells: looked_at.append(cells) or gradient_at(cells)
    layer.gradient = None
    (goes,), (grows,) = ask(RigL(candidates=3), [layer])
    (cells,) = looked_at
    n = int(0.3 * mask.sum())
    empty = cells[~mask.flat[cells]]
    assert len(cells) == 4 * n and len(empty) == 3 * n
    best = cells[np.argsort(-np.abs(gradient.flat[cells]))[:n]]
    np.testing.assert_array_equal(np.flatnonzero(grows), np.intersect1d(best, empty))
    assert goes.sum() == grows.sum()


@pytest.mark.parametrize(
    "wrong", [{"interval": 0}, {"end": 0}, {"end": 1.5}, {"candidates": 0}]
)
def test_parameters_are_validated(wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        SETClassifier(evolution=RigL(**wrong)).fit(np.eye(4), [0, 1, 0, 1])
