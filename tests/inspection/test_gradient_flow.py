import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
)
from sklearn_sparse_nn.inspection import effective_gradient_flow
from tests.estimators.battery import samples

CLASSIFIER = SETClassifier((20, 10), epsilon=3, max_iter=3, random_state=0)


@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_it_is_the_mean_of_the_norms_of_the_layers(p):
    X, y = samples()
    clf = clone(CLASSIFIER).fit(X, y)
    ends = np.cumsum(clf.n_connections_)[:-1]
    layers = np.split(clf._gradient(X, y), ends)
    norms = [(np.abs(each) ** p).sum() ** (1 / p) for each in layers]
    found = effective_gradient_flow(clf, X, y, p=p, per_layer=True)
    np.testing.assert_allclose(found, norms)
    assert effective_gradient_flow(clf, X, y, p=p) == pytest.approx(np.mean(norms))


def test_it_falls_in_training():
    X, _ = samples()
    short, long = (
        SETAutoencoder((20,), epsilon=5, max_iter=n, random_state=0, evolution="static")
        for n in (1, 150)
    )
    flows = [effective_gradient_flow(each.fit(X), X) for each in (short, long)]
    assert flows[1] < flows[0] / 2


def test_what_selectors_and_searches_hold():
    X, y = samples()
    search = GridSearchCV(CLASSIFIER, {}, cv=2).fit(X, y)
    expected = effective_gradient_flow(search.best_estimator_, X, y)
    assert effective_gradient_flow(search, X, y) == expected
    selector = QuickSelectionSelector(5, hidden_layer_sizes=(20,), max_iter=2).fit(X)
    expected = effective_gradient_flow(selector.autoencoder_, X)
    assert effective_gradient_flow(selector, X) == expected


def test_what_has_no_gradient_is_refused():
    X, y = samples()
    for wrong in (SETRBMTransformer(9, n_iter=1), LogisticRegression()):
        with pytest.raises(TypeError, match="effective_gradient_flow needs"):
            effective_gradient_flow(wrong.fit(X, y), X, y)
    with pytest.raises(TypeError, match="Pass the step"):
        effective_gradient_flow(make_pipeline(CLASSIFIER).fit(X, y), X, y)
    pipeline = make_pipeline(StandardScaler(), CLASSIFIER)
    # All of them would give the network an X that it does not know.
    for wrong in (
        GridSearchCV(pipeline, {}, cv=2),
        SelectFromModel(pipeline),
        make_pipeline(pipeline),
        RFE(CLASSIFIER, importance_getter="feature_strength_"),
    ):
        with pytest.raises(TypeError, match="Pass the step"):
            effective_gradient_flow(clone(wrong).fit(X, y), X, y)
    search = GridSearchCV(CLASSIFIER, {}, cv=2).fit(X, y)
    expected = effective_gradient_flow(search.best_estimator_, X, y)
    assert effective_gradient_flow(search, X, y) == expected
    with pytest.raises(NotFittedError):
        effective_gradient_flow(clone(CLASSIFIER), X, y)


def test_bad_input():
    X, y = samples()
    clf = clone(CLASSIFIER).fit(X, y)
    with pytest.raises(ValueError, match="features"):
        effective_gradient_flow(clf, X[:, 1:], y)
    with pytest.raises(ValueError, match="p =="):
        effective_gradient_flow(clf, X, y, p=0.5)
    with pytest.raises(ValueError, match="requires y"):
        effective_gradient_flow(clf, X)
