"""The estimators out of the box, beside their peers, over a panel of data sets.

Every model follows a `StandardScaler`, with its default settings, and is judged by
repeated stratified cross-validation on the same folds: accuracy and log-loss of
classes, R² of numbers (whose targets are standardised for all), and seconds of a fit on
one thread. Differences are taken fold by fold::

    python benchmarks/panel.py --half report --json panel.json

Defaults are chosen on the other half. A variant names parameters that differ::

    python benchmarks/panel.py --half choose --models SET \\
        --variant "tanh: activation='tanh'" --variant "RigL: evolution=RigL(20)"
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from common import print_table, write_lines
from joblib import Parallel, delayed
from panel_data import PANEL, here
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

from sklearn_sparse_nn import SETClassifier, SETRegressor, evolution

# For classes and for numbers; a variant of SET changes both.
MODELS = {
    "SET": (SETClassifier, SETRegressor),
    "logistic": (LogisticRegression, None),
    "ridge": (RidgeClassifier, Ridge),
    "svm": (LinearSVC, LinearSVR),
    "forest": (RandomForestClassifier, RandomForestRegressor),
    "boosting": (HistGradientBoostingClassifier, HistGradientBoostingRegressor),
    "dense": (MLPClassifier, MLPRegressor),
}
N_SPLITS = 3


def n_repeats(n_samples):
    """Small data sets need more repetitions for the same certainty."""
    return 4 if n_samples < 200 else 2 if n_samples < 1200 else 1


def make_model(name, parameters, regression, seed):
    kind = MODELS[name][regression]
    model = kind(**parameters)
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    model = make_pipeline(StandardScaler(), model)
    if regression:
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return model


def judge(model, regression, train, test):
    """Score, log-loss (or None), seconds and warnings of one fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        model.fit(*train)
        seconds = time.perf_counter() - start
    n_warnings = sum(issubclass(w.category, ConvergenceWarning) for w in caught)
    X, y = test
    loss = None
    if hasattr(model, "predict_proba"):
        loss = log_loss(y, model.predict_proba(X), labels=model.classes_)
    score = (r2_score if regression else accuracy_score)(y, model.predict(X))
    return score, loss, seconds, n_warnings


def run(name, model, parameters, seed):
    """All folds of one model on one data set."""
    data = PANEL[name]
    X, y = data.load()
    kind = RepeatedKFold if data.regression else RepeatedStratifiedKFold
    folds = kind(n_splits=N_SPLITS, n_repeats=n_repeats(len(y)), random_state=seed)
    rows = []
    for number, (train, test) in enumerate(folds.split(X, y)):
        made = make_model(model, parameters, data.regression, seed + number)
        parts = [(X[part], y[part]) for part in (train, test)]
        rows.append(judge(made, data.regression, *parts))
    columns = ("score", "loss", "seconds", "warnings")
    return dict(zip(columns, map(list, zip(*rows))))


def parse_variant(text):
    """A name, and parameters written as arguments of a call: literals and rules."""
    name, _, arguments = text.partition(":")
    return name.strip(), eval(f"dict({arguments})", dict(vars(evolution)))


def mean_of(result, quantity):
    values = result[quantity]
    return np.nan if values[0] is None else float(np.mean(values))


def print_results(results, models):
    """Tables of scores, losses and seconds: data sets below each other."""
    for title, regression, quantity in (
        ("Accuracy", False, "score"),
        ("Log-loss", False, "loss"),
        ("R²", True, "score"),
        ("Seconds", None, "seconds"),
        ("Share of fits with a ConvergenceWarning", None, "warnings"),
    ):
        rows = []
        for name, by_model in results.items():
            if regression is None or PANEL[name].regression == regression:
                found = [
                    mean_of(by_model[m], quantity) if m in by_model else np.nan
                    for m in models
                ]
                rows.append([name, *found])
        if not rows:
            continue
        values = np.array([row[1:] for row in rows], dtype=float)
        rows.append(["mean", *values.mean(axis=0)])
        rows.append(["median", *np.median(values, axis=0)])
        cells = [
            [r[0], *("" if np.isnan(v) else f"{v:.3f}" for v in r[1:])] for r in rows
        ]
        print(f"\n{title}\n")
        print_table(["", *models], cells)


def print_differences(results, first, models):
    """Differences of the first model to the others, with their standard errors."""
    for regression in (False, True):
        here = {n: r for n, r in results.items() if PANEL[n].regression == regression}
        others = [
            m for m in models if m != first and any(m in each for each in here.values())
        ]
        rows = [
            [name, *(_difference(by_model, first, model) for model in others)]
            for name, by_model in here.items()
        ]
        if rows:
            print(f"\n{first} minus each other, {'R²' if regression else 'accuracy'}\n")
            print_table(["", *others], rows)


def _difference(by_model, first, other):
    """Mean difference of the scores over the folds, and its standard error."""
    if other not in by_model:
        return ""
    difference = np.subtract(by_model[first]["score"], by_model[other]["score"])
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return f"{difference.mean():+.3f} ± {error:.3f}"


def rounded(by_model):
    """Numbers of six digits, as more say nothing."""
    return {
        model: {
            quantity: [None if v is None else float(f"{v:.6g}") for v in values]
            for quantity, values in result.items()
        }
        for model, result in by_model.items()
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=("choose", "report"), default="report")
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--variant", action="append", default=[], metavar="NAME: ...")
    parser.add_argument("--data", nargs="+", help="some of the data sets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="for scores only")
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    arguments = parser.parse_args()
    names = [n for n, data in PANEL.items() if data.half == arguments.half]
    names = [n for n in arguments.data or names if here(n)]
    wanted = {m: (m, {}) for m in arguments.models}
    for text in arguments.variant:
        name, parameters = parse_variant(text)
        wanted[name] = ("SET", parameters)
    path, results = arguments.json, {}
    if path and path.exists():
        results = json.loads(path.read_text())["results"]
    jobs = [
        (name, label)
        for name in names
        for label, (model, _) in wanted.items()
        if MODELS[model][PANEL[name].regression] and label not in results.get(name, {})
    ]
    found = Parallel(n_jobs=arguments.processes, return_as="generator")(
        delayed(run)(name, *wanted[label], arguments.seed) for name, label in jobs
    )
    for (name, label), result in zip(jobs, found, strict=True):
        results.setdefault(name, {})[label] = result
        if path:
            write_lines(path, {n: rounded(r) for n, r in results.items()})
    shown = {n: results[n] for n in names}
    models = list(dict.fromkeys([*wanted, *(m for n in names for m in results[n])]))
    print_results(shown, models)
    print_differences(shown, models[0], models)


if __name__ == "__main__":
    main()
