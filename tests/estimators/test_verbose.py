"""What estimators print while they train."""

import re
from types import SimpleNamespace

import pytest
from sklearn.neural_network import MLPClassifier

from sklearn_sparse_nn.estimators import _progress
from sklearn_sparse_nn.estimators._progress import Progress
from tests.estimators.battery import (
    all_estimators,
    curve,
    samples,
    those_with,
    train_part,
)

NUMBER = r"-?\d+\.\d+"
FIGURES = rf"(?:loss|reconstruction error) = ({NUMBER})"
TIMES = rf"time = ({NUMBER})s, left = ({NUMBER})s"


@all_estimators
def test_an_epoch_is_a_line(estimator, capsys):
    X, y = samples()
    train_part(estimator.fit(X, y), X, y)
    assert capsys.readouterr().out == ""
    lines = _lines(estimator.set_params(verbose=1).fit(X, y), capsys)
    expected = [rf"(\[\w+\] )?Iteration {i}, {FIGURES}, {TIMES}" for i in (1, 2, 3)]
    figures = [re.fullmatch(*both) for both in zip(expected, lines, strict=True)]
    found = [float(match[2]) for match in figures]
    assert found == pytest.approx(curve(estimator), abs=1e-5)
    times, left = ([float(match[i]) for match in figures] for i in (3, 4))
    assert times == sorted(times) and left[-1] == 0


@all_estimators
def test_a_chunk_is_a_line_without_an_end_in_sight(estimator, capsys):
    X, y = samples()
    estimator.set_params(verbose=True)
    for number in (1, 2):
        (line,) = _lines(train_part(estimator, X, y), capsys)
        pattern = rf"(\[\w+\] )?Iteration {number}, {FIGURES}, time = {NUMBER}s"
        assert re.fullmatch(pattern, line)


@those_with("early_stopping")
def test_the_validation_score_is_in_the_line(estimator, capsys):
    X, y = samples()
    estimator.set_params(verbose=True, early_stopping=True).fit(X, y)
    pattern = rf"Iteration \d, loss = {NUMBER}, validation score = ({NUMBER}), {TIMES}"
    lines = _lines(estimator, capsys)
    scores = [float(re.fullmatch(pattern, line)[1]) for line in lines]
    assert scores == pytest.approx(estimator.validation_scores_, abs=1e-5)


@those_with("early_stopping")
def test_lines_begin_as_those_of_scikit_learn(estimator, capsys):
    X, y = samples()
    parameters = {"verbose": True, "max_iter": 30, "tol": 9.0, "n_iter_no_change": 2}
    theirs = _lines(MLPClassifier((5,), **parameters).fit(X, y), capsys)
    estimator.set_params(learning_rate="constant", **parameters)
    ours = _lines(estimator.fit(X, y), capsys)
    assert [re.sub(rf" = {NUMBER}.*", "", line) for line in ours] == [
        re.sub(rf" = {NUMBER}$", "", line) for line in theirs
    ]
    assert ours[-1] == theirs[-1] and ours[-1].endswith("Stopping.")


def test_what_is_left_is_estimated_from_the_pace(monkeypatch, capsys):
    clock = iter([100.0, 102.0, 103.0, 109.0])
    monkeypatch.setattr(_progress.time, "perf_counter", lambda: next(clock))
    progress = Progress(SimpleNamespace(verbose=True), 5, prefix="> ")
    for number in (11, 12, 13):
        progress.report(number, "score = 1")
    assert capsys.readouterr().out.splitlines() == [
        "> Iteration 11, score = 1, time = 2.00s, left = 8.00s",
        "> Iteration 12, score = 1, time = 3.00s, left = 4.50s",
        "> Iteration 13, score = 1, time = 9.00s, left = 6.00s",
    ]


def _lines(_, capsys):
    return capsys.readouterr().out.splitlines()
