"""The panel: many data sets, half of them to choose defaults on, half to report.

Data sets of a kind went to the halves in turns, before anything was measured on them;
those of one source, such as two versions of the leukemia data, are in the same half.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn import datasets


class Set(NamedTuple):
    """A data set: how to get it, in which half it is, and whether y is a number."""

    load: callable
    half: str  # "choose" or "report"
    regression: bool = False


def _shipped(load):
    return lambda: load(return_X_y=True)


def _local(name, n_samples=None):
    """A data set of the folder SPARSE_NN_DATA; of a large one, some samples."""

    def load():
        archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name}.npz")
        if "X" in archive:
            X, y = archive["X"], archive["y"]
        else:
            X, y = archive["x_train"].reshape(-1, 784), archive["y_train"]
        if n_samples:
            rows = np.random.default_rng(0).choice(len(y), n_samples, replace=False)
            X, y = X[rows], y[rows]
        return X.astype(np.float32), y

    return load


def _one_feature(load):
    """A regression: the feature of largest variance, from all others."""

    def load_feature():
        X, _ = load()
        target = X.astype(np.float64).var(axis=0).argmax()
        return np.delete(X, target, axis=1), X[:, target].astype(np.float64)

    return load_feature


def _made(make, *args, **kwargs):
    return lambda: make(*args, **kwargs)[:2]


def _shifted_genes(n_samples, n_features, n_informative, shift, seed):
    """Two classes that differ in the mean of few of very many features."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n_samples, n_features)), np.arange(n_samples) % 2
    X[:, :n_informative] += shift * (2 * y[:, np.newaxis] - 1)
    return X, y


def _blocks(n_samples, n_blocks, size, correlation, seed):
    """Blocks of correlated features; the classes depend on the first blocks."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n_samples, n_blocks))
    noise = rng.standard_normal((n_samples, n_blocks, size))
    shared = np.sqrt(correlation) * factors[:, :, np.newaxis]
    X = shared + np.sqrt(1 - correlation) * noise
    score = factors[:, 0] + factors[:, 1] - factors[:, 2] + 0.3 * noise[:, 0, 0]
    return X.reshape(n_samples, -1), (score > 0).astype(int)


def _correlated_numbers(n_samples, n_features, n_factors, seed):
    """A number that depends on few factors, which all features show with noise."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n_samples, n_factors))
    X = factors @ rng.standard_normal((n_factors, n_features))
    X += 2 * rng.standard_normal(X.shape)
    return X, factors[:, 0] + np.abs(factors[:, 1]) + 0.3 * rng.standard_normal(len(X))


_classes, _numbers = datasets.make_classification, datasets.make_regression

