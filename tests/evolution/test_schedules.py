import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import (
    SCHEDULES,
    SET,
    Constant,
    Cosine,
    Cubic,
    Linear,
    Schedule,
    Sigmoid,
    schedule_of,
)

all_kinds = pytest.mark.parametrize("kind", SCHEDULES.values(), ids=SCHEDULES)


@st.composite
def schedules(draw):
    numbers = st.floats(-100, 100)
    begin, end = sorted([draw(st.floats(0, 1)), draw(st.floats(0, 1))])
    kind = draw(st.sampled_from(list(SCHEDULES.values())))
    return kind(draw(numbers), draw(numbers), begin, end)


@settings(max_examples=300)
@given(schedules(), st.floats(0, 1))
def test_a_schedule_is_first_until_begin_and_last_from_end_on(schedule, progress):
    if progress >= schedule.end:
        assert schedule(progress) == schedule.last
    elif progress <= schedule.begin:
        assert schedule(progress) == schedule.first
    if schedule.begin < schedule.end:
        assert schedule(schedule.begin) == schedule.first
    assert schedule(schedule.end) == schedule(1) == schedule.last


@settings(max_examples=300)
@given(schedules())
def test_a_schedule_goes_one_way_from_first_to_last(schedule):
    numbers = [schedule(progress) for progress in np.linspace(0, 1, 201)]
    steps = np.diff(numbers) * np.sign(schedule.last - schedule.first)
    assert (steps >= -1e-12).all()
    low, high = sorted([schedule.first, schedule.last])
    assert low - 1e-12 <= min(numbers) and max(numbers) <= high + 1e-12


def _sparsity_of_zhu_and_gupta(t, start, span, initial, final):
    return final + (initial - final) * (1 - (t - start) / span) ** 3


@settings(max_examples=100)
@given(st.floats(0.2, 0.7), st.floats(0, 1), st.floats(0, 1))
def test_schedules_follow_their_curves(progress, first, last):
    share = (progress - 0.2) / 0.5
    angle = np.pi * share / 2
    start, now, end = expit([-6, 12 * share - 6, 6])
    risen = (now - start) / (end - start)
    curves = {
        Constant: last if progress >= 0.7 else first,
        Linear: np.interp(progress, [0.2, 0.7], [first, last]),
        Cosine: first * np.cos(angle) ** 2 + last * np.sin(angle) ** 2,
        Cubic: 1 - _sparsity_of_zhu_and_gupta(progress, 0.2, 0.5, 1 - first, 1 - last),
        Sigmoid: first + (last - first) * risen,
    }
    assert set(curves) == set(SCHEDULES.values())
    for kind, expected in curves.items():
        schedule = kind(first, last, 0.2, 0.7)
        np.testing.assert_allclose(schedule(progress), expected, rtol=0, atol=1e-12)


@all_kinds
@pytest.mark.parametrize("time", [0, 0.3, 1])
def test_a_schedule_that_begins_and_ends_at_a_time_is_a_step(kind, time):
    step = kind(first=5.0, last=2.0, begin=time, end=time)
    numbers = [step(progress) for progress in (0, 0.299, 0.3, 0.301, 0.999, 1)]
    after = np.array([0, 0.299, 0.3, 0.301, 0.999, 1]) >= time
    np.testing.assert_array_equal(numbers, np.where(after, 2.0, 5.0))


@all_kinds
def test_without_parameters_a_schedule_goes_from_1_to_0_over_the_whole_training(kind):
    schedule = kind()
    assert schedule(0) == 1 and schedule(1) == 0
    assert 0 < schedule(0.01) <= 1 and 0 < schedule(0.99) <= 1


@all_kinds
def test_a_schedule_has_parameters_like_an_estimator(kind):
    schedule = kind(first=0.5, last=0.25, begin=0.125, end=0.75)
    parameters = {"first": 0.5, "last": 0.25, "begin": 0.125, "end": 0.75}
    assert schedule.get_params() == parameters
    for other in (clone(schedule), copy.deepcopy(schedule)):
        assert type(other) is kind and other.get_params() == parameters
    assert pickle.loads(pickle.dumps(schedule))(0.5) == schedule(0.5)
    assert repr(kind(end=0.5)) == f"{kind.__name__}(end=0.5)"


def test_names_stand_for_schedules():
    kinds = Constant, Linear, Cosine, Cubic, Sigmoid
    assert {kind.__name__.lower(): kind for kind in kinds} == SCHEDULES
    for name, kind in SCHEDULES.items():
        assert type(schedule_of(name)) is kind
        assert schedule_of(name).get_params() == kind().get_params()
    schedule = Cosine(end=0.5)
    assert schedule_of(schedule) is schedule


def test_the_base_class_is_no_schedule():
    with pytest.raises(TypeError, match="abstract"):
        Schedule()


@pytest.fixture(scope="module")
def data():
    return make_classification(60, random_state=0)


def _classifier(schedule, **parameters):
    rule = SET(min_updates=1, schedule=schedule)
    settings = {"batch_size": 20, "random_state": 0, "n_iter_no_change": np.inf}
    return SETClassifier((20, 10), evolution=rule, epsilon=3, **settings | parameters)


