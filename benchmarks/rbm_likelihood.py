"""Log-likelihood of binarised MNIST under sparse Boltzmann machines, and their degrees.

500 hidden neurons, `epsilon=11`, mini-batches of 100, 30 epochs at a learning rate of
0.03, by persistent contrastive divergence. SET against the same density without
rewiring, random (Erdős–Rényi) or scale-free and small-world (XBM), and a dense machine.
The likelihood of the 10,000 test images is estimated by annealed importance sampling::

    python benchmarks/rbm_likelihood.py --models SET static XBM --json FILE
    python benchmarks/rbm_likelihood.py --models dense --seeds 0 --temperatures 20000

The dispersion of the visible degrees, their variance over their mean, is about 1 in a
random graph; the greater it is, the heavier is the tail. Results are added to those in
the file of ``--json``.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter

import numpy as np
from common import load_mnist, write_lines

from sklearn_sparse_nn import SETRBMTransformer

COMMON = dict(batch_size=100, n_iter=30, learning_rate=0.03, n_jobs=2)
MODELS = {
    "SET": {},
    "static": dict(evolution="static"),
    "XBM": dict(topology="xbm", evolution="static"),
    "XBM, then SET": dict(topology="xbm"),
    "dense": dict(topology="dense", evolution="static", learning_rate=0.01),
}


def dispersion(model):
    degrees = model.visible_degree_
    return float(degrees.var() / degrees.mean())


def judge(name, seed, X, X_test, n_temperatures):
    """Train one machine; its likelihood, standard error, dispersion and seconds."""
    model = SETRBMTransformer(500, random_state=seed, **(COMMON | MODELS[name]))
    start = perf_counter()
    model.fit(X)
    seconds = perf_counter() - start
    scores, error = model.log_likelihood(X_test, n_temperatures=n_temperatures)
    likelihood = float(scores.mean())
    print(
        f"{name:>13}, seed {seed}: {likelihood:.1f} ± {error:.2f} nats, "
        f"dispersion {dispersion(model):.1f}, {model.n_connections_:,} connections, "
        f"{seconds:.0f} s",
        flush=True,
    )
    return likelihood, float(error), dispersion(model), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--temperatures", type=int, default=5000)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    arguments = parser.parse_args()
    X, _, X_test, _ = load_mnist()
    X, X_test = ((images > 0.5).astype(np.float32) for images in (X, X_test))
    results = {}
    for name in arguments.models:
        results[name] = [
            judge(name, seed, X, X_test, arguments.temperatures)
            for seed in arguments.seeds
        ]
        likelihoods, errors, dispersions, seconds = np.transpose(results[name])
        print(
            f"{name:>13}: {likelihoods.mean():.1f} ± {likelihoods.std():.1f}, largest "
            f"standard error {errors.max():.2f}, dispersion {dispersions.mean():.1f}, "
            f"{np.median(seconds):.0f} s",
            flush=True,
        )
    path = arguments.json
    if path:
        before = json.loads(path.read_text())["results"] if path.exists() else {}
        write_lines(path, before | results)


if __name__ == "__main__":
    main()
