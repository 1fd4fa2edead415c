"""What a rule sees of neurons and connections, against slow twins."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import make_classification

from sklearn_sparse_nn import SETAutoencoder, SETClassifier, SETRBMTransformer
from sklearn_sparse_nn.evolution import EvolutionRule, UpdateTerms
from sklearn_sparse_nn.topology import Dense


class Looking(EvolutionRule):
    """Changes nothing, and keeps what it sees."""

    def __init__(self, sample_size=None):
        self.sample_size = sample_size

    def n_pruned(self, layers):
        self.seen = [
            (layer.batch(), layer.gradient(np.arange(layer.n_neurons)))
            for layer in layers
        ]
        return super().n_pruned(layers)

    def n_grown(self, layers):
        return [0] * len(layers)


X, Y = make_classification(90, 12, n_informative=6, n_classes=3, random_state=0)
X = X.astype(np.float32)
UNIT = (X - X.min()) / (X.max() - X.min())
# One mini-batch of all samples, and weights that do not move: what is seen in the
# second epoch is what the fitted network does.
STILL = {"max_iter": 2, "batch_size": 90, "epsilon": 4, "random_state": 0}


def _seen(estimator, *data):
    return estimator.fit(*data)._rule.seen


def _classifier(sample_size, **changes):
    return SETClassifier(
        (15, 10),
        activation="tanh",
        alpha=0,
        learning_rate_init=1e-30,
        evolution=Looking(sample_size),
        **STILL | changes,
    )


def _activations(clf, X):
    """Of the inputs and of each layer; the scores of the output layer."""
    rows = [X.T]
    for layer, (W, b) in enumerate(zip(clf.coefs_, clf.intercepts_)):
        z = W.T @ rows[-1] + b[:, np.newaxis]
        rows.append(np.tanh(z) if layer < clf.n_layers_ - 2 else z)
    return rows


def _errors(clf, rows, y):
    """Derivatives of each sample's loss by what comes into each neuron, per layer."""
    errors = [clf.predict_proba(rows[0].T).T - (y == clf.classes_[:, np.newaxis])]
    for W, z in zip(clf.coefs_[:0:-1], rows[-2:0:-1]):
        errors.insert(0, (W @ errors[0]) * (1 - z**2))
    return errors


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("sample_size, dropout", [(None, 0), (90, 0), (1000, 0.5)])
def test_activations_and_errors_of_a_perceptron(sample_size, dropout, n_jobs):
    clf = _classifier(sample_size, dropout=dropout, n_jobs=n_jobs, shuffle=False)
    seen = _seen(clf, X, Y)
    rows = _activations(clf, X)
    for layer, error in enumerate(_errors(clf, rows, Y)):
        batch, gradient = seen[layer]
        np.testing.assert_allclose(batch.inputs, rows[layer], rtol=1e-4, atol=1e-5)
        expected = rows[layer + 1]
        np.testing.assert_allclose(batch.activations, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(batch.errors, error, rtol=1e-4, atol=1e-5)
        assert batch.weight_sum == 90
        expected = error @ rows[layer].T / 90
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-6)


def test_a_sample_is_some_of_the_training_data():
    clf = _classifier(20)
    batch, _ = _seen(clf, X, Y)[0]
    samples = {tuple(row) for row in X}
    drawn = {tuple(row) for row in batch.inputs.T}
    assert batch.inputs.shape == (12, 20) and len(drawn) == 20 and drawn <= samples
    other, _ = _seen(clf.set_params(random_state=1), X, Y)[0]
    assert not np.array_equal(other.inputs, batch.inputs)


class LookingAhead(Looking):
    """Sees the gradient of a mini-batch that changes no weight."""

    replaces_update = True

    def __init__(self, interval=None):
        super().__init__()
        self.interval = interval


