import os
import pickle
import signal
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier, SETRegressor
from sklearn_sparse_nn.evolution import EVOLUTIONS, SET, RigL
from tests.dask.conftest import OPTIONS
from tests.dask.helpers import (
    CLASSES,
    DIGITS,
    Stop,
    assert_same,
    classifier,
    da,
    distributed,
    fail,
    on_dask,
    then,
    weights_of,
)

dd = pytest.importorskip("dask.dataframe")

from dask import delayed  # noqa: E402

from sklearn_sparse_nn.dask import (  # noqa: E402
    DaskSETClassifier,
    DaskSETRegressor,
    LocalSGD,
    _cluster,
    _fitting,
)
from sklearn_sparse_nn.dask._data import blocks_of  # noqa: E402


def test_parts_learn_together_what_one_process_learns(client):
    clf = classifier(max_iter=30).fit(*on_dask(DIGITS, CLASSES))
    ordinary = SETClassifier((30,), max_iter=30, batch_size=20, random_state=0)
    ordinary.fit(DIGITS, CLASSES)
    assert clf.n_iter_ == 30 and clf.t_ == 30 * 600
    assert clf.loss_curve_[-1] < clf.loss_curve_[0] / 2
    assert clf.score(DIGITS, CLASSES) > ordinary.score(DIGITS, CLASSES) - 0.03
    np.testing.assert_array_equal(clf.n_connections_, ordinary.n_connections_)
    assert clf.n_rewired_.sum() > 0


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_one_part_is_one_process(client, solver):
    options = dict(solver=solver, evolution="static", shuffle=False, max_iter=2)
    clf = classifier(**options, algorithm=LocalSGD(n_updates=7))
    clf.fit(*on_dask(DIGITS, CLASSES, n=600))
    ordinary = SETClassifier((30,), batch_size=20, random_state=0, **options)
    ordinary.fit(DIGITS, CLASSES)
    for a, b in zip(weights_of(clf), weights_of(ordinary), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_to_average_after_each_update_is_to_average_gradients(client):
    """Two parts of 10 samples make the step that 20 samples make."""
    options = dict(
        solver="sgd", momentum=0, alpha=0, evolution="static", shuffle=False, max_iter=1
    )
    X, y = np.vstack([DIGITS[:10], DIGITS[300:310]]), np.r_[CLASSES[:10], 0:10]
    algorithm = LocalSGD(n_updates=1, learning_rate_factor=1)
    clf = classifier(**options | {"batch_size": 10}, algorithm=algorithm)
    clf.fit(*on_dask(X, y, n=10))
    ordinary = SETClassifier((30,), random_state=0, **options, batch_size=20)
    ordinary.fit(X, y)
    for a, b in zip(weights_of(clf), weights_of(ordinary), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "factor, solver, expected",
    [("auto", "sgd", 4), ("auto", "adam", 2), (3, "adam", 3), (0.5, "sgd", 0.5)],
)
def test_the_learning_rate_grows_with_the_parts(factor, solver, expected):
    algorithm = LocalSGD(learning_rate_factor=factor, warm_up=4)
    rates = [algorithm.rate(0.1, solver, epoch, n_parts=4) for epoch in range(8)]
    np.testing.assert_allclose(rates[4:], 0.1 * expected)
    steps = np.diff([0.1, *rates[:5]])
    np.testing.assert_allclose(steps, steps[0])
    sudden = LocalSGD(learning_rate_factor=factor, warm_up=0)
    assert sudden.rate(0.1, solver, 0, n_parts=4) == pytest.approx(0.1 * expected)


def test_the_same_data_give_the_same_bits(client):
    one, two = (classifier(dropout=0.2).fit(*on_dask(DIGITS, CLASSES)) for _ in "ab")
    assert_same(one, two)
    other = classifier(dropout=0.2, random_state=1).fit(*on_dask(DIGITS, CLASSES))
    assert (one.coefs_[0] != other.coefs_[0]).nnz


def test_more_parts_than_are_summed_at_once(monkeypatch):
    data = on_dask(DIGITS, CLASSES)
    options = {"threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(n_workers=4, processes=False, **options):
        clf = classifier().fit(*data)
        monkeypatch.setattr(_cluster, "_FAN_IN", 2)
        for a, b in zip(weights_of(classifier().fit(*data)), weights_of(clf)):
            np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("data", ["stay", "do not stay"])
@pytest.mark.parametrize("kind", ["array", "frame", "sparse", "list of frames"])
def test_blocks_of_any_kind(client, monkeypatch, kind, data):
    expected = classifier().fit(*on_dask(DIGITS, CLASSES))
    if data == "do not stay":
        monkeypatch.setattr(_cluster, "_SHARE_OF_MEMORY", 0)
    X, y = on_dask(DIGITS, CLASSES)
    if kind == "frame":
        X = dd.from_dask_array(X, columns=[f"pixel{i}" for i in range(64)])
        y = dd.from_dask_array(y)
    elif kind == "sparse":
        X = X.map_blocks(sparse.csr_array)
    elif kind == "list of frames":
        X = dd.from_dask_array(X, columns=[str(i) for i in range(64)])
    clf = classifier().fit(X, y)
    assert_same(clf, expected)
    predictions = clf.predict(X)
    assert isinstance(predictions, da.Array)
    np.testing.assert_array_equal(predictions.compute(), expected.predict(DIGITS))
    proba = clf.predict_proba(X).compute()
    np.testing.assert_allclose(proba, expected.predict_proba(DIGITS), rtol=1e-4)
    assert clf.score(X, y) == expected.score(DIGITS, CLASSES)
    assert hasattr(clf.to_local(), "feature_names_in_") == (kind[-5:] in "frames")


def test_classes_that_not_every_block_has(client):
    names = np.array(["no", "yes", "maybe"])[np.sort(CLASSES % 3)]
    X, y = on_dask(DIGITS, names)
    clf = classifier().fit(X, y)
    assert clf.classes_.tolist() == ["maybe", "no", "yes"]
    assert set(clf.predict(X).compute()) <= set(names)
    assert clf.score(X, y) == clf.to_local().score(DIGITS, names)


def test_weights_of_samples_and_of_classes(client):
    X, y = on_dask(DIGITS, CLASSES)
    weight = np.where(CLASSES == 0, 3.0, 1.0)
    by_sample = classifier().fit(X, y, da.from_array(weight, chunks=150))
    by_class = classifier(class_weight={0: 3.0}).fit(X, y)
    scaled = classifier().fit(X, y, da.from_array(4 * weight, chunks=150))
    assert_same(by_sample, by_class)
    assert_same(by_sample, scaled)
    counts = np.bincount(CLASSES)
    balanced = classifier(class_weight="balanced").fit(X, y)
    told = dict(enumerate(600 / (10 * counts)))
    told = classifier(class_weight=told).fit(X, y)
    for a, b in zip(weights_of(balanced), weights_of(told), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def supported(name):
    rule = EVOLUTIONS[name]()
    unfit = rule.sample_size is not None or rule.holds_weights
    return not (unfit or rule.needs_autoencoder)


@pytest.mark.parametrize("name", sorted(filter(supported, EVOLUTIONS)))
def test_rules(client, name):
    rule = EVOLUTIONS[name]()
    if "interval" in rule.get_params():
        rule.set_params(interval=12)
    if "n_features_to_keep" in rule.get_params():
        rule.set_params(n_features_to_keep=20)
    clf = classifier(evolution=rule, algorithm=LocalSGD(n_updates=5))
    clf.fit(*on_dask(DIGITS, CLASSES))
    assert np.isfinite(clf.loss_)
    assert (clf.n_rewired_.sum() > 0) == (name not in ("static", "gmp", "lamp")) or (
        name in ("importance_pruning", "deepr", "neurofs")
    )


@pytest.mark.parametrize("interval", [None, 4])
def test_gradients_when_the_first_part_is_the_smallest(client, interval):
    X = da.from_array(DIGITS, chunks=((100, 500), 64))
    y = da.from_array(CLASSES, chunks=((100, 500),))
    rule = RigL(interval=interval)
    clf = classifier(evolution=rule, algorithm=LocalSGD(n_updates=5)).fit(X, y)
    assert clf.n_rewired_.sum() > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"early_stopping": True},
        {"warm_start": True},
        {"importance": "attribution"},
        {"evolution": "ctre"},
        {"evolution": "topkast"},
        {"algorithm": "local_sgd"},
        {"algorithm": LocalSGD(n_updates=0)},
    ],
)
def test_what_is_not_supported_is_refused(client, changes):
    with pytest.raises(InvalidParameterError):
        classifier(**changes).fit(*on_dask(DIGITS, CLASSES))


