from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.topology import (
    EVOLUTIONS,
    SET,
    EvolutionRule,
    EvolvingLayer,
    Static,
    TrainingClock,
)
from sklearn_sparse_nn.topology import set as set_module
from tests import naive


def _clock(epoch=1, max_epochs=10, updates_since_rewiring=100):
    return TrainingClock(epoch, max_epochs, 1000, updates_since_rewiring)


def _layer(mask, seed=0, zeta=0.3, weights=None):
    """A layer of shape (n_neurons, n_inputs) with random weights."""
    rng = np.random.default_rng(seed)
    n = int(mask.sum())
    return EvolvingLayer(
        indptr=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]),
        indices=np.nonzero(mask)[1].astype(np.uint32),
        weights=rng.normal(size=n).astype(np.float32) if weights is None else weights,
        index=0,
        n_inputs=mask.shape[1],
        zeta=zeta,
        clock=_clock(),
        gain=1.0,
        rng=rng,
        gradient=None,
    )


@st.composite
def layers(draw, max_density=1.0):
    shape = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    seed = draw(st.integers(0, 2**32))
    mask = np.random.default_rng(seed).random(shape) < draw(st.floats(0, max_density))
    zeta = draw(st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]))
    return mask, _layer(mask, seed, zeta)


@settings(deadline=None, max_examples=100)
@given(layers(max_density=0.5))
def test_set_prunes_each_sign_nearest_zero(mask_and_layer):
    _, layer = mask_and_layer
    assume(layer.zeta * layer.n_connections <= layer.n_empty_cells)
    expected = naive.set_pruned(layer.weights, layer.zeta)
    np.testing.assert_array_equal(SET().prune(layer), expected)


@settings(deadline=None, max_examples=50)
@given(layers(max_density=0.5), st.integers(1, 9), st.booleans())
def test_set_prunes_the_same_in_blocks(mask_and_layer, block, equal):
    _, layer = mask_and_layer
    layer = replace(layer, weights=np.sign(layer.weights) if equal else layer.weights)
    expected = SET().prune(layer)
    with patch.object(set_module, "_BLOCK", block):
        np.testing.assert_array_equal(SET().prune(layer), expected)


def test_set_prunes_the_fraction_zeta_of_each_sign():
    weights = np.float32([0.1, -5, 0.2, -6, 0.3, -7, 0.4, -8, 0.5, 0.6])
    mask = np.eye(10, dtype=bool)
    pruned = SET().prune(_layer(mask, zeta=0.5, weights=weights))
    np.testing.assert_array_equal(np.flatnonzero(pruned), [0, 1, 2, 3, 4])


def test_weights_of_zero_do_not_shield_those_of_either_sign():
    weights = np.repeat(np.float32([0, 1, -1]), 10) * np.tile(np.arange(1, 11), 3)
    layer = _layer(np.eye(30, dtype=bool), zeta=0.4, weights=np.float32(weights))
    pruned = SET().prune(layer).reshape(3, 10)
    assert pruned[0].sum() == 4
    np.testing.assert_array_equal(pruned[1], np.arange(10) < 4)
    np.testing.assert_array_equal(pruned[2], np.arange(10) < 4)


@pytest.mark.parametrize("shape", [(1, 1), (8, 1), (20, 30)])
def test_set_leaves_a_full_layer_alone(shape):
    layer = _layer(np.ones(shape, dtype=bool), zeta=0.5)
    assert not SET().prune(layer).any()


@settings(deadline=None, max_examples=100)
@given(layers())
def test_set_grows_as_many_as_it_prunes_where_there_was_nothing(mask_and_layer):
    mask, layer = mask_and_layer
    n_pruned = int(SET().prune(layer).sum())
    assert n_pruned <= layer.n_empty_cells
    cells = SET().grow(layer, n_pruned)
    assert len(cells) == n_pruned
    assert (np.diff(cells) > 0).all()
    assert not mask.ravel()[cells].any()


def test_set_prunes_a_nearly_full_layer_as_far_as_there_is_room():
    mask = np.ones((20, 20), dtype=bool)
    mask[:2] = False
    layer = _layer(mask, zeta=0.5)
    assert 38 <= SET().prune(layer).sum() <= 40


@pytest.mark.parametrize("min_updates", [1, 10, 100])
def test_set_waits_for_enough_updates(min_updates):
    rule = SET(min_updates)
    assert rule.is_due(_clock(updates_since_rewiring=min_updates))
    assert not rule.is_due(_clock(updates_since_rewiring=min_updates - 1))


@pytest.mark.parametrize("epoch, due", [(1, True), (9, True), (10, False)])
def test_set_does_not_rewire_after_the_last_epoch(epoch, due):
    assert SET().is_due(_clock(epoch, max_epochs=10)) == due


def test_set_rewires_without_a_last_epoch():
    assert SET().is_due(_clock(epoch=10, max_epochs=None))


@pytest.mark.parametrize("epoch", [1, 10, 11])
def test_static_is_never_due(epoch):
    assert not Static().is_due(_clock(epoch))


def test_the_base_rule_is_always_due_and_prunes_nothing():
    layer = _layer(np.eye(5, dtype=bool))
    rule = EvolutionRule()
    assert rule.is_due(_clock(epoch=10))
    pruned = rule.prune(layer)
    assert pruned.shape == (5,) and pruned.dtype == bool and not pruned.any()
    assert len(rule.grow(layer, 0)) == 0


def test_new_weights_suit_the_neuron_that_they_lead_to():
    mask = np.zeros((3, 100_000), dtype=bool)
    mask[0, :4], mask[1, :100] = True, True
    layer = _layer(mask)
    cells = np.setdiff1d(np.arange(mask.size), np.flatnonzero(mask))
    weights = EvolutionRule().new_weights(layer, cells)
    assert weights.dtype == np.float32
    for neuron, fan_in in enumerate([4, 100, 1]):  # the last has no connection yet
        variance = weights[cells // 100_000 == neuron].var(dtype=np.float64)
        assert abs(variance * fan_in - 1) < 0.03


@settings(deadline=None, max_examples=50)
@given(layers())
def test_a_layer_knows_its_cells(mask_and_layer):
    mask, layer = mask_and_layer
    np.testing.assert_array_equal(layer.cells, np.flatnonzero(mask))
    assert layer.n_neurons == mask.shape[0]
    assert layer.n_connections == mask.sum()
    assert layer.n_empty_cells == mask.size - mask.sum()


@pytest.mark.parametrize("name", EVOLUTIONS)
def test_names_stand_for_rules(name):
    assert isinstance(EVOLUTIONS[name](), EvolutionRule)
