"""All evolution rules, at several densities, on the same number of weight updates.

Two hidden layers of 1,000 neurons, of the given density, and a dense output layer that
stays; Adam with the default learning rate. A rule rewires forty times in a fit (ITOP
ten times, DEEP R each ten updates), and replaces the fraction 0.3, DSR 0.05, if it does
not say itself how much. Rules that prune begin five times as dense, Top-KAST twice, and
all end at the density that is named. Images have their own test samples, the other sets
stratified splits of 80 and 20 percent, one for each seed::

    SPARSE_NN_DATA=data python benchmarks/rules.py --json benchmarks/results/rules.json

Results are added to those in the file, so that it can be stopped and go on. Seconds are
those of the processor. FLOPs are nominal, as a share of those of the dense network, and
R_s is the share of all connections that were ever there.
"""

import argparse
import os
import warnings
from itertools import product
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
from common import key_of, print_table, run_missing
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import EVOLUTIONS, DeepR, RigL
from sklearn_sparse_nn.inspection import TopologyMonitor, count_flops, exploration_rate

DENSITIES = 0.005, 0.01, 0.02, 0.05, 0.1
N_REWIRINGS, HIDDEN = 40, (1000, 1000)


class Task(NamedTuple):
    """How long to train on a data set, and on mini-batches of how many samples."""

    n_updates: int
    batch_size: int


DATA = {
    "mnist": Task(4000, 128),
    "fashion_mnist": Task(4000, 128),
    "isolet": Task(4000, 64),
    "madelon": Task(4000, 64),
    "allaml": Task(1000, 32),
    "tox_171": Task(1000, 32),
}
# Rules for other kinds of networks, or that select features.
_OTHERS = {"wast", "neurofs"}
RULES = {name: EVOLUTIONS[name]() for name in EVOLUTIONS if name not in _OTHERS}
RULES |= {"rigl, 10 candidates": RigL(candidates=10), "deepr": DeepR(interval=10)}
_SHRINKING = 5
_REWIRINGS = {"itop": 10}
_ZETA = {"dsr": 0.05}
# What falls asleep there is to wake again.
_WAKES = {"deepr"}


def load(name, seed):
    """Training and test samples, standardised, and their classes."""
    archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name}.npz")
    if "X" in archive:
        X, y = archive["X"].astype(np.float32), archive["y"]
        parts = train_test_split(X, y, test_size=0.2, stratify=y, random_state=seed)
    else:
        parts = [
            *(archive[f"x_{p}"].reshape(-1, 784) for p in ("train", "test")),
            *(archive[f"y_{p}"] for p in ("train", "test")),
        ]
        parts[:2] = (X.astype(np.float32) for X in parts[:2])
    scaler = StandardScaler(copy=False)
    return scaler.fit_transform(parts[0]), scaler.transform(parts[1]), *parts[2:]


