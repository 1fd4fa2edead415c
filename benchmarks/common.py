"""What the benchmarks share: timing in turns, tables, the machine, MNIST.

Times on a shared machine drift by more than what is measured. So whatever is compared
runs in turns within one session, and what counts is the ratio within each round: its
median, with the least and the greatest ratio as the spread.
"""

import argparse
import json
import os
import platform
import subprocess
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from statistics import median

import numpy as np

PACKAGES = ("numpy", "scipy", "numba", "scikit-learn", "torch", "sparselab")


def argument_parser(docstring, n_rounds):
    """A parser with the options of every benchmark."""
    parser = argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=n_rounds, help="%(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write results here")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw them here")
    return parser


def describe_machine():
    """What a reader needs to know to repeat the measurement, as a dict."""
    return {
        "commit": commit(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "os": platform.platform(),
        "python": platform.python_version(),
        **versions(),
    }


@cache  # what changes while a script runs is not what it measures
def commit(checkout=Path(__file__).parent.parent):
    """The commit of a checkout, with a + if files have changed since; None elsewhere.

    Results do not count as a change: scripts write them while they run.
    """
    if not (checkout / ".git").exists():
        return None
    try:
        name = _git(checkout, "rev-parse", "--short", "HEAD")
        others = ":/", ":(top,exclude)benchmarks/results"
        changes = _git(checkout, "status", "--porcelain", "--", *others)
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{name}+" if changes else name


def _git(checkout, *words):
    found = subprocess.run(
        ["git", *words], cwd=checkout, check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def _cpu_model():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    model = {key.strip(): value.strip() for key, value in fields.items()}
    name = model.get("model name", platform.machine())
    flags = model.get("flags", "").split()
    widest = next((f for f in ("avx512f", "avx2", "avx") if f in flags), None)
    return f"{name} ({widest})" if widest else name


def versions():
    """Versions of the packages that this interpreter has; none is imported."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def stopwatch(function, n_calls=1):
    """A function that calls another `n_calls` times and returns seconds per call."""

    def timed():
        start = time.perf_counter()
        for _ in range(n_calls):
            function()
        return (time.perf_counter() - start) / n_calls

    return timed


def interleave(functions, n_rounds, pause=0):
    """Run functions in turns.

    Parameters
    ----------
    functions : dict of str to callable
        Each returns the seconds that it measured: see `stopwatch`.
    n_rounds : int
        How often each runs. The order turns by one from round to round, so that no
        function always follows the same other.
    pause : float
        Seconds of rest before each: OpenMP threads spin for a while after their work.

    Returns
    -------
    seconds : dict of str to list of float
    """
    names = list(functions)
    seconds = {name: [] for name in names}
    for turn in range(n_rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            time.sleep(pause)
            seconds[name].append(functions[name]())
    return seconds


def rest(seconds):
    """Sleep; return the share of the machine that others keep busy meanwhile.

    None where there is no /proc/stat. A quiet machine matters most to OpenMP programs:
    a thread that loses its core lets all others spin at the end of each loop, and two
    threads may run 10 times as slow as one.
    """
    before = _processor_ticks()
    time.sleep(seconds)
    after = _processor_ticks()
    if before is None or after[0] == before[0]:
        return None
    return (after[1] - before[1]) / (after[0] - before[0])


def _processor_ticks():
    """Ticks of all cores since the start: (all, busy)."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0]
    except OSError:
        return None
    ticks = [int(cell) for cell in first.split()[1:9]]
    return sum(ticks), sum(ticks) - ticks[3] - ticks[4]  # idle, waiting for a disk


def class_targets(labels):
    """Targets of a softmax output of ours: the class of each sample."""
    from sklearn_sparse_nn.networks.mlp import Targets

    no_values, no_weights = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
    return Targets(labels.astype(np.int32), no_values, no_weights)


def spread(values):
    """Median, least and greatest of the values."""
    return median(values), min(values), max(values)


def ratio(numerators, denominators):
    """Ratio of two series of interleaved times: (median, least, greatest)."""
    return spread([a / b for a, b in zip(numerators, denominators, strict=True)])


def format_ratio(spread):
    """A ratio and its spread for people."""
    middle, least, greatest = spread
    return f"{middle:.2f} ({least:.2f} to {greatest:.2f})"


def print_table(headings, rows):
    """Print rows of strings in columns: the first to the left, others to the right."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, ["-" * width for width in widths], *rows):
        first, *others = [
            cell.ljust(width) if not i else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join([first, *others]).rstrip())


def print_means(results, quantity, n_digits):
    """Print a row for each name: the mean over the seeds, and their deviation."""
    rows = [
        [name, f"{np.mean(found):.{n_digits}f} ± {np.std(found):.{n_digits}f}"]
        for name, found in results.items()
    ]
    print_table(["", quantity], rows)


def report(machine, results, args, draw=None):
    """Print the machine; write all to the file of `--json`, draw it in `--figure`.

    `draw` takes the results as they are read from JSON, where keys are strings, and
    returns a matplotlib figure. `figures.py` calls it again for the documentation.
    """
    print("\n" + ", ".join(f"{key} {value}" for key, value in machine.items()))
    options = ("json", "figure")
    parameters = {k: v for k, v in vars(args).items() if k not in options}
    content = {"machine": machine, "parameters": parameters, "results": results}
    text = json.dumps(content, indent=1, default=str) + "\n"
    if args.json is not None:
        args.json.write_text(text)
    if args.figure is not None and draw is not None:
        draw(json.loads(text)["results"]).savefig(args.figure, dpi=120)


def key_of(*job):
    """The name of a job of `run_missing` in its file."""
    return "|".join(map(str, job))


def run_missing(run, jobs, path, n_processes):
    """Run jobs whose results are not in a file yet, and add each to it at once.

    Parameters
    ----------
    run : callable
        Takes what a job consists of, returns a dict.
    jobs : iterable of tuple
    path : Path or None
        If None, or if there is no such file, all jobs run.
    n_processes : int

    Returns
    -------
    results : dict of str to dict
        All of the file and of the jobs, by `key_of`.
    """
    from joblib import Parallel, delayed

    results = {}
    if path and path.exists():
        results = json.loads(path.read_text())["results"]
    missing = [job for job in jobs if key_of(*job) not in results]
    found = Parallel(n_jobs=n_processes, return_as="generator")(
        delayed(run)(*job) for job in missing
    )
    for job, result in zip(missing, found, strict=True):
        results[key_of(*job)] = result
        if path:
            write_lines(path, results)
    return results


def write_lines(path, results):
    """Write results as JSON, a line for each; name all commits that some are of."""
    machine = describe_machine()
    if path.exists():
        before = json.loads(path.read_text())["machine"].get("commit", "not known")
        commits = [*str(before).split(", "), str(machine["commit"])]
        machine["commit"] = ", ".join(dict.fromkeys(commits))
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(r)}" for k, r in results.items())
    head = f'{{"machine": {json.dumps(machine)},\n"results": {{\n'
    path.write_text(f"{head}{lines}\n}}}}\n")


def draw_ratios(results, title, key="times_ours"):
    """Bars of how many times as long as ours each side takes, with their spread.

    `results` maps a label to a dict that has (median, least, greatest) under `key`.
    """
    spreads = {label: result[key] for label, result in results.items()}
    figure = draw_spreads(spreads, title, "times ours")
    figure.axes[0].axvline(1, color="0.4", linestyle="--", linewidth=1)
    return figure


def draw_spreads(spreads, title, xlabel):
    """Bars of (median, least, greatest) for each label."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(
        figsize=(7, 0.8 + 0.35 * len(spreads)), layout="constrained"
    )
    middle, least, greatest = np.transpose(list(spreads.values()))
    errors = [middle - least, greatest - middle]
    bars = ax.barh(list(spreads), middle, xerr=errors, color="C0", ecolor="0.4")
    ax.bar_label(bars, [f"{m:.2f}" for m in middle], padding=4)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(title=title, xlabel=xlabel)
    return figure


def load_mnist():
    """MNIST, pixels between 0 and 1.

    It is read from `mnist.npz` in the folder that the environment variable
    SPARSE_NN_DATA names (uint8 arrays x_train, y_train, x_test, y_test), and otherwise
    fetched from OpenML.

    Returns
    -------
    X_train, y_train, X_test, y_test : ndarray
        float32 of shape (60000, 784), int64 of shape (60000,), and 10,000 of the same.
    """
    folder = os.environ.get("SPARSE_NN_DATA")
    if folder:
        with np.load(Path(folder) / "mnist.npz") as data:
            X = np.concatenate([data["x_train"], data["x_test"]])
            y = np.concatenate([data["y_train"], data["y_test"]])
    else:
        from sklearn.datasets import fetch_openml

        X, y = fetch_openml(
            "mnist_784", version=1, as_frame=False, return_X_y=True, parser="auto"
        )
    X = X.reshape(len(X), -1).astype(np.float32) / np.float32(255)
    y = y.astype(np.int64)
    return X[:60000], y[:60000], X[60000:], y[60000:]