@pytest.mark.parametrize(
    "schedule, message",
    [
        (Cosine(end=2), r"'end' parameter of Cosine must be a float in the range"),
        (Linear(begin=-0.1), r"'begin' parameter of Linear must be a float in the"),
        (Cubic(begin="half"), r"'begin' parameter of Cubic must be a float in the"),
        (Constant(end=None), r"'end' parameter of Constant must be a float in the"),
        (Cubic(first="1"), r"'first' parameter of Cubic must be an instance of "),
        (Constant(last=None), r"'last' parameter of Constant must be an instance of "),
        ("cosinus", r"'schedule' parameter of SET must be .*'cosinus' instead"),
        ("Cosine", r"'schedule' parameter of SET must be .*'Cosine' instead"),
        (Cosine, r"'schedule' parameter of SET must be "),
        (0.5, r"'schedule' parameter of SET must be "),
        (lambda progress: 1.0, r"'schedule' parameter of SET must be "),
    ],
)
def test_wrong_parameters_are_named_in_fit(data, schedule, message):
    with pytest.raises(InvalidParameterError, match=message):
        _classifier(schedule).fit(*data)
    with pytest.raises(InvalidParameterError, match=message):
        _classifier(schedule).partial_fit(*data, classes=[0, 1])


@pytest.mark.parametrize("schedule", [*SCHEDULES, Linear(begin=0, end=1, first=2)])
def test_names_and_limits_are_right_parameters(data, schedule):
    clf = _classifier(schedule, max_iter=2).fit(*data)
    assert clf.n_rewired_[0] > 0


def test_a_grid_search_reaches_the_parameters_of_a_schedule(data):
    clf = _classifier(Cosine(), max_iter=3)
    assert clf.get_params()["evolution__schedule__end"] == 1.0
    grid = {"evolution__schedule__end": [0.25, 0.75]}
    search = GridSearchCV(clf, grid, cv=2, error_score="raise").fit(*data)
    best = search.best_estimator_.evolution.schedule
    assert best.end == search.best_params_["evolution__schedule__end"]
    assert clf.evolution.schedule.end == 1.0
    ends = [each["evolution__schedule__end"] for each in search.cv_results_["params"]]
    assert ends == [0.25, 0.75]


def test_a_clone_of_an_estimator_has_a_schedule_of_its_own():
    clf = _classifier(Cubic(end=0.5))
    other = clone(clf).set_params(evolution__schedule__end=0.75)
    assert clf.evolution.schedule.end == 0.5
    assert other.evolution.schedule.end == 0.75
    assert "schedule=Cubic(end=0.75)" in repr(other)


class Watched(Schedule):
    """Notes when it is asked. `seen` is on the class: a fit works on a copy."""

    seen = []

    def __call__(self, progress):
        self.seen.append(progress)
        return super().__call__(progress)

    def _left(self, share):
        return 1 - share


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(Watched, "seen", [])
    return Watched.seen


def test_a_schedule_of_the_users_follows_fit(data, seen):
    clf = _classifier(Watched(), max_iter=4).fit(*data)
    # It is asked for each of three layers, or more than once for one.
    assert list(dict.fromkeys(seen)) == [0.25, 0.5, 0.75]
    seen.clear()
    clf.set_params(evolution__interval=1, max_iter=2, warm_start=False).fit(*data)
    np.testing.assert_allclose(list(dict.fromkeys(seen)), np.arange(1, 6) / 6)


def test_progress_is_0_in_partial_fit(data, seen):
    clf = _classifier(Watched(last=0.5, end=0.01))
    for _ in range(5):
        clf.partial_fit(*data, classes=[0, 1])
    assert len(seen) >= 4 and set(seen) == {0}
    assert clf.n_rewired_[0] > 0


class Counting(SET):
    """Notes what zeta says, and how much goes of the first layer."""

    notes = []
    uses_gradient = False

    def prune(self, layer):
        pruned = super().prune(layer)
        if layer.index == 0:
            n, progress = layer.n_connections, layer.clock.progress
            self.notes.append((progress, n, layer.n_to_prune, pruned.sum()))
        return pruned


@pytest.mark.parametrize("schedule", [*SCHEDULES, Linear(end=0.5), Cubic(0.2, 1)])
def test_zeta_is_multiplied_by_the_schedule(monkeypatch, data, schedule):
    monkeypatch.setattr(Counting, "notes", [])
    clf = _classifier("constant", max_iter=8, zeta=0.6)
    clf.set_params(evolution=Counting(min_updates=1, schedule=schedule)).fit(*data)
    assert len(Counting.notes) == 7
    for progress, n, n_to_prune, n_pruned in Counting.notes:
        expected = int(0.6 * schedule_of(schedule)(progress) * n)
        assert n_to_prune == expected
        assert expected - 2 <= n_pruned <= expected


def test_nothing_is_rewired_when_the_schedule_is_over(data):
    half = _classifier(Constant(end=0.5), max_iter=8).fit(*data).n_rewired_
    never = _classifier(Constant(end=0.0), max_iter=8).fit(*data).n_rewired_
    whole = _classifier("constant", max_iter=8).fit(*data).n_rewired_
    assert not never.any()
    # Rewirings are at 1/8, ... 7/8 of training: three of the seven.
    assert 7 * half[0] == pytest.approx(3 * whole[0], abs=7)


def test_a_schedule_begins_before_it_ends():
    clf = SETClassifier(evolution=SET(schedule=Cosine(begin=0.9, end=0.1)))
    with pytest.raises(InvalidParameterError, match="Cosine must begin before it ends"):
        clf.fit([[0.0], [1.0]], [0, 1])
