"""Memory and files are in proportion to the connections."""

import pickle

import pytest
from sklearn.base import clone

from tests.estimators.battery import (
    WIDTHS,
    all_estimators,
    network_of,
    parameter,
    samples,
    set_epochs,
)
from tests.memory import peak_memory


def test_memory_follows_the_connections():
    # A dense layer of this size would take 4.8e9 bytes.
    script = """
        from scipy import sparse
        from tests.estimators.battery import *

        y = [0, 1] * 30
        X = sparse.random_array((60, 60_000), density=0.01, format="csr")
        attributing = small(QuickSelectionSelector, importance="attribution")
        for estimator in [*ESTIMATORS, attributing]:
            estimator.set_params(**{parameter(estimator, WIDTHS): 20_000})
            train_part(set_epochs(estimator, 2).fit(X, y), X, y)
            assert len(outputs(estimator, X))
    """
    assert peak_memory(script) < 1e9


@all_estimators
def test_the_size_on_disk_follows_the_connections(estimator):
    X, y = samples()
    estimator.set_params(**{parameter(estimator, WIDTHS): 5000})
    sizes, numbers = [], []
    for epsilon in (1, 4):
        set_epochs(estimator, 1).set_params(epsilon=epsilon).fit(X, y)
        sizes.append(len(pickle.dumps(estimator)))
        numbers.append(len(network_of(estimator).layers.weights))
    # An input, a weight, and one or two numbers of the solver.
    n_numbers = 4 if getattr(estimator, "solver", "sgd") == "adam" else 3
    per_connection = (sizes[1] - sizes[0]) / (numbers[1] - numbers[0])
    assert per_connection == pytest.approx(4 * n_numbers, rel=0.05)


@all_estimators
def test_a_fit_frees_its_buffers(estimator):
    X, y = samples()
    network = network_of(clone(estimator).fit(X, y))
    assert not {"_workspace", "_last_batch"} & set(vars(network))