def _unreadable(block, error):
    if len(block):  # not when Dask asks what comes out
        raise error("part-3.parquet")
    return block


@pytest.mark.parametrize("error", [FileNotFoundError, TimeoutError])
def test_what_fails_in_a_block_is_said(client, error):
    X, y = on_dask(DIGITS, CLASSES)
    with pytest.raises(error, match=r"part-3.parquet"):
        classifier().fit(X.map_blocks(_unreadable, error, dtype=X.dtype), y)
    with pytest.raises(ValueError, match="hidden_layer_sizes must be integers > 0"):
        DaskSETClassifier((0,)).fit(X, y)


def test_a_topology_that_looks_at_samples(client):
    clf = classifier(topology="csti").fit(*on_dask(DIGITS, CLASSES))
    assert np.isfinite(clf.loss_)


def test_data_that_are_no_collections_are_refused(client):
    X, y = on_dask(DIGITS, CLASSES)
    with pytest.raises(TypeError, match="X must be a Dask array or frame"):
        classifier().fit(DIGITS, y)
    with pytest.raises(TypeError, match="y must be a Dask array or frame"):
        classifier().fit(X, CLASSES)
    with pytest.raises(ValueError, match="not cut into blocks alike"):
        classifier().fit(X, da.from_array(CLASSES[:300], chunks=150))
    with pytest.raises(ValueError, match="weigh nothing"):
        classifier().fit(X, y, da.zeros(600, chunks=150))
    with pytest.raises(ValueError, match="NaN"):
        classifier().fit(da.where(X > 0.5, np.nan, X), y)


