import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import QuickSelectionSelector
from tests.dask.helpers import DIGITS, Stop, da

dd = pytest.importorskip("dask.dataframe")

from sklearn_sparse_nn.dask import (  # noqa: E402
    WASAPSGD,
    DaskQuickSelectionSelector,
    FedDST,
    LocalSGD,
)


def selector(**changes):
    parameters = {
        "hidden_layer_sizes": (100,),
        "max_iter": 10,
        "random_state": 0,
    } | changes
    return DaskQuickSelectionSelector(20, **parameters)


def on_dask(n=150):
    return da.from_array(DIGITS, chunks=(n, -1))


@pytest.mark.parametrize("algorithm", [None, LocalSGD(n_updates=2), WASAPSGD()])
def test_workers_choose_what_one_process_chooses(client, algorithm):
    chosen = selector(algorithm=algorithm).fit(on_dask())
    ordinary = QuickSelectionSelector(
        20, hidden_layer_sizes=(100,), max_iter=10, random_state=0
    )
    ordinary.fit(DIGITS)
    assert (chosen.support_ & ordinary.support_).sum() >= 16
    correlation = np.corrcoef(chosen.importances_, ordinary.importances_)[0, 1]
    # Who is heard first is chance, where nobody waits.
    assert correlation > (0.8 if isinstance(algorithm, WASAPSGD) else 0.9)


@pytest.mark.parametrize("importance", ["communality", "attribution", "strength"])
def test_the_ordinary_selector_that_comes_of_it(client, importance):
    X = on_dask()
    one, two = (selector(importance=importance).fit(X) for _ in "ab")
    np.testing.assert_array_equal(one.importances_, two.importances_)
    local = one.to_local()
    assert type(local) is QuickSelectionSelector
    selected = one.transform(X)
    assert isinstance(selected, da.Array) and selected.shape == (600, 20)
    np.testing.assert_array_equal(selected.compute(), local.transform(DIGITS))
    np.testing.assert_array_equal(one.transform(DIGITS), local.transform(DIGITS))
    assert local.autoencoder_.n_iter_ == 10
    assert repr(clone(one)) == repr(one)


@pytest.mark.parametrize("kind", ["frame", "sparse"])
def test_blocks_of_any_kind(client, kind):
    X, expected = on_dask(), selector().fit(on_dask())
    if kind == "frame":
        X = dd.from_dask_array(X, columns=[f"pixel{i}" for i in range(64)])
    else:
        X = X.map_blocks(sparse.csr_array)
    found = selector().fit(X)
    # Sparse inputs are restored in another order.
    assert (found.support_ & expected.support_).sum() >= 18
    assert hasattr(found, "feature_names_in_") == (kind == "frame")


def test_samples_of_federations_are_not_asked_for(client):
    chosen = selector(importance="strength", algorithm=FedDST(local_epochs=1))
    chosen.fit(on_dask())
    assert chosen.support_.sum() == 20
    for changes in {"importance": "communality"}, {"diversity": 0.5}:
        refused = clone(chosen).set_params(**changes)
        with pytest.raises(InvalidParameterError, match="does not send samples"):
            refused.fit(on_dask())


def test_few_samples_have_several_networks(client):
    X = da.from_array(DIGITS[:200], chunks=(100, -1))
    assert len(selector(max_iter=2).fit(X)._networks) == 5
    assert len(selector(max_iter=2, stability_selection=2).fit(X)._networks) == 2


def test_importances_are_those_in_some_samples(client, monkeypatch):
    from sklearn_sparse_nn.dask import _selector

    monkeypatch.setattr(_selector, "_N_ASKED", 100)
    monkeypatch.setattr(_selector, "_N_NUMBERS", 1)
    seen = []
    select = DaskQuickSelectionSelector._select
    monkeypatch.setattr(
        DaskQuickSelectionSelector,
        "_select",
        lambda self, X, seed: seen.append(X.shape) or select(self, X, seed),
    )
    selector().fit(on_dask())
    assert seen == [(100, 64)]


@pytest.mark.parametrize(
    "changes", [{"strength_history": True}, {"memory": "cache"}, {"algorithm": "sgd"}]
)
def test_what_is_not_supported_is_refused(client, changes):
    with pytest.raises(InvalidParameterError):
        selector(**changes).fit(on_dask())


def test_what_is_not_fitted(client):
    with pytest.raises(NotFittedError):
        selector().to_local()
    with pytest.raises(TypeError, match="X must be a Dask array or frame"):
        selector().fit(DIGITS)
    with pytest.raises(AttributeError, match="to_local"):
        selector().partial_fit(DIGITS)


class StopWithin(Stop):
    """Called within the networks, too."""

    max_propagation_depth = None


def test_callbacks_are_called(client):
    with pytest.raises(KeyError):
        selector().set_callbacks(StopWithin(2)).fit(on_dask())
