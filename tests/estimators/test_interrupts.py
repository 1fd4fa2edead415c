"""A fit that the user interrupts."""

import signal
import threading

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sparse_nn import SETRBMTransformer
from sklearn_sparse_nn.evolution import SET
from sklearn_sparse_nn.networks.rbm import RBM
from sklearn_sparse_nn.topology import ErdosRenyi
from tests.estimators.battery import (
    WIDTHS,
    all_estimators,
    assert_same,
    curve,
    digits,
    inner,
    outputs,
    parameter,
    samples,
    set_epochs,
    train_part,
)


class Interrupting(ErdosRenyi):
    """A topology that is interrupted while it connects."""

    def connect(self, *args, **kwargs):
        raise KeyboardInterrupt


class Interrupted(SET):
    """A rule that starts the clock of an interrupt after some epochs."""

    uses_gradient = False

    def is_due(self, clock):
        if clock.epoch == 20:
            threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
        return super().is_due(clock)


@all_estimators
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_leaves_a_usable_estimator(estimator, n_jobs):
    X, y = digits()
    changes = {parameter(estimator, WIDTHS): 500, "evolution": Interrupted()}
    estimator.set_params(n_jobs=n_jobs, **changes)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        set_epochs(estimator, 10**6).fit(X, y)
    assert 20 <= inner(estimator).n_iter_ < 10**6
    assert inner(estimator).n_iter_ == len(curve(estimator))
    assert np.isfinite(outputs(estimator, X)).all()
    train_part(estimator, X, y)
    assert np.isfinite(outputs(estimator, X)).all()


@all_estimators
def test_an_interrupt_while_a_network_is_made_leaves_the_old_one(estimator):
    X, y = samples()
    expected = clone(estimator).fit(X, y)
    estimator.fit(X, y).set_params(topology=Interrupting())
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(np.tile(X, 9), y)
    assert_same(estimator, expected, X)


def test_an_interrupt_while_an_epoch_is_measured_does_not_count_it(monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    X, _ = samples()
    rbm = SETRBMTransformer(n_iter=2)
    monkeypatch.setattr(RBM, "visible_means", interrupt)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        rbm.fit(X)
    assert rbm.n_iter_ == len(rbm.reconstruction_error_curve_) == 0