def test_numbers(client):
    X, y = load_diabetes(return_X_y=True)
    X = X / X.std(axis=0)
    for targets in y, np.column_stack([y, -y]):
        chunks = (100, -1) if targets.ndim == 2 else 100
        data = da.from_array(X, chunks=(100, -1)), da.from_array(targets, chunks)
        reg = DaskSETRegressor((30,), max_iter=30, random_state=0).fit(*data)
        np.testing.assert_allclose(reg.y_center_, targets.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(reg.y_scale_, targets.std(axis=0), rtol=1e-6)
        predictions = reg.predict(data[0]).compute()
        np.testing.assert_array_equal(predictions, reg.to_local().predict(X))
        assert reg.score(*data) > 0.4


def test_targets_are_located_by_the_weight_of_their_blocks(client):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)), rng.normal(size=300) + np.arange(300) // 100
    weight = np.repeat([0.0, 3.0, 1.0], 100)
    data = [da.from_array(X, chunks=(100, -1))]
    data += [da.from_array(each, chunks=100) for each in (y, weight)]
    reg = DaskSETRegressor((10,), max_iter=2, random_state=0).fit(*data)
    ordinary = SETRegressor((10,), max_iter=2, random_state=0).fit(X, y, weight)
    np.testing.assert_allclose(reg.y_center_, ordinary.y_center_, rtol=1e-6)
    np.testing.assert_allclose(reg.y_scale_, ordinary.y_scale_, rtol=1e-6)


@pytest.mark.parametrize("loss", ["absolute_error", "poisson", "huber"])
def test_losses(client, loss):
    X, y = load_diabetes(return_X_y=True)
    X = X / X.std(axis=0)
    data = da.from_array(X, chunks=(100, -1)), da.from_array(y, 100)
    reg = DaskSETRegressor((30,), loss=loss, max_iter=30, random_state=0).fit(*data)
    assert reg.score(*data) > 0.3


def test_the_ordinary_estimator_that_comes_of_it(client):
    clf = classifier().fit(*on_dask(DIGITS, CLASSES))
    local = clf.to_local()
    assert type(local) is SETClassifier
    assert local.get_params() == {
        name: clf.get_params()[name] for name in local.get_params()
    }
    loaded = pickle.loads(pickle.dumps(local))
    np.testing.assert_array_equal(loaded.predict(DIGITS), clf.predict(DIGITS))
    loaded.partial_fit(DIGITS, CLASSES)
    assert_same(pickle.loads(pickle.dumps(clf)), clf)
    copied = clone(clf)
    assert repr(copied) == repr(clf) and not hasattr(copied, "coefs_")
    assert set(clf.get_params()) >= {"algorithm", "checkpoint", "zeta", "epsilon"}
    assert type(DaskSETRegressor().set_params(zeta=0.1)._unfitted()) is SETRegressor


