"""Training that goes on: warm starts and chunks."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sparse_nn.evolution import SET
from sklearn_sparse_nn.inspection import topology_distance
from tests.estimators.battery import (
    WIDTHS,
    all_networks,
    assert_same,
    curve,
    digits,
    network_of,
    outputs,
    parameter,
    samples,
    set_epochs,
    steady,
    those_with,
    train_part,
)


@all_networks
def test_a_warm_start_goes_on_and_a_fit_begins_anew(estimator):
    X, y = digits()
    first = clone(steady(estimator)).fit(X, y)
    estimator.set_params(warm_start=True).fit(X, y)
    assert_same(estimator, first, X)
    set_epochs(estimator, 20).fit(X, y)
    assert len(curve(estimator)) == 23 and estimator.n_iter_ == 20
    assert curve(estimator)[:3] == curve(first)
    assert curve(estimator)[-1] < curve(first)[-1]
    set_epochs(estimator.set_params(warm_start=False), 3).fit(X, y)
    assert_same(estimator, first, X)


@all_networks
@pytest.mark.parametrize("n_epochs", [1, 2, 5])
def test_a_loop_of_warm_starts_rewires_like_one_fit(estimator, n_epochs):
    X, y = samples(1000)
    whole = set_epochs(clone(estimator), 20).fit(X, y)
    loop = set_epochs(estimator, n_epochs).set_params(warm_start=True)
    first = clone(loop).fit(X, y)
    for _ in range(20 // n_epochs):
        loop.fit(X, y)
    moved, expected = (
        topology_distance(first, each, match_neurons=False)[0] for each in (loop, whole)
    )
    assert moved > 0.8 * expected > 0.1


@all_networks
def test_a_shape_that_a_warm_start_cannot_take_over_is_refused(estimator):
    X, y = samples()
    name = parameter(estimator, WIDTHS)
    estimator.set_params(warm_start=True).fit(X, y).set_params(**{name: 30})
    for train in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match=name):
            train(X, y)


@all_networks
def test_chunks_are_learned_one_after_the_other(estimator):
    X, y = digits()
    steady(estimator).set_params(evolution=SET(min_updates=30))
    start = train_part(clone(estimator), X, y)
    for n_calls in range(1, 21):
        assert train_part(estimator, X, y) is estimator
        assert estimator.n_iter_ == len(curve(estimator)) == n_calls
    assert curve(estimator)[-1] < curve(estimator)[0]
    assert topology_distance(start, estimator, match_neurons=False)[0] > 0
    np.testing.assert_array_equal(estimator.n_connections_, start.n_connections_)


@all_networks
def test_a_call_of_partial_fit_is_like_an_epoch_of_fit(estimator):
    X, y = samples()
    once = set_epochs(clone(estimator), 1).fit(X, y)
    partly = train_part(estimator, X, y)
    # The samples come in another order.
    assert curve(partly) == pytest.approx(curve(once), rel=0.1)
    assert not topology_distance(partly, once, match_neurons=False).any()


@those_with("solver")
@pytest.mark.parametrize("first", ["fit", "partial_fit"])
def test_the_solver_and_the_batches_may_change_between_calls(estimator, first):
    X, y = samples()
    estimator.fit(X, y) if first == "fit" else train_part(estimator, X, y)
    for solver, batch_size in (("sgd", 10), ("adam", 20), ("sgd", 7), ("adam", 7)):
        estimator.set_params(solver=solver, batch_size=batch_size)
        assert np.isfinite(outputs(train_part(estimator, X, y), X)).all()
    network = network_of(estimator)
    assert len(network.state.second) == len(network.layers.weights)