PANEL = {
    # Real tables, images, text and speech.
    "cancer": Set(_shipped(datasets.load_breast_cancer), "choose"),
    "wine": Set(_shipped(datasets.load_wine), "report"),
    "iris": Set(_shipped(datasets.load_iris), "choose"),
    "coil20": Set(_local("coil20"), "choose"),
    "digits": Set(_shipped(datasets.load_digits), "report"),
    "fashion": Set(_local("fashion_mnist", 2000), "choose"),
    "mnist": Set(_local("mnist", 2000), "report"),
    "isolet": Set(_local("isolet"), "choose"),
    "madelon": Set(_local("madelon"), "report"),
    "pcmac": Set(_local("pcmac"), "choose"),
    # Microarrays.
    "colon": Set(_local("colon"), "choose"),
    "allaml": Set(_local("allaml"), "report"),
    "glioma": Set(_local("glioma"), "choose"),
    "leukemia": Set(_local("leukemia"), "report"),
    "prostate_ge": Set(_local("prostate_ge"), "choose"),
    "tox_171": Set(_local("tox_171"), "report"),
    # Classes of known structure.
    "noise_600": Set(
        _made(_classes, 600, 200, n_informative=10, n_redundant=10, random_state=0),
        "choose",
    ),
    "noise_1000": Set(
        _made(_classes, 1000, 100, n_informative=8, n_redundant=4, random_state=1),
        "report",
    ),
    "genes_100": Set(_made(_shifted_genes, 100, 3000, 30, 0.4, seed=0), "choose"),
    "genes_150": Set(_made(_shifted_genes, 150, 5000, 40, 0.35, seed=1), "report"),
    "blocks_120": Set(_made(_blocks, 120, 100, 20, 0.7, seed=0), "choose"),
    "blocks_200": Set(_made(_blocks, 200, 50, 20, 0.5, seed=1), "report"),
    "classes_1000": Set(
        _made(
            _classes,
            1000,
            50,
            n_informative=20,
            n_redundant=10,
            n_classes=20,
            n_clusters_per_class=1,
            random_state=0,
        ),
        "choose",
    ),
    "classes_2000": Set(
        _made(
            _classes,
            2000,
            100,
            n_informative=15,
            n_redundant=20,
            n_classes=20,
            n_clusters_per_class=1,
            class_sep=1.5,
            random_state=1,
        ),
        "report",
    ),
    "imbalance_1000": Set(
        _made(_classes, 1000, 40, n_informative=8, weights=[0.9], random_state=0),
        "choose",
    ),
    "imbalance_2000": Set(
        _made(_classes, 2000, 30, n_informative=6, weights=[0.93], random_state=1),
        "report",
    ),
    "quantiles_1000": Set(
        _made(
            datasets.make_gaussian_quantiles,
            n_samples=1000,
            n_features=10,
            n_classes=3,
            random_state=0,
        ),
        "choose",
    ),
    "hastie_1500": Set(
        _made(datasets.make_hastie_10_2, 1500, random_state=1), "report"
    ),
    "table_5000": Set(
        _made(_classes, 5000, 40, n_informative=12, flip_y=0.05, random_state=0),
        "choose",
    ),
    "table_4000": Set(
        _made(
            _classes,
            4000,
            25,
            n_informative=10,
            n_clusters_per_class=3,
            flip_y=0.02,
            random_state=1,
        ),
        "report",
    ),
    # Numbers.
    "iris_length": Set(_one_feature(_shipped(datasets.load_iris)), "choose", True),
    "diabetes": Set(_shipped(datasets.load_diabetes), "report", True),
    "prostate_gene": Set(_one_feature(_local("prostate_ge")), "choose", True),
    "allaml_gene": Set(_one_feature(_local("allaml")), "report", True),
    "isolet_feature": Set(_one_feature(_local("isolet")), "choose", True),
    "wine_proline": Set(_one_feature(_shipped(datasets.load_wine)), "report", True),
    "friedman1_600": Set(
        _made(datasets.make_friedman1, 600, 20, noise=1, random_state=0), "choose", True
    ),
    "friedman1_300": Set(
        _made(datasets.make_friedman1, 300, 50, noise=1, random_state=1), "report", True
    ),
    "friedman3_500": Set(
        _made(datasets.make_friedman3, 500, noise=0.1, random_state=0), "choose", True
    ),
    "friedman2_400": Set(
        _made(datasets.make_friedman2, 400, noise=20, random_state=1), "report", True
    ),
    "linear_150": Set(
        _made(_numbers, 150, 2000, n_informative=20, noise=10, random_state=0),
        "choose",
        True,
    ),
    "linear_120": Set(
        _made(_numbers, 120, 3000, n_informative=10, noise=10, random_state=1),
        "report",
        True,
    ),
    "factors_200": Set(_made(_correlated_numbers, 200, 500, 5, seed=0), "choose", True),
    "factors_300": Set(
        _made(_correlated_numbers, 300, 1000, 8, seed=1), "report", True
    ),
    "table_numbers_3000": Set(
        _made(datasets.make_friedman1, 3000, 15, noise=1, random_state=2),
        "choose",
        True,
    ),
    "table_numbers_2000": Set(
        _made(_numbers, 2000, 30, n_informative=15, noise=20, random_state=3),
        "report",
        True,
    ),
}


def here(name):
    """Whether this machine has a data set."""
    try:
        PANEL[name].load()
    except (KeyError, FileNotFoundError):
        return False
    return True
