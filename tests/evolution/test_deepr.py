"""DEEP R: what an update does, and what falls asleep and wakes."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import chi2
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import DeepR
from tests.estimators.battery import network_of, samples
from tests.evolution.seen import ask
from tests.evolution.test_layer import layer_of


def _fit(rule, **changes):
    """A perceptron that is trained by plain gradient descent."""
    parameters = dict(
        solver="sgd",
        momentum=0,
        learning_rate="constant",
        learning_rate_init=0.5,
        batch_size=100,
        epsilon=3,
        max_iter=5,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    clf = SETClassifier((40, 30), evolution=rule, **parameters | changes)
    return clf.fit(*samples(n_samples=100))


def _weights(clf):
    return network_of(clf).layers.weights.astype(float)


def test_an_update_is_as_by_the_twin():
    """Of one mini-batch, which is all samples."""
    before = _weights(_fit("static", max_iter=1, learning_rate_init=1e-30))
    descended = _weights(_fit("static", max_iter=1))
    after = _weights(_fit(DeepR(l1=0.1, temperature=0.0), max_iter=1))
    signs = np.sign(before)
    sizes = signs * descended - 0.5 * 0.1  # what is theta in the paper
    asleep = sizes < 0
    assert 0.05 < asleep.mean() < 0.95
    # Where the gradient alone turns the sign, and where the step to zero does.
    assert (signs * descended < 0).any() and (asleep & (signs * descended > 0)).any()
    np.testing.assert_allclose(after, np.where(asleep, 0, signs * sizes), atol=1e-6)


@pytest.mark.parametrize("rate", [0.5, 0.05])
def test_the_temperature_is_that_of_the_noise(rate):
    rule = {t: DeepR(l1=0.0, temperature=t, interval=1000) for t in (0.0, 1e-4)}
    cold, hot = (
        _weights(_fit(each, max_iter=1, alpha=0, learning_rate_init=rate))
        for each in rule.values()
    )
    awake = (abs(cold) > 0.1) & (abs(hot) > 0.1)
    difference = (hot - cold)[awake]
    assert len(difference) > 200 and abs(difference.mean()) < 0.2 * difference.std()
    assert abs(difference.std() / np.sqrt(2 * rate * 1e-4) - 1) < 0.15


def _some_asleep(n_asleep=40, shape=(30, 20), density=0.3):
    rng = np.random.default_rng(3)
    mask = rng.random(shape) < density
    weights = rng.normal(size=mask.sum())
    weights[rng.choice(len(weights), n_asleep, replace=False)] *= 0  # of either sign
    asleep = np.zeros(shape, dtype=bool)
    asleep[mask] = weights == 0
    return layer_of(mask, weights), mask, asleep


def test_as_many_wake_as_have_fallen_asleep():
    layer, mask, asleep = _some_asleep()
    (gone,), (grown,) = ask(DeepR(), [layer])
    np.testing.assert_array_equal(gone, asleep)
    assert grown.sum() == 40 and not (grown & mask & ~asleep).any()


def test_every_cell_without_a_waking_connection_is_as_likely_to_get_one():
    layer, mask, asleep = _some_asleep(30, (12, 10), density=0.8)
    counts, n_draws = np.zeros(mask.shape), 2000
    for _ in range(n_draws):
        counts += ask(DeepR(), [layer])[1][0]
    dormant = counts[~mask | asleep]
    assert counts.sum() == dormant.sum() == 30 * n_draws
    share = 30 / len(dormant)
    variance = n_draws * share * (1 - share)
    statistic = np.sum((dormant - n_draws * share) ** 2) / variance
    statistic *= (len(dormant) - 1) / len(dormant)
    assert 1e-4 < chi2.sf(statistic, len(dormant) - 1) < 1 - 1e-4


def test_what_wakes_has_a_tiny_weight_of_a_random_sign():
    layer, *_ = _some_asleep()
    weights = DeepR().new_weights(layer, np.arange(1000))
    assert weights.dtype == np.float32
    assert set(np.abs(weights)) == {np.float32(1e-12)}
    assert 400 < (weights > 0).sum() < 600


class Witness(DeepR):
    """Keeps the layers as they were at each rewiring, and what begins there."""

    uses_gradient = False

    def n_pruned(self, layers):
        self.seen = getattr(self, "seen", [])
        weights = [dict(zip(each.cells, each.weights)) for each in layers]
        self.seen.append((weights, [{} for _ in layers]))
        return super().n_pruned(layers)

    def new_weights(self, layer, cells):
        weights = super().new_weights(layer, cells)
        self.seen[-1][1][layer.index].update(zip(cells, weights))
        return weights


@pytest.mark.parametrize("interval", [1, 3])
def test_no_connection_changes_its_sign_and_their_number_stays(interval):
    rule = Witness(l1=0.01, temperature=1e-6, interval=interval)
    seen = _fit(rule, batch_size=20, max_iter=6)._rule.seen
    assert len(seen) == (30 - 1) // interval
    n_slept = 0
    for (before, begun), (after, _) in pairwise(seen):
        for old, new, now in zip(before, begun, after):
            assert len(now) == len(old)
            begins = {cell: w for cell, w in old.items() if w != 0} | new
            assert begins.keys() == now.keys()
            for cell, weight in now.items():
                assert weight == 0 or np.sign(weight) == np.sign(begins[cell])
                n_slept += weight == 0
    assert n_slept > 100


def test_what_sleeps_stays_asleep_only_in_an_output_layer_left_alone():
    awake, left = (
        _fit(DeepR(l1=1e-3, output_layer=output_layer), max_iter=100, alpha=0)
        for output_layer in (True, False)
    )
    sleeping = [[(c.data == 0).mean() for c in clf.coefs_] for clf in (awake, left)]
    assert max(sleeping[0]) < 0.2 < sleeping[1][-1] and max(sleeping[1][:-1]) < 0.2
    np.testing.assert_array_equal(awake.n_connections_, left.n_connections_)


@pytest.mark.parametrize(
    "rule, message",
    [
        (DeepR(l1=-1), "'l1' parameter of DeepR"),
        (DeepR(temperature=-1e-9), "'temperature' parameter of DeepR"),
        (DeepR(interval=0), "'interval' parameter of DeepR"),
    ],
)
def test_wrong_parameters_are_named(rule, message):
    with pytest.raises(InvalidParameterError, match=message):
        _fit(rule)