def _learner(rule, max_iter, weight=1.0, **changes):
    parameters = {"solver": "sgd", "learning_rate_init": 0.1, "alpha": 0.1}
    options = {"max_iter": max_iter, "evolution": rule, "shuffle": False}
    return SETClassifier(
        (15, 10), activation="tanh", **STILL | parameters | options | changes
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_rewiring_in_place_of_an_update_sees_the_weights_of_now(n_jobs):
    weight = np.random.default_rng(0).integers(0, 3, 90).astype(float)
    changes = {"batch_size": 30, "n_jobs": n_jobs, "alpha": 0}
    clf = _learner(LookingAhead(interval=2), 1, **changes).fit(X, Y, weight)
    seen, network = clf._rule.seen, clf._network
    # The third of three mini-batches is the one that is seen.
    before = _learner("static", 1, **changes).fit(X[:60], Y[:60], weight[:60])
    assert (network.n_updates, network.updates_since_rewiring) == (2, 0)
    assert not hasattr(network, "_last_batch") and network._batch is None
    for ours, theirs in zip(clf.coefs_, before.coefs_):
        difference = ours - theirs
        assert abs(difference).max() < 1e-6
    rows, total = _activations(before, X[60:]), weight[60:].sum()
    errors = [error * weight[60:] for error in _errors(before, rows, Y[60:])]
    for (batch, gradient), x, error in zip(seen, rows, errors):
        np.testing.assert_allclose(batch.inputs, x, rtol=1e-4, atol=1e-5)
        error /= total
        np.testing.assert_allclose(
            batch.errors / batch.weight_sum, error, rtol=1e-4, atol=1e-6
        )
        expected = error @ x.T
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_mini_batch_that_is_only_seen_counts_in_the_loss(solver):
    """Its loss is that of any mini-batch: before it would change the weights."""
    changes = {"batch_size": 45, "solver": solver}
    looking = _learner(LookingAhead(interval=1), 1, **changes).fit(X, Y)
    learning = _learner("static", 1, **changes).fit(X, Y)
    assert looking._network.n_updates == 1 and learning._network.n_updates == 2
    np.testing.assert_allclose(looking.loss_, learning.loss_, rtol=1e-6)


@pytest.mark.parametrize("interval, n_updates", [(None, 29), (1, 15), (4, 24)])
def test_every_rewiring_takes_the_place_of_one_update(interval, n_updates):
    # Of thirty mini-batches; an epoch has three, or the one and only of ten.
    clf = _learner(LookingAhead(interval), 2, batch_size=6).fit(X, Y)
    assert clf._network.n_updates == n_updates and clf.t_ == 180


def test_sample_weights_count_in_the_gradient_of_a_sample():
    weight = np.random.default_rng(0).integers(0, 3, 90)
    weighted = _seen(_classifier(90), X, Y, weight)
    repeated = np.repeat(np.arange(90), weight)
    expected = _seen(_classifier(1000, batch_size=1000), X[repeated], Y[repeated])
    for (_, ours), (_, theirs) in zip(weighted, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("sample_size", [None, 90])
def test_states_of_a_boltzmann_machine(sample_size, persistent):
    rbm = SETRBMTransformer(
        15,
        n_iter=2,
        batch_size=90,
        learning_rate=1e-30,
        epsilon=4,
        persistent=persistent,
        evolution=Looking(sample_size),
        random_state=0,
    )
    [(batch, gradient)] = _seen(rbm, UNIT)
    data = batch.inputs[:, :90]
    order = np.lexsort(data), np.lexsort(UNIT.T)
    np.testing.assert_array_equal(data[:, order[0]], UNIT.T[:, order[1]])
    hidden = expit(rbm.components_ @ data + rbm.intercept_hidden_[:, np.newaxis])
    np.testing.assert_allclose(batch.activations, hidden, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(-batch.errors[:, :90], batch.activations)
    assert set(np.unique(batch.inputs[:, 90:])) == {0, 1}
    dreamt = batch.errors[:, 90:] @ batch.inputs[:, 90:].T
    expected = (dreamt - batch.activations @ data.T) / 90
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)


def test_an_autoencoder_shows_its_noisy_inputs():
    encoder = SETAutoencoder(
        15,
        activation="tanh",
        noise="masking",
        noise_factor=0.3,
        learning_rate_init=1e-30,
        evolution=Looking(90),
        **STILL,
    )
    (first, _), (second, _) = _seen(encoder, X)
    assert 0.2 < np.mean(first.inputs == 0) < 0.4
    np.testing.assert_array_equal(first.activations, second.inputs)
    W, b = encoder.coefs_[0], encoder.intercepts_[0]
    expected = np.tanh(W.T @ first.inputs + b[:, np.newaxis])
    np.testing.assert_allclose(first.activations, expected, rtol=1e-4, atol=1e-5)


class Counting(EvolutionRule):
    """Keeps importances, and changes nothing."""

    keeps_importances = True

    def n_pruned(self, layers):
        self.seen = [(layer.importances.copy(), layer) for layer in layers]
        return super().n_pruned(layers)

    def n_grown(self, layers):
        return [0] * len(layers)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_importances_are_changes_of_weights_times_gradients(solver):
    def fit(n_epochs):
        return SETClassifier(
            (15, 10),
            topology=Dense(),
            solver=solver,
            learning_rate_init=0.01,
            alpha=0,
            evolution=Counting(),
            **STILL | {"max_iter": n_epochs},
        ).fit(X, Y)

    start, end = fit(1), fit(2)
    network = start._network
    # A dense layer, so that every cell is a connection; of the second update.
    changes = [(b - a).toarray() for a, b in zip(start.coefs_, end.coefs_)]
    assert network.state.importances.shape == network.layers.weights.shape
    after = end._network.state.importances - network.state.importances
    parts = np.split(after, np.cumsum(start.n_connections_)[:-1])
    rows = _relu_rows(start, X)
    for change, part, error, x in zip(changes, parts, _relu_errors(start, rows), rows):
        expected = np.abs(change.T * (error @ x.T / 90)).ravel()
        np.testing.assert_allclose(part, expected, rtol=0.02, atol=2e-7)


def _relu_rows(clf, X):
    rows = [X.T]
    for layer, (W, b) in enumerate(zip(clf.coefs_, clf.intercepts_)):
        z = W.T @ rows[-1] + b[:, np.newaxis]
        rows.append(np.maximum(z, 0) if layer < clf.n_layers_ - 2 else z)
    return rows


def _relu_errors(clf, rows):
    errors = [clf.predict_proba(rows[0].T).T - (Y == clf.classes_[:, np.newaxis])]
    for W, z in zip(clf.coefs_[:0:-1], rows[-2:0:-1]):
        errors.insert(0, (W @ errors[0]) * (z > 0))
    return errors


class Adding(EvolutionRule):
    """Adds terms to updates, and rewires nothing."""

    uses_gradient = False

    def __init__(self, l1=0.0, noise=0.0, keeps_signs=False):
        self.l1 = l1
        self.noise = noise
        self.keeps_signs = keeps_signs

    def is_due(self, clock):
        return False

    def terms(self, learning_rate):
        self.learning_rate = learning_rate
        return UpdateTerms(self.noise, self.l1, self.keeps_signs)


def _fit_with(rule, **changes):
    parameters = {"alpha": 0, "learning_rate_init": 0.05, "evolution": rule}
    return SETClassifier((15, 10), **STILL | {"max_iter": 1} | parameters | changes)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_terms_follow_each_update(solver):
    plain = _fit_with("static", solver=solver).fit(X, Y)
    added = _fit_with(Adding(l1=0.02), solver=solver).fit(X, Y)
    assert added._rule.learning_rate == 0.05
    before, after = plain._network.layers.weights, added._network.layers.weights
    expected = np.sign(before) * np.maximum(np.abs(before) - np.float32(0.02), 0)
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-7)
    assert (after == 0).any()
    intercepts = plain._network.layers.intercepts, added._network.layers.intercepts
    np.testing.assert_array_equal(*intercepts)


def test_kept_signs_never_turn():
    start = _fit_with("static", learning_rate_init=1e-30).fit(X, Y)
    clf = _fit_with(Adding(keeps_signs=True), max_iter=30).fit(X, Y)
    before, after = start._network.layers.weights, clf._network.layers.weights
    assert (before * after >= 0).all() and 0 < np.mean(after == 0) < 0.5


def test_noise_is_added_once_for_each_update():
    clf = _fit_with(Adding(noise=0.1), learning_rate_init=1e-30, max_iter=9).fit(X, Y)
    start = _fit_with("static", learning_rate_init=1e-30).fit(X, Y)
    difference = clf._network.layers.weights - start._network.layers.weights
    assert abs(difference.std() / 0.3 - 1) < 0.15 and abs(difference.mean()) < 0.06


@pytest.mark.parametrize("changes", [{"l1": -1.0}, {"noise": np.nan}])
def test_terms_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match="terms of an update must be finite"):
        _fit_with(Adding(**changes)).fit(X, Y)


@pytest.mark.parametrize("name", ["interval", "sample_size"])
@pytest.mark.parametrize("value", [0, -1, 2.5])
def test_numbers_of_updates_and_samples_are_at_least_one(name, value):
    rule = Adding()
    setattr(rule, name, value)
    with pytest.raises(
        ValueError, match=f"'{name}' parameter of Adding must be an int"
    ):
        _fit_with(rule).fit(X, Y)
