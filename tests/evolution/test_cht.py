"""CHT and CHTs against dense twins."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.evolution import CHT, CHTs, Sigmoid, TrainingClock
from sklearn_sparse_nn.evolution.asking import ask_what_goes, ask_what_grows
from tests.evolution.test_layer import layer_of
from tests.evolution.test_paths import scores_of_paths


def _layers(masks, seed=0, **changes):
    return [
        layer_of(mask, seed=seed + i, index=i, n_layers=len(masks), **changes)
        for i, mask in enumerate(masks)
    ]


def _masks(sizes, density, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.random(shape[::-1]) < density for shape in pairwise(sizes)]


def _dense(layer, values):
    """A number for each connection, in an array of all cells."""
    dense = np.zeros((layer.n_neurons, layer.n_inputs))
    dense.ravel()[layer.cells] = values
    return dense


def _without_chains(masks, fixed=()):
    """What is left without neurons that lead nowhere or come from nowhere."""
    masks = [mask.copy() for mask in masks]
    for i in range(len(masks) - 2, -1, -1):
        for neuron in range(len(masks[i])):
            if not masks[i + 1][:, neuron].any() and i not in fixed:
                masks[i][neuron] = False
    for i in range(1, len(masks)):
        for neuron in range(len(masks[i - 1])):
            if not masks[i - 1][neuron].any() and i not in fixed:
                masks[i][:, neuron] = False
    return masks


def _rewire(rule, layers):
    """What is left, and what begins, as dense masks; the weights of what begins."""
    pruned, n_grown = ask_what_goes(rule, layers)
    left, grown = [], []
    for layer in layers:
        layer.pruned = pruned[layer.index]
        cells, weights = ask_what_grows(rule, layer, n_grown[layer.index])
        assert not weights.any()
        left.append(_dense(layer, ~pruned[layer.index]) > 0)
        grown.append(np.zeros_like(left[-1]))
        grown[-1].ravel()[cells] = True
    return left, grown


def _removed(layers, fixed):
    """What magnitude pruning leaves of each layer."""
    left = []
    for layer in layers:
        n = 0 if layer.index in fixed else int(layer.zeta * layer.n_connections)
        n = min(n, layer.n_empty_cells)
        kept = np.ones(layer.n_connections, dtype=bool)
        kept[np.argsort(np.abs(layer.weights))[:n]] = False
        left.append(_dense(layer, kept) > 0)
    return left


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(2, 9), min_size=2, max_size=5),
    density=st.sampled_from([0.2, 0.4, 0.7]),
    seed=st.integers(0, 2**32),
    output_layer=st.booleans(),
    chain_removal=st.booleans(),
)
def test_cht_is_its_dense_twin(sizes, density, seed, output_layer, chain_removal):
    layers = _layers(_masks(sizes, density, seed), seed)
    fixed = () if output_layer or len(layers) == 1 else (len(layers) - 1,)
    rule = CHT(early_stop=1, output_layer=output_layer, chain_removal=chain_removal)
    left, grown = _rewire(rule, layers)
    expected = _removed(layers, fixed)
    if chain_removal:
        expected = _without_chains(expected, fixed)
    for layer, kept, before, began in zip(layers, expected, left, grown):
        # Of what has gone, some came back.
        back = before & ~kept
        new, n = (back | began)[~kept], np.count_nonzero(back | began)
        assert (before >= kept).all() and not (before & began).any()
        assert n == layer.n_connections - np.count_nonzero(kept)
        scores = scores_of_paths(kept)[1][~kept]
        assert min(scores[new], default=np.inf) >= max(scores[~new], default=0) - 1e-5
        if layer.index in fixed:
            assert not n


@pytest.mark.parametrize("rule", [CHT(), CHTs()])
def test_dead_ends_go_and_do_not_come_back(rule):
    masks = [*_masks([40, 60, 60], 0.2), np.ones((5, 60), dtype=bool)]
    masks[1][:, :20] = False  # these lead nowhere
    masks[0][20:30] = False  # these come from nowhere
    masks[2][:, :10] = False  # nor is this layer changed
    layers = _layers(masks)
    left, grown = _rewire(rule, layers)
    for before, after in pairwise(left):
        assert not before[~after.any(axis=0)].any()
    assert not left[1][:, ~left[0].any(axis=1)].any()
    assert not (grown[0][:30].any() or grown[1][:, :30].any() or grown[1][:10].any())
    np.testing.assert_array_equal(left[2], masks[2])
    assert not grown[2].any()
    now = [np.count_nonzero(a | b) for a, b in zip(left, grown)]
    assert now == [layer.n_connections for layer in layers]


def _two_blocks():
    """There are paths within two blocks only, so that all that goes comes back."""
    return np.kron(np.eye(2, dtype=bool), np.ones((20, 20), dtype=bool))


def test_connections_change_until_all_layers_rest():
    rng = np.random.default_rng(1)
    output = np.ones((3, 40), dtype=bool)
    others = [rng.random((40, 40)) < 0.2 for _ in range(3)]
    rule = CHT(early_stop=0.9)
    left, grown = _rewire(rule, _layers([_two_blocks(), others[0], output]))
    np.testing.assert_array_equal(left[0], _two_blocks())
    assert grown[1].any() and rule._resting == (0,)
    # It has been at rest, but the other goes on.
    left, grown = _rewire(rule, _layers([others[1], others[0], output]))
    assert grown[0].any() and grown[1].any() and rule._resting == (0,)
    left, grown = _rewire(rule, _layers([others[1], _two_blocks(), output]))
    assert grown[0].any() and rule._resting == (0, 1)
    # All have: connections stay, whatever their weights are.
    left, grown = _rewire(rule, _layers([*others[1:], output]))
    for before, after in zip([*others[1:], output], left):
        np.testing.assert_array_equal(after, before)
    assert not any(each.any() for each in grown)


def test_a_layer_too_small_to_lose_anything_rests():
    tiny = np.zeros((40, 40), dtype=bool)
    tiny[0, :2] = True  # a fraction of 0.3 is nothing
    rule = CHT(early_stop=0.9, chain_removal=False)
    _rewire(rule, _layers([_two_blocks(), tiny, np.ones((3, 40), dtype=bool)]))
    assert set(rule._resting) == {0, 1}


def test_no_layer_rests_if_it_may_not():
    rule = CHT(early_stop=1)
    _rewire(rule, _layers([_two_blocks()] * 2))
    assert not rule._resting


def _shares(rule, layer, n_draws=3000):
    """How often each cell is connected in the end, and what is left how often."""
    stays, begins = np.zeros((2, layer.n_neurons, layer.n_inputs))
    for _ in range(n_draws):
        [left], [grown] = _rewire(rule, [layer])
        stays, begins = stays + left, begins + grown
    return stays / n_draws, begins / n_draws


def _chances(numbers, n):
    """Chance of each to be among `n` drawn one after the other, without replacement."""
    if not n:
        return np.zeros(len(numbers))
    first, chances = numbers / numbers.sum(), np.zeros(len(numbers))
    for i in np.flatnonzero(numbers):
        others = np.where(np.arange(len(numbers)) == i, 0, numbers)
        chances += first[i] * _chances(others, n - 1)
        chances[i] += first[i]
    return chances


@pytest.mark.parametrize("removal", ["magnitude", "relative_importance"])
@pytest.mark.parametrize("progress, exponent", [(0, 1), (5, 3), (10, 5)])
def test_chts_draws_what_stays_by_a_power_of_its_score(removal, progress, exponent):
    # Two connections of six go; where all cells are taken, they cannot come back.
    mask = np.array([[1, 1, 0, 1], [1, 1, 1, 0]], dtype=bool)
    weights = np.array([0.3, -0.5, 1, 0.8, 0.6, -0.7])
    layer = layer_of(mask, weights, zeta=0.34)
    layer.clock = TrainingClock(progress, 10, 100, 100)
    scores = np.abs(weights)
    if removal == "relative_importance":
        dense = _dense(layer, scores)
        share = dense / dense.sum(axis=0) + dense / dense.sum(axis=1, keepdims=True)
        scores = share[mask]
    rule = CHTs(removal, last_exponent=5)
    drawn = np.zeros(6)
    for _ in range(4000):
        layer.n_to_prune = 2
        drawn += ~rule.prune(layer)
    np.testing.assert_allclose(drawn / 4000, _chances(scores**exponent, 4), atol=0.04)


def test_chts_draws_where_connections_begin_by_paths():
    rng = np.random.default_rng(3)
    mask = rng.random((5, 5)) < 0.5
    layer, gone = layer_of(mask), np.zeros(mask.sum(), dtype=bool)
    scores = np.nan_to_num(scores_of_paths(mask)[0]).ravel()
    drawn = np.zeros(25)
    for _ in range(4000):
        drawn[CHTs().choose(layer, gone, 2)] += 1
    np.testing.assert_allclose(drawn / 4000, _chances(scores, 2), atol=0.04)
    assert np.count_nonzero(np.unique(scores)) > 3


def test_chance_connects_where_no_path_leads():
    layer = layer_of(np.eye(30, dtype=bool))
    begun = {tuple(np.argwhere(_rewire(CHT(), [layer])[1][0])[0]) for _ in range(5)}
    assert len(begun) > 1


def test_the_density_falls_as_the_schedule_says():
    rule = CHTs(fraction=Sigmoid(last=0.2, end=0.8))
    masks = _masks([60, 80, 80, 4], 0.2)
    first = [np.count_nonzero(mask) for mask in masks]
    for epoch in (1, 4, 7, 8, 10):
        layers = _layers(masks, clock=TrainingClock(epoch, 10, 100, 100))
        left, grown = _rewire(rule, layers)
        masks = [a | b for a, b in zip(left, grown)]
        fraction = Sigmoid(last=0.2, end=0.8)(epoch / 10)
        expected = [round(fraction * n) for n in first[:2]] + first[2:]
        assert [np.count_nonzero(mask) for mask in masks] == expected
    assert expected[0] == round(0.2 * first[0])
