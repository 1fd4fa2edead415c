"""What a user writes, for mypy to check: nothing here runs."""

from collections.abc import Sequence
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.model_selection import GridSearchCV

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETFeatureSelector,
    SETRBMTransformer,
    SETRegressor,
)
from sklearn_sparse_nn.dask import DaskQuickSelectionSelector, DaskSETClassifier, FedDST
from sklearn_sparse_nn.evolution import (
    SET,
    Cosine,
    EvolutionRule,
    EvolvingLayer,
    Inputs,
    Region,
    RigL,
    Schedule,
    ScoreRule,
    TrainingClock,
    schedule_of,
    share_out,
)
from sklearn_sparse_nn.inspection import (
    ConnectivityDisplay,
    EnergyMeter,
    LossCurveDisplay,
    PowerLawFit,
    TopologyMonitor,
    degree_distribution,
    effective_gradient_flow,
    neuron_degrees,
)
from sklearn_sparse_nn.topology import XBM, ErdosRenyi, FromArrays
from sklearn_sparse_nn.warm_up import warm_up

X = np.eye(20, 3)
y = np.arange(20) % 2


def estimators() -> None:
    clf = SETClassifier((100, 50), epsilon=5, evolution="rigl", random_state=0)
    assert_type(clf.fit(X, y), SETClassifier)
    assert_type(clf.partial_fit(X, y, classes=[0, 1]), SETClassifier)
    assert_type(clf.predict(X), NDArray[Any])
    assert_type(clf.predict_proba(X.tolist()), NDArray[np.floating])
    assert_type(clf.intercepts_, list[NDArray[np.float32]])
    assert_type(clf.n_connections_, NDArray[np.int64])
    assert_type(clf.loss_curve_, list[float])
    assert_type(clf.classes_, NDArray[Any])
    for weights in clf.coefs_:
        print(weights.nnz)
    clf.fit(sparse.csr_array(X), y, sample_weight=np.ones(20), X_val=X, y_val=y)

    regr = SETRegressor(200, activation=["relu", "tanh"], loss="huber", density=0.1)
    assert_type(regr.fit(X, y).y_scale_, NDArray[np.float64])
    autoencoder = SETAutoencoder(hidden_layer_sizes=np.array([50]), noise="masking")
    assert_type(autoencoder.fit(X), SETAutoencoder)
    assert_type(autoencoder.reconstruct(X), NDArray[np.floating])
    rbm = SETRBMTransformer(learning_rate="auto", n_iter=10, verbose=1).fit(X)
    assert_type(rbm.n_connections_, int)
    _, error = rbm.log_likelihood(X, n_chains=10)
    assert_type(error, float)
    selector = SETFeatureSelector("auto", n_jobs=-1).fit(X, y)
    assert_type(selector.support_, NDArray[np.bool_])
    assert_type(selector.estimator_, SETClassifier | SETRegressor)
    assert_type(QuickSelectionSelector(0.5).fit(X).autoencoder_, SETAutoencoder)

    GridSearchCV(clf, {"zeta": [0.1, 0.3]}).fit(X, y)


def wrong_arguments() -> None:
    """An ignored error that is none is an error."""
    SETClassifier(solver="lbfgs")  # type: ignore[arg-type]
    SETClassifier(topology="star")  # type: ignore[arg-type]
    SETClassifier(epsilon="5")  # type: ignore[arg-type]
    SETClassifier(hidden_layers=2)  # type: ignore[call-arg]
    SETAutoencoder(activation=["relu"])  # type: ignore[arg-type]
    SET(min_updates=None)  # type: ignore[arg-type]
    SETClassifier().fit(X)  # type: ignore[call-arg]


class Youngest(ScoreRule):
    """A rule of one's own, with a parameter and a state."""

    uses_gradient = False
    _parameter_constraints: dict = {"end": [float]}

    def __init__(self, end: float = 0.5, interval: int | None = None) -> None:
        self.end = end
        self.interval = interval
        self.schedule = Cosine(end=end)

    @property
    def settles(self) -> float:
        return self.end

    def is_due(self, clock: TrainingClock) -> bool:
        return clock.progress < self.end and clock.updates_since_rewiring > 10

    def region(self, layer: EvolvingLayer) -> Region | None:
        first = np.arange(layer.n_inputs) < 10
        return Inputs(layer, first) if layer.index == 0 else None

    def connection_scores(self, layer: EvolvingLayer) -> NDArray[np.float32]:
        return np.abs(layer.weights) * layer.gradient_at(layer.cells)

    def targets(self, layers: list[EvolvingLayer]) -> NDArray[np.int64]:
        total = sum(layer.n_connections for layer in layers)
        return share_out(total, [1.0] * len(layers), [each.n_cells for each in layers])


class Mirror(EvolutionRule):
    """A rule without types, as most are."""

    settles = 0.3

    def prune(self, layer):
        return layer.weights < 0


class Star:
    """A topology of one's own."""

    def connect(
        self,
        n_inputs: int,
        n_neurons: int,
        epsilon: float,
        rng: np.random.Generator,
        spread: object = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        return np.arange(n_neurons + 1), np.zeros(n_neurons, dtype=np.uint32)


def parts() -> None:
    rules: Sequence[EvolutionRule] = [SET(schedule="cosine"), RigL(end=0.5), Youngest()]
    for rule in [*rules, Mirror()]:
        assert_type(rule.settles, float | None)
        SETRegressor(evolution=rule)
    assert_type(schedule_of("linear"), Schedule)
    assert_type(schedule_of("linear")(0.5), float)

    SETClassifier(topology=Star())
    SETClassifier(topology=XBM(exponent=2.5))
    SETClassifier(topology=FromArrays([X, np.ones((3, 1))], weights="random"))
    rng = np.random.default_rng(0)
    indptr, indices = ErdosRenyi().connect(1000, 500, epsilon=4, rng=rng)
    assert_type(indptr, NDArray[np.int64])
    assert_type(indices, NDArray[np.uint32])
    assert_type(warm_up(), str | None)


def look(clf: SETClassifier) -> None:
    with EnergyMeter() as meter:
        monitor = TopologyMonitor(max_bytes=2**20)
        clf.set_callbacks(monitor).fit(X, y)
    assert_type(meter.seconds, float)
    assert_type(monitor.get_history().epochs, list[int])
    display = ConnectivityDisplay.from_estimator(clf, kind="matrix", cmap="viridis")
    assert_type(display, ConnectivityDisplay)
    display.ax_.set_title("Connections")
    assert_type(LossCurveDisplay.from_estimator(clf).plot(), LossCurveDisplay)
    of_inputs, _ = neuron_degrees(clf, layer=0)
    assert_type(of_inputs, NDArray[np.int64])
    assert_type(degree_distribution(clf).power_law, PowerLawFit | None)
    assert_type(effective_gradient_flow(clf, X, y), float)
    flows = effective_gradient_flow(clf, X, y, per_layer=True)
    assert_type(flows, NDArray[np.float64])


def on_dask() -> None:
    clf = DaskSETClassifier((100,), "tanh", algorithm=FedDST(), max_iter=5)
    assert_type(clf.fit(X, y), DaskSETClassifier)
    local = DaskQuickSelectionSelector(10, algorithm=FedDST(interval=None)).to_local()
    assert_type(local, QuickSelectionSelector)
