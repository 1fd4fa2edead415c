"""RigL against a dense twin."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import (
    SNFS,
    EvolvingLayer,
    GraNet,
    NeuronBatch,
    RigL,
    TrainingClock,
    choosing,
)
from tests.evolution.seen import ask, seen_layer
from tests.memory import Peak


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


@pytest.mark.parametrize("rule", [SNFS(candidates=3), GraNet(1.0, candidates=3)])
def test_others_look_at_candidates_only_too(rule):
    layer, mask, _, gradient = seen_layer((300, 200), 0.05, epoch=1)
    layer.first_moments, layer.second_moments = layer.weights, np.zeros(0)
    looked_at, gradient_at = [], layer.gradient_at
    layer.gradient_at = lambda cells: looked_at.append(cells) or gradient_at(cells)
    layer.gradient = None
    (goes,), (grows,) = ask(rule, [layer])
    (cells,) = looked_at
    n = grows.sum()
    assert n == goes.sum() > 0
    assert np.count_nonzero(~mask.flat[cells]) == 3 * n
    best = cells[np.argsort(-np.abs(gradient.flat[cells]))[:n]]
    np.testing.assert_array_equal(np.flatnonzero(grows), np.sort(best))


def test_what_goes_may_come_back_and_keeps_its_weight():
    clf = SETClassifier(
        (40,), zeta=0.5, evolution=RigL(interval=2), batch_size=20, random_state=0
    ).set_params(max_iter=1, shuffle=False, learning_rate_init=1e-30)
    X, y = np.random.default_rng(0).normal(size=(60, 30)), np.arange(60) % 4
    start = clone(clf).set_params(evolution="static").fit(X, y)
    clf.fit(X, y)  # two updates that change nothing, and a rewiring
    before, after = (each.coefs_[0].toarray() for each in (start, clf))
    assert 0 < clf.n_rewired_[0] < 0.5 * clf.n_connections_[0] - 5
    np.testing.assert_array_equal(after[after != 0], before[after != 0])
    assert np.count_nonzero(after == 0) == before.size - (
        clf.n_connections_[0] - clf.n_rewired_[0]
    )


def test_rewiring_ends_and_updates_do_not():
    X, y = np.random.default_rng(0).normal(size=(60, 30)), np.arange(60) % 4
    clf = SETClassifier(
        (40,), epsilon=3, zeta=0.5, evolution=RigL(interval=3, end=0.5), batch_size=20
    ).set_params(max_iter=20, n_iter_no_change=20, random_state=0)
    clf.fit(X, y)
    # Of sixty mini-batches, one of four in the first thirty changes no weight.
    assert clf._network.n_updates == 60 - 30 // 4


@pytest.mark.parametrize("shape", [(20_000, 1500), (80, 400_000)])
def test_memory_of_the_exact_gradient_is_bounded(shape):
    """Of thirty million cells, and with the blocks of real life."""
    rng, n = np.random.default_rng(0), 300_000
    cells = np.unique(rng.integers(0, shape[0] * shape[1], n))
    inputs, errors = (
        rng.normal(size=(rows, 4)).astype(np.float32) for rows in shape[::-1]
    )
    layer = EvolvingLayer(
        indptr=np.searchsorted(cells, np.arange(shape[0] + 1) * shape[1]),
        indices=(cells % shape[1]).astype(np.uint32),
        weights=rng.normal(size=len(cells)).astype(np.float32),
        index=0,
        n_inputs=shape[1],
        zeta=0.3,
        clock=TrainingClock(0, 10, 1000, 100),
        gain=1.0,
        rng=rng,
        batch=lambda: NeuronBatch(inputs, errors, errors, 4.0),
    )
    rule = RigL()
    with Peak() as peak:
        layer.n_to_prune = rule.n_pruned([layer])[0]
        layer.pruned = rule.prune(layer)
        # What the docstring says, and some numbers beside each connection.
        block = max(10e6, 40 * shape[1])
        assert peak.bytes() < block + 40 * len(cells) < layer.n_cells  # of floats


def test_operations_are_those_of_the_appendix():
    sparse, dense = np.array([20.0, 10.0]), np.array([200.0, 50.0])
    training = RigL().nominal_flops(sparse, dense, 100)
    assert training == pytest.approx((100 * 3 * 30 + 2 * 30 + 250) / 101)
    training = RigL(candidates=4).nominal_flops(sparse, dense, 100)
    assert training == pytest.approx((100 * 3 * 30 + 2 * 30 + 100 + 50) / 101)
    for rule in (SNFS, GraNet):
        training = rule().nominal_flops(sparse, dense, 100)
        assert training == pytest.approx(3 * 30 + 2.2)
        training = rule(candidates=4).nominal_flops(sparse, dense, 100)
        assert training == pytest.approx(3 * 30 + 1.2)


@pytest.mark.parametrize(
    "wrong", [{"interval": 0}, {"end": 0}, {"end": 1.5}, {"candidates": 0}]
)
def test_parameters_are_validated(wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        SETClassifier(evolution=RigL(**wrong)).fit(np.eye(4), [0, 1, 0, 1])
