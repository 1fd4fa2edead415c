"""CTRE against a dense twin."""

from unittest.mock import patch

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import CTRE, NeuronBatch, TrainingClock, choosing
from sklearn_sparse_nn.evolution.asking import ask_what_goes, ask_what_grows
from tests.estimators.battery import digits
from tests.evolution.test_layer import layer_of


def _layer(shape=(30, 40), density=0.2, seed=0, n_samples=15, **changes):
    """A layer whose neurons did something, some of them nothing."""
    rng, (n_neurons, n_inputs) = np.random.default_rng(seed), shape
    batch = NeuronBatch(
        # As in a Boltzmann machine, other states follow.
        inputs=rng.normal(size=(n_inputs, 2 * n_samples)).astype(np.float32),
        activations=rng.normal(size=(n_neurons, n_samples)).astype(np.float32),
        errors=None,
        weight_sum=1.0,
    )
    batch.inputs[3], batch.activations[5] = 0, 0
    # Nor does this change: it is like others, but not correlated with any.
    batch.inputs[4] = 0.1
    # Likeness of either sign counts.
    batch.activations[7] = -2 * batch.inputs[9, :n_samples]
    mask = rng.random(shape) < density
    mask[7, 9] = False
    return layer_of(mask, batch=lambda: batch, seed=seed, **changes)


def _likeness(layer, center):
    """The magnitude of the cosine for every cell, one after the other."""
    batch, shape = layer.batch(), (layer.n_neurons, layer.n_inputs)
    likeness = np.zeros(shape)
    for neuron, input in np.ndindex(shape):
        z = batch.activations[neuron].astype(float)
        x = batch.inputs[input, : len(z)].astype(float)
        if center:
            z, x = z - z.mean(), x - x.mean()
        lengths = np.sqrt(z @ z) * np.sqrt(x @ x)
        likeness[neuron, input] = abs(z @ x) / lengths if lengths > 1e-9 else 0
    return likeness.ravel()


def _rewire(rule, layer):
    """Which connections are kept, and where others begin."""
    pruned, n_grown = ask_what_goes(rule, [layer])
    cells, weights = ask_what_grows(rule, layer, n_grown[0])
    assert not weights.any() and np.isin(cells, layer.cells).sum() == 0
    return layer.cells[~pruned[0]], cells


def _removed(layer, center=True):
    """The cells of the smallest weights, and the cells that are most alike then."""
    n = int(layer.zeta * layer.n_connections)
    removed = layer.cells[np.argsort(np.abs(layer.weights))[:n]]
    likeness = _likeness(layer, center)
    likeness[np.setdiff1d(layer.cells, removed)] = -1
    return removed, np.argsort(-likeness)[:n]


@pytest.mark.parametrize("block", [2**18, 100])
@pytest.mark.parametrize("shape, density", [((30, 40), 0.2), ((150, 200), 0.5)])
@pytest.mark.parametrize("center", [False, True])
def test_the_most_alike_of_all_free_cells_are_connected(shape, density, block, center):
    layer = _layer(shape, density)
    removed, best = _removed(layer, center)
    with patch.object(choosing, "_CELLS", block):
        kept, grown = _rewire(CTRE(center=center), layer)
    expected = np.union1d(np.setdiff1d(layer.cells, removed), best)
    np.testing.assert_array_equal(np.union1d(kept, grown), expected)
    assert len(np.intersect1d(removed, best)) and 7 * layer.n_inputs + 9 in grown


def test_in_the_simultaneous_variant_chance_replaces_what_would_come_back():
    rewired = []
    for seed in range(5):
        layer = _layer()
        layer.rng = np.random.default_rng(seed)
        removed, best = _removed(layer)
        kept, grown = _rewire(CTRE("simultaneous"), layer)
        np.testing.assert_array_equal(kept, np.setdiff1d(layer.cells, removed))
        new = np.setdiff1d(best, removed)
        assert np.isin(new, grown).all() and len(grown) == len(removed) > len(new)
        rewired.append(np.setdiff1d(grown, new))
    assert len(np.unique(np.concatenate(rewired))) > 2 * len(rewired[0])


@pytest.mark.parametrize(
    "variant, in_vain, at_random",
    [("sequential", 4.9, False), ("sequential", 5, True), ("simultaneous", 9, False)],
)
def test_the_sequential_variant_goes_on_at_random(variant, in_vain, at_random):
    rule, layer = CTRE(variant), _layer()
    now = layer.clock
    layer.clock = now._replace(epochs_in_vain=in_vain)
    _rewire(rule, layer)
    # It does not go back.
    layer = _layer()
    kept, grown = _rewire(rule, layer)
    removed, best = _removed(layer)
    if at_random:
        np.testing.assert_array_equal(kept, np.setdiff1d(layer.cells, removed))
        assert np.isin(best, grown).mean() < 0.5 and len(grown) == len(removed)
    else:
        assert np.isin(np.setdiff1d(best, removed), grown).all()


@pytest.mark.parametrize("early_stopping", [True, False])
def test_the_clock_says_for_how_long_training_has_not_improved(early_stopping):
    class Watching(CTRE):
        def n_pruned(self, layers):
            self.seen = [*getattr(self, "seen", []), layers[0].clock.epochs_in_vain]
            return super().n_pruned(layers)

    X, y = digits()
    clf = SETClassifier(
        (30,),
        evolution=Watching(),
        early_stopping=early_stopping,
        batch_size=10,
        tol=1e9,
        n_iter_no_change=6,
        learning_rate="constant",
        random_state=0,
    )
    clf.fit(X, y)
    # The first epoch is better than none.
    assert clf._rule.seen == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert clf._rule._at_random and not clone(clf._rule)._at_random


def test_another_fit_begins_with_likeness_again():
    X, y = digits()
    clf = SETClassifier((30,), evolution=CTRE(patience=1), warm_start=True, tol=1e9)
    clf.set_params(max_iter=4, random_state=0).fit(X, y)
    assert clf._rule._at_random
    assert not clf.set_params(tol=0, max_iter=3).fit(X, y)._rule._at_random


def test_a_clock_without_a_watch_never_stands_still():
    assert TrainingClock(1, 10, 100, 100).epochs_in_vain == 0