def classifier(name, task, density, n_samples):
    """A network with a rule, to be trained for as many updates as the task has."""
    rule = clone(RULES[name])
    if name not in ("static", "deepr") and "interval" in rule.get_params():
        n_rewirings = _REWIRINGS.get(name, N_REWIRINGS)
        rule.set_params(interval=task.n_updates // n_rewirings)
    if "output_layer" in rule.get_params() and name not in _WAKES:
        rule.set_params(output_layer=False)
    shrinks = "final_fraction" in rule.get_params()
    if shrinks:
        rule.set_params(final_fraction=1 / _SHRINKING)
    more = _SHRINKING if shrinks else 2 if name == "topkast" else 1
    hidden = min(1.0, density * more)
    epoch = -(-n_samples // task.batch_size)
    return SETClassifier(
        HIDDEN,
        density=[hidden] * len(HIDDEN) + [1.0],
        evolution=rule,
        zeta=_ZETA.get(name, 0.3),
        batch_size=min(task.batch_size, n_samples),
        max_iter=-(-task.n_updates // epoch),
        tol=0,
        n_iter_no_change=np.inf,
    )


def run(data, rule, density, seed):
    """Train and judge one network."""
    X, X_test, y, y_test = load(data, seed)
    model = classifier(rule, DATA[data], density, len(X)).set_params(random_state=seed)
    monitor = TopologyMonitor()
    model.set_callbacks(monitor)
    start = process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    seconds = process_time() - start
    flops = count_flops(model, history=monitor)
    n_cells = sum(np.prod(each.shape) for each in model.coefs_[:-1])
    return {
        "accuracy": model.score(X_test, y_test),
        "seconds": round(seconds, 3),
        "flops": round(flops.training / flops.dense_training, 5),
        "explored": round(float(exploration_rate(monitor)[-1]), 5),
        "density": round(float(sum(model.n_connections_[:-1]) / n_cells), 5),
    }


def print_results(results, data):
    """Per data set, what each rule comes to at each density; then the differences."""
    for quantity in ("accuracy", "seconds", "flops", "explored"):
        print(f"\n{data}: {quantity}\n")
        rows = []
        for rule in RULES:
            cells = [_cell(results, data, rule, d, quantity) for d in DENSITIES]
            rows.append([rule, *cells])
        print_table(["", *map(str, DENSITIES)], rows)
    for other in ("set", "static"):
        print(f"\n{data}: accuracy minus that of {other}, and its standard error\n")
        rows = [
            [rule, *(_difference(results, data, rule, other, d) for d in DENSITIES)]
            for rule in RULES
            if rule != other
        ]
        print_table(["", *map(str, DENSITIES)], rows)


def print_summary(results, data):
    """Differences to two rules, the mean over data sets and its standard error."""
    for other in ("set", "static"):
        print(f"\nall: accuracy minus that of {other}, and its standard error\n")
        rows = []
        for rule in RULES:
            cells = [_mean_difference(results, data, rule, other, d) for d in DENSITIES]
            rows.append([rule, *cells])
        print_table(["", *map(str, DENSITIES)], rows)


def _mean_difference(results, data, rule, other, density):
    found = [_differences(results, name, rule, other, density) for name in data]
    means = np.array([each.mean() for each in found if len(each)])
    if len(means) < len(data):
        return ""  # it was left out somewhere
    error = means.std(ddof=1) / np.sqrt(len(means))
    return f"{means.mean():+.3f} ± {error:.3f}"


def _values(results, data, rule, density, quantity):
    """By the seed."""
    start = key_of(data, rule, density, "")
    return {
        key.removeprefix(start): result[quantity]
        for key, result in results.items()
        if key.startswith(start) and quantity in result
    }


def _cell(results, data, rule, density, quantity):
    values = list(_values(results, data, rule, density, quantity).values())
    if quantity == "seconds":  # the first fit of all compiles
        return f"{np.median(values):.1f}" if values else ""
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}" if values else ""


def _differences(results, data, rule, other, density):
    one, two = (_values(results, data, r, density, "accuracy") for r in (rule, other))
    return np.array([one[seed] - two[seed] for seed in one if seed in two])


def _difference(results, data, rule, other, density):
    difference = _differences(results, data, rule, other, density)
    if len(difference) < 2:
        return ""
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return f"{difference.mean():+.3f} ± {error:.3f}"


def draw(results):
    """Accuracy over density, a panel for each data set; also for the documentation."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, 3, figsize=(10, 6.5), layout="constrained", sharex=True
    )
    styles = product(["-", "--"], plt.get_cmap("tab10").colors)
    style_of = dict(zip(RULES, styles))
    for ax, data in zip(axes.flat, DATA):
        for rule, (line, color) in style_of.items():
            found = {d: _values(results, data, rule, d, "accuracy") for d in DENSITIES}
            means = {d: np.mean([*v.values()]) for d, v in found.items() if v}
            ax.plot([*means], [*means.values()], line, color=color, label=rule)
        ax.set(title=data, xscale="log")
        ax.set_xticks(DENSITIES, [f"{100 * d:g} %" for d in DENSITIES])
        ax.minorticks_off()
    figure.supxlabel("density")
    figure.supylabel("accuracy")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right")
    return figure


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(DATA))
    parser.add_argument("--rules", nargs="+", default=list(RULES))
    parser.add_argument("--densities", nargs="+", type=float, default=DENSITIES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    arguments = parser.parse_args()
    wanted = product(
        arguments.seeds, arguments.data, arguments.densities, arguments.rules
    )
    jobs = [(data, rule, density, seed) for seed, data, density, rule in wanted]
    results = run_missing(run, jobs, arguments.json, arguments.processes)
    for data in arguments.data:
        print_results(results, data)
    if len(arguments.data) > 1:
        print_summary(results, arguments.data)


if __name__ == "__main__":
    main()
