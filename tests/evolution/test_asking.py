"""What a rule must not answer: it is told so by its own name."""

import numpy as np
import pytest

from sklearn_sparse_nn import QuickSelectionSelector, SETClassifier
from sklearn_sparse_nn.evolution import (
    SET,
    EvolutionRule,
    EvolvingLayer,
    Inputs,
    ScoreRule,
)
from sklearn_sparse_nn.evolution.asking import (
    ask_what_goes,
    ask_what_grows,
    ask_what_is_held,
)


class Answers(EvolutionRule):
    """Answers what it was told to, or what is right."""

    def __init__(self, **answers):
        self.answers = answers

    def answer(self, question, right):
        return self.answers.get(question, right)

    def region(self, layer):
        return self.answer("region", None)

    def n_pruned(self, layers):
        return self.answer("n_pruned", [0])

    def prune(self, layer):
        return self.answer("prune", np.zeros(2, dtype=bool))

    def prune_more(self, layers):
        return self.answer("prune_more", [layers[0].pruned])

    def n_grown(self, layers):
        return self.answer("n_grown", [1])

    def grow(self, layer, n_grown):
        return self.answer("grow", [2])

    def new_weights(self, layer, cells):
        return self.answer("new_weights", np.ones(1))

    def hold(self, layer):
        return self.answer("hold", np.zeros(2, dtype=bool))


def layer():
    """Two neurons with a connection each to one of three inputs."""
    return EvolvingLayer(
        indptr=np.array([0, 1, 2]),
        indices=np.array([1, 0], dtype=np.uint32),
        weights=np.ones(2, dtype=np.float32),
        index=0,
        n_inputs=3,
        zeta=0.3,
        clock=None,
        gain=1.0,
        rng=np.random.default_rng(0),
        batch=None,
    )


def ask_all(rule):
    _, n_grown = ask_what_goes(rule, [layer()])
    grown = ask_what_grows(rule, layer(), n_grown[0])
    ask_what_is_held(rule, layer())
    return grown


NUMBERS = r"a number of connections for each of 1 layers, integers >= 0, got"
MASK = r"a boolean array of shape \(2,\), got"
CELLS = "an array of integers, a cell each, got"
IN_ORDER = "distinct cells < 6 in ascending order"


@pytest.mark.parametrize(
    "question, answer, message",
    [
        ("region", [1, 2], "a Region or None, got list"),
        ("n_pruned", None, NUMBERS + " None"),
        ("n_pruned", 1, NUMBERS + " 1"),
        ("n_pruned", [], NUMBERS),
        ("n_pruned", [0.5], NUMBERS),
        ("n_pruned", [-1], NUMBERS),
        ("n_pruned", [3], "says 3 of 2 connections of layer 0"),
        ("prune", None, MASK + " object"),
        ("prune", np.array([0, 1]), MASK + " int64"),
        ("prune", np.zeros(3, bool), MASK + r" bool of shape \(3,\)"),
        ("prune_more", None, "a list of 1 boolean arrays, got NoneType"),
        ("prune_more", [], "a list of 1 boolean arrays, got list"),
        ("prune_more", [np.array([0, 1])], MASK),
        ("n_grown", ["some"], NUMBERS),
        ("n_grown", [np.nan], NUMBERS),
        ("grow", None, CELLS + " NoneType"),
        ("grow", [2.0], CELLS + " list"),
        ("grow", np.array([[2]]), CELLS + r" int64 of shape \(1, 1\)"),
        ("grow", [6], IN_ORDER),
        ("grow", [-1], IN_ORDER),
        ("grow", [2, 2], IN_ORDER),
        ("grow", [3, 2], IN_ORDER),
        ("new_weights", None, r"one weight per cell, got shape \(\)"),
        ("new_weights", np.zeros(2), r"one weight per cell, got shape \(2,\) for 1"),
        ("new_weights", [np.nan], "finite weights"),
        ("new_weights", [np.inf], "finite weights"),
        ("hold", None, MASK),
        ("hold", np.zeros(1, bool), MASK),
    ],
)
def test_wrong_answers_are_refused(question, answer, message):
    verb = "" if message.startswith("says") else "must return "
    with pytest.raises(ValueError, match=rf"^Answers\.{question} {verb}{message}"):
        ask_all(Answers(**{question: answer}))


@pytest.mark.parametrize("right", [[2], (2,), np.array([2], np.uint32)])
def test_right_answers_are_taken(right):
    cells, weights = ask_all(Answers(grow=right, prune_more=(np.ones(2, bool),)))
    assert cells.dtype == np.int64 and cells.tolist() == [2]
    assert weights.dtype == np.float32 and weights.tolist() == [1]
    none = ask_all(Answers(grow=[], new_weights=[], n_grown=np.array([0])))
    assert not len(none[0])


@pytest.mark.parametrize("n", [-1, 5, 10**9])
@pytest.mark.parametrize("inside", [False, True])
def test_no_more_cells_are_drawn_than_there_are(n, inside):
    here = layer()
    if inside:
        here.region = Inputs(here, np.arange(3) != 1)
    with pytest.raises(ValueError, match=rf"Cannot draw {n} cells: \d are there"):
        here.sample_empty_cells(n)
    with pytest.raises(ValueError, match=rf"Cannot draw {n} cells: \d are there"):
        here.sample_outside(here.cells, n)
    assert len(here.sample_empty_cells(here.n_empty_cells)) == here.n_empty_cells


class Scores(ScoreRule):
    uses_gradient = False

    def __init__(self, of_connections, of_cells):
        self.of_connections, self.of_cells = of_connections, of_cells

    def connection_scores(self, layer):
        return self.of_connections(layer)

    def cell_scores(self, layer, neurons):
        return self.of_cells(layer, neurons)


def magnitudes(layer):
    return abs(layer.weights)


@pytest.mark.parametrize(
    "rule, message",
    [
        (Scores(lambda layer: None, None), "Scores.connection_scores must return"),
        (Scores(lambda layer: layer.weights[1:], None), "for each of .* connections"),
        (Scores(magnitudes, lambda layer, neurons: None), "cell_scores must return"),
        (
            Scores(magnitudes, lambda layer, neurons: np.zeros(len(neurons))),
            "cell_scores must return numbers of shape",
        ),
    ],
)
def test_wrong_scores_are_refused(rule, message):
    X = np.random.default_rng(0).random((40, 20))
    clf = SETClassifier((10,), evolution=rule, epsilon=2, batch_size=4, max_iter=3)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, X[:, 0] > 0.5)


class Thinks(SET):
    """Says what it was told to of the features."""

    def __init__(self, importances=None):
        super().__init__()
        self.importances = importances

    def feature_importances(self, layers):
        return self.importances


@pytest.mark.parametrize("answer", [[1.0], [np.nan] * 20])
def test_wrong_importances_are_refused(answer):
    X = np.random.default_rng(0).random((40, 20))
    selector = QuickSelectionSelector(
        3, evolution=Thinks(answer), importance="evolution", max_iter=2
    )
    with pytest.raises(
        ValueError, match=r"Thinks\.feature_importances must return a fin"
    ):
        selector.fit(X)
