"""GraNet against a dense twin."""

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import Constant, GraNet, choosing
from tests.evolution.seen import ask, seen_layer


def _layers(epoch, density, shapes, zeta=0.5):
    """Layers after some of 10 epochs, and their dense weights, masks and gradients."""
    seen = [
        seen_layer(shape, density, index, index, epoch, zeta, n_layers=len(shapes))
        for index, shape in enumerate(shapes)
    ]
    return [layer for layer, *_ in seen], [dense for _, *dense in seen]


def _twin(dense, uniform, fraction, share):
    """Connections after pruning and neuroregeneration, by sorting all cells."""
    masks = [mask for mask, *_ in dense]
    if uniform:
        left = [round(fraction * mask.sum()) for mask in masks]
    else:
        magnitudes = np.concatenate([np.abs(w[mask]) for mask, w, _ in dense])
        least = np.sort(magnitudes)[-round(fraction * len(magnitudes))]
        left = [(np.abs(w[mask]) >= least).sum() for mask, w, _ in dense]
    after = []
    for n, (mask, weights, gradient) in zip(left, dense):
        n_new = int(share * n)
        scores = np.where(mask, np.abs(weights), -1)
        stays = np.zeros(mask.shape, dtype=bool)
        stays.flat[np.argsort(-scores, axis=None)[: n - n_new]] = True
        slopes = np.where(stays, -1, np.abs(gradient))
        now = stays.copy()
        now.flat[np.argsort(-slopes, axis=None)[:n_new]] = True
        after.append(now)
    return after


@pytest.mark.parametrize("distribution", ["global", "uniform"])
@pytest.mark.parametrize("density", [0.3, 1.0])
@pytest.mark.parametrize("epoch", [1, 4, 8])
@pytest.mark.parametrize(
    "shapes", [((30, 20), (10, 30), (4, 10)), ((150, 120), (40, 150))]
)
def test_the_network_is_as_by_the_twin(
    monkeypatch, distribution, density, epoch, shapes
):
    monkeypatch.setattr(choosing, "_CELLS", 999)
    layers, dense = _layers(epoch, density, shapes)
    goes, grows = ask(GraNet(0.3, distribution), layers)
    fraction = 0.3 + 0.7 * max(0, 1 - epoch / 7) ** 3
    share = 0.5 * (1 + np.cos(np.pi * epoch / 10)) / 2
    expected = _twin(dense, distribution == "uniform", fraction, share)
    assert grows[0].any()
    for (mask, *_), gone, grown, now in zip(dense, goes, grows, expected):
        assert not (grown & mask & ~gone).any()
        np.testing.assert_array_equal((mask & ~gone) | grown, now)


def test_what_has_just_gone_may_begin_again_at_zero():
    (layer,), _ = _layers(4, 1.0, ((30, 20),))
    (gone,), (grown,) = ask(GraNet(1.0), [layer])
    np.testing.assert_array_equal(gone, grown)
    layer, mask, *_ = seen_layer((30, 20), 0.3, epoch=4, zeta=0.9)
    (gone,), (grown,) = ask(GraNet(1.0), [layer])
    assert (gone & grown).any() and (grown & ~mask).any()
    cells = np.flatnonzero(grown)
    assert not GraNet().new_weights(layer, cells).any()


def test_it_replaces_more_while_the_schedule_is_higher():
    replaced = {}
    for schedule in ("constant", "cosine", "cubic"):
        layer, *_ = seen_layer((40, 30), 0.3, epoch=8)
        _, (grown,) = ask(GraNet(schedule=schedule), [layer])
        replaced[schedule] = grown.sum()
    assert replaced["constant"] > replaced["cosine"] > replaced["cubic"] == 0


@pytest.mark.parametrize(
    "rule, message",
    [
        (GraNet(0.0), "'final_fraction' parameter of GraNet"),
        (GraNet(schedule="fast"), "'schedule' parameter of GraNet"),
        (GraNet(begin=0.8), "must begin before it ends"),
    ],
)
def test_wrong_parameters_are_named(rule, message):
    with pytest.raises(InvalidParameterError, match=message):
        SETClassifier(evolution=rule).fit(np.eye(4), [0, 1, 0, 1])


def test_a_schedule_above_one_replaces_all():
    (layer,), _ = _layers(1, 0.3, [(30, 20)])
    rule = GraNet(1.0, schedule=Constant(3))
    (gone,), (grown,) = ask(rule, [layer])
    assert gone.sum() == grown.sum() == layer.n_connections