@pytest.mark.parametrize("random_state", [0, None])
def test_training_goes_on_from_a_checkpoint(client, tmp_path, random_state):
    data, path = on_dask(DIGITS, CLASSES), tmp_path / "state"
    options = dict(max_iter=6, dropout=0.1, random_state=random_state)
    clf = classifier(**options, checkpoint=path)
    with pytest.raises(KeyError):
        clf.set_callbacks(Stop(3)).fit(*data)
    assert path.exists() and not hasattr(clf, "coefs_")
    clf = classifier(**options, checkpoint=path).fit(*data)
    assert clf.n_iter_ == 6 and len(clf.loss_curve_) == 6
    assert not path.exists()
    if random_state is not None:
        assert_same(clf, classifier(**options).fit(*data))


@pytest.mark.parametrize("data", ["stay", "do not stay"])
@pytest.mark.parametrize("evolution", ["set", SET(interval=3), "rigl"])
def test_training_goes_on_within_an_epoch(
    client, tmp_path, monkeypatch, evolution, data
):
    if data == "do not stay":
        monkeypatch.setattr(_cluster, "_SHARE_OF_MEMORY", 0)
    data = on_dask(DIGITS, CLASSES)
    options = dict(max_iter=2, evolution=evolution, dropout=0.1)

    def fit(**changes):
        algorithm = LocalSGD(n_updates=2)
        if "fails" in changes:
            algorithm = then(algorithm, changes.pop("fails"), fail)
        return classifier(**options, algorithm=algorithm, **changes).fit(*data)

    expected = fit()
    n_rounds = len(expected.bytes_per_round_) // 2
    assert n_rounds == 8
    kept = dict(checkpoint=tmp_path / "state", checkpoint_interval=3)
    for _ in range(2):  # after 3 of the rounds, and after 3 more
        with pytest.raises(KeyError):
            fit(fails=1, **kept)
    trained = []
    monkeypatch.setattr(
        LocalSGD,
        "_train_parts",
        lambda self, *task, train=LocalSGD._train_parts: (
            trained.append(1) or train(self, *task)
        ),
    )
    clf = fit(**kept)
    assert_same(clf, expected)
    assert clf.bytes_per_round_ == expected.bytes_per_round_
    assert clf.loss_curve_ == expected.loss_curve_
    assert len(trained) == 2 + n_rounds


def test_a_checkpoint_of_another_fit_is_refused(client, tmp_path):
    data, path = on_dask(DIGITS, CLASSES), tmp_path / "state"
    with pytest.raises(KeyError):
        classifier(checkpoint=path).set_callbacks(Stop(2)).fit(*data)
    with pytest.raises(ValueError, match="is of a fit with other"):
        classifier(checkpoint=path, zeta=0.1).fit(*data)
    with pytest.raises(ValueError, match="is of a fit with other"):
        classifier(checkpoint=path).fit(*on_dask(DIGITS + 1, CLASSES))
    with pytest.raises(ValueError, match="is of a fit with other"):
        classifier(checkpoint=path).fit(*on_dask(DIGITS, CLASSES % 9))


def test_an_interrupt_leaves_what_has_been_learned(client):
    clf = classifier(max_iter=6).set_callbacks(Stop(3, KeyboardInterrupt))
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(*on_dask(DIGITS, CLASSES))
    assert clf.n_iter_ == 3
    clf.predict(DIGITS)


def test_a_lost_worker_changes_nothing(processes_client):
    data = on_dask(DIGITS, CLASSES)
    client = processes_client
    expected = classifier(max_iter=6).fit(*data)
    pids = list(client.run(os.getpid).values())
    kill = Stop(3, lambda: os.kill(pids[0], signal.SIGKILL))
    with pytest.warns(UserWarning, match="was lost"):
        clf = classifier(max_iter=6).set_callbacks(kill).fit(*data)
    assert_same(clf, expected)


@pytest.mark.parametrize("kind", ["array", "computed", "frame"])
def test_of_each_block_only_itself_is_sent(kind):
    X = da.from_array(DIGITS, chunks=(15, -1))
    X = dd.from_dask_array(X) if kind == "frame" else X
    X = X + 1 if kind == "computed" else X
    y = da.from_array(CLASSES, chunks=15)
    blocks = blocks_of(X, y, None)
    assert len(blocks) == 40
    for number, block in enumerate(blocks):
        rows = slice(15 * number, 15 * number + 15)
        expected = DIGITS[rows] + (kind == "computed")
        np.testing.assert_array_equal(block[0].compute(), expected)
        np.testing.assert_array_equal(block[1].compute(), CLASSES[rows])
        assert all(len(dict(each.__dask_graph__())) < 5 for each in block[:2])


