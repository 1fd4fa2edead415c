"""What the tests on Dask share."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

from sklearn_sparse_nn.dask import DaskSETClassifier  # noqa: E402

DIGITS, CLASSES = load_digits(return_X_y=True)
DIGITS = (DIGITS[:600] / 16).astype(np.float32)
CLASSES = CLASSES[:600]


def classifier(**changes):
    parameters = {"max_iter": 4, "random_state": 0, "batch_size": 20} | changes
    return DaskSETClassifier((30,), **parameters)


def on_dask(X, y, n=150):
    return da.from_array(X, chunks=(n, -1)), da.from_array(y, chunks=n)


def weights_of(estimator):
    arrays = [layer.toarray() for layer in estimator.coefs_]
    return [*arrays, *estimator.intercepts_]


def assert_same(one, two):
    for a, b in zip(weights_of(one), weights_of(two), strict=True):
        np.testing.assert_array_equal(a, b)


class Stop:
    """A callback that stops training before an epoch."""

    def __init__(self, epoch, error=KeyError):
        self.epoch, self.error = epoch, error

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.epoch:
            if callable(self.error) and not isinstance(self.error, type):
                self.error()
            else:
                raise self.error()

    def on_fit_task_end(self, estimator, context):
        pass


def then(algorithm, n, action):
    """Let an algorithm act once, when the network has been held for the n-th time."""
    train, actions = algorithm.train_epoch, [action]

    def train_epoch(*task):
        for number, stage in enumerate(train(*task), start=1):
            yield stage
            if number == n and actions:
                actions.pop()()

    algorithm.train_epoch = train_epoch
    return algorithm


def fail():
    raise KeyError("in the middle of an epoch")
