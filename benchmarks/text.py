"""An epoch on sparse text, ours against scikit-learn's, as the vocabulary grows.

Texts of 60 words each, drawn with the frequencies of a language (the word of rank r has
a share in proportion to 1 / (r + 10)), as a CSR matrix of float32: 3,000 texts in 20
classes. A network with two hidden layers of 1,000 neurons, mini-batches of 128, SGD
with momentum of 0.9; ours at epsilon=20 on one thread and on two, MLPClassifier with
all connections, which runs some of the batches of an epoch, scaled up. The vocabularies
are measured in turns.

A mini-batch of texts has a few thousand words, whatever the vocabulary: ours leaves the
connections of the others out.

    python benchmarks/text.py
    python benchmarks/text.py --words 3000 30000
"""

import warnings
from functools import partial
from itertools import product
from statistics import median
from time import perf_counter

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    format_ratio,
    interleave,
    print_table,
    ratio,
    report,
)
from scipy import sparse
from sklearn.neural_network import MLPClassifier

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.networks.mlp import MLP, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

N_TEXTS, LENGTH, N_CLASSES = 3_000, 60, 20
HIDDEN, EPSILON, BATCH_SIZE, MOMENTUM, RATE = (1000, 1000), 20, 128, 0.9, 0.01
WORDS = (3_000, 10_000, 30_000, 100_000)
# Those that MLPClassifier runs of an epoch.
THEIR_BATCHES = 4


def texts(n_words):
    """Random texts; how often each word occurs in them, and their classes."""
    rng = np.random.default_rng(0)
    shares = 1 / (np.arange(n_words) + 10)
    words = rng.choice(n_words, (N_TEXTS, LENGTH), p=shares / shares.sum())
    rows = np.repeat(np.arange(N_TEXTS), LENGTH)
    counts = np.ones(N_TEXTS * LENGTH, dtype=np.float32)
    X = sparse.csr_array((counts, (rows, words.ravel())), shape=(N_TEXTS, n_words))
    return X, rng.integers(N_CLASSES, size=N_TEXTS)


def ours(n_words, n_threads):
    X, y = texts(n_words)
    sizes = [n_words, *HIDDEN, N_CLASSES]
    network = MLP(sizes, Start(ErdosRenyi(), EPSILON, seed=0), "relu", "softmax")
    network.reset_optimiser("sgd")
    parameters = TrainingParameters("sgd", RATE, BATCH_SIZE, momentum=MOMENTUM)
    targets, order = class_targets(y), np.random.default_rng(0).permutation(N_TEXTS)

    def epoch():
        start = perf_counter()
        with ThreadTeam(n_threads) as team:
            network.train_epoch(X, targets, order, parameters, team)
        return perf_counter() - start

    return epoch


def scikit_learn(n_words):
    X, y = texts(n_words)
    n_samples = THEIR_BATCHES * BATCH_SIZE
    model = MLPClassifier(
        HIDDEN,
        solver="sgd",
        momentum=MOMENTUM,
        learning_rate_init=RATE,
        batch_size=BATCH_SIZE,
        alpha=0.0,
        random_state=0,
    )
    # Its weights take the type of X at the first call, which also makes them.
    model.partial_fit(X[:BATCH_SIZE], y[:BATCH_SIZE], classes=np.arange(N_CLASSES))

    def epoch():
        start = perf_counter()
        model.partial_fit(X[:n_samples], y[:n_samples])
        return (perf_counter() - start) * N_TEXTS / n_samples

    return epoch


SIDES = {
    "ours, 1 thread": partial(ours, n_threads=1),
    "ours, 2 threads": partial(ours, n_threads=2),
    "MLPClassifier, 2 threads": scikit_learn,
}


def measure(args):
    settings = list(product(args.words, SIDES))
    epochs = {(n_words, side): SIDES[side](n_words) for n_words, side in settings}
    for epoch in epochs.values():
        epoch()  # compiles, and touches all memory
    seconds = interleave(epochs, args.rounds, args.pause)
    results = {}
    for n_words, side in settings:
        spread = ratio(seconds[n_words, side], seconds[n_words, "ours, 2 threads"])
        here = {"seconds": seconds[n_words, side], "times_ours": spread}
        results.setdefault(str(n_words), {})[side] = here
    return results


def print_results(results):
    rows = []
    for n_words, sides in results.items():
        for side, result in sides.items():
            times = format_ratio(result["times_ours"])
            rows.append([f"{int(n_words):,} words, {side}"])
            rows[-1] += [f"{median(result['seconds']):.3f}", times]
    print_table(["", "s per epoch", "times ours, 2 threads"], rows)


def draw(results):
    """A line for each side."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
    words = [int(n_words) for n_words in results]
    for side in SIDES:
        seconds = [sides[side]["seconds"] for sides in results.values()]
        (line,) = ax.plot(words, [median(s) for s in seconds], marker="o", label=side)
        least, greatest = [min(s) for s in seconds], [max(s) for s in seconds]
        ax.fill_between(words, least, greatest, color=line.get_color(), alpha=0.2)
    ax.set(xscale="log", yscale="log", xlabel="words", ylabel="s per epoch")
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small")
    ax.set_title("An epoch on 3,000 texts, two hidden layers of 1,000")
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=5)
    parser.add_argument("--words", type=int, nargs="+", default=WORDS)
    parser.add_argument("--pause", type=float, default=0.3, help="seconds of rest")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    results = measure(args)
    print_results(results)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