def _on_two(client):
    """Digits of which each of two workers has half, and nobody can compute it again."""
    workers = sorted(client.nthreads())
    halves = np.split(DIGITS, 2), np.split(CLASSES, 2)
    futures = [
        [client.scatter(h, workers=[w], hash=False) for h, w in zip(half, workers)]
        for half in halves
    ]
    X = da.concatenate([da.from_delayed(f, (300, 64), np.float32) for f in futures[0]])
    y = da.concatenate([da.from_delayed(f, (300,), int) for f in futures[1]])
    return X, y


def test_samples_that_are_lost_with_a_worker_are_left_out(processes_client):
    client = processes_client
    X, y = _on_two(client)
    pids = client.run(os.getpid)
    last = sorted(pids)[1]
    kill = Stop(2, lambda: os.kill(pids[last], signal.SIGKILL))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf = classifier(max_iter=4).set_callbacks(kill).fit(X, y)
    messages = " ".join(str(each.message) for each in caught)
    assert "300 samples were lost" in messages
    assert clf.t_ == 2 * 600 + 2 * 300


def test_lost_samples_cost_the_rounds_since_the_network_was_held(processes_client):
    client = processes_client
    pids = client.run(os.getpid)
    last = sorted(pids)[1]
    algorithm = LocalSGD(n_updates=3)
    then(algorithm, 2, lambda: os.kill(pids[last], signal.SIGKILL))
    clf = classifier(max_iter=1, algorithm=algorithm, checkpoint_interval=1)
    with pytest.warns(UserWarning, match="300 samples were lost"):
        clf.fit(*_on_two(client))
    # Rounds of 60 samples of each half: two of both, and three of the one that is left.
    assert clf.t_ == 2 * 120 + 3 * 60 and len(clf.bytes_per_round_) == 5


def _die(rows):
    os.kill(os.getpid(), signal.SIGKILL)


def test_samples_that_are_lost_before_training_are_left_out(processes_client):
    X, y = _on_two(processes_client)
    last = delayed(_die)(np.ravel(X.to_delayed())[1])
    X = da.concatenate([X.blocks[0], da.from_delayed(last, (300, 64), X.dtype)])
    with pytest.warns(UserWarning, match="1 of 2 blocks of the data were lost"):
        clf = classifier(max_iter=4, tol=0).fit(X, y)
    assert clf.t_ == 4 * 300


def test_a_lost_scheduler_is_said_clearly(tmp_path):
    cluster = distributed.LocalCluster(2, processes=True, **OPTIONS)
    with distributed.Client(cluster, timeout=5) as client:
        client.nthreads()
        path = tmp_path / "state"
        clf = classifier(max_iter=6, checkpoint=path)
        clf.set_callbacks(Stop(3, lambda: cluster.close(timeout=10)))
        with pytest.raises(RuntimeError, match="scheduler was lost in epoch 4"):
            clf.fit(*on_dask(DIGITS, CLASSES))
        assert path.exists()


def test_the_network_does_not_pass_through_the_client(client, monkeypatch):
    fetched = []
    fetch = _fitting.OnDask._fetch
    monkeypatch.setattr(
        _fitting.OnDask, "_fetch", lambda self: fetched.append(1) or fetch(self)
    )
    clf = classifier(max_iter=5).fit(*on_dask(DIGITS, CLASSES))
    assert len(fetched) == 1 and clf.n_iter_ == 5


def test_the_scheduler_forgets_what_is_over(client):
    data, counts = on_dask(DIGITS, CLASSES), []

    def count():
        counts.append(len(client.cluster.scheduler.tasks))

    class Count(Stop):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                count()

    classifier(max_iter=12).set_callbacks(Count(99)).fit(*data)
    assert len(counts) == 12
    assert max(counts[6:]) <= max(counts[:6]) + 3


def test_bytes_of_a_round_are_in_proportion_to_connections(client):
    data = on_dask(DIGITS, CLASSES)
    few, many = (classifier(epsilon=e, batch_size=20).fit(*data) for e in (2, 6))
    assert len(few.bytes_per_round_) == 2 * len(few.loss_curve_)  # two blocks a part
    n = [each.n_connections_.sum() for each in (few, many)]
    sent = [np.median(each.bytes_per_round_) for each in (few, many)]
    # Adam: 12 bytes from each of two parts, 16 to each of them.
    assert (sent[1] - sent[0]) / (n[1] - n[0]) == pytest.approx(2 * (12 + 16))
