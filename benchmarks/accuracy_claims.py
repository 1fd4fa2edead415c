"""Accuracies, and what else is no time, that the texts claim: see `claims.py`."""

from itertools import product
from math import sqrt
from statistics import fmean, median, pstdev, stdev

from claims import FRONT, GUIDE, SITE, TABLES, claims, list_row, row
from common import key_of

MEAN, CHANGE = "{:.3f} ± {:.3f}", "{:+.3f} ± {:.3f}"
ACCURACY = "{:.4f}"
CLAIMS = []


def standard_error(values):
    return stdev(values) / sqrt(len(values))


# The panel of data sets

PEERS = "dense", "logistic", "ridge", "svm", "forest", "boosting"
MODELS = "SET", "static", *PEERS
WITH_LOSS = [model for model in MODELS if model not in ("ridge", "svm")]
FOR_NUMBERS = [model for model in MODELS if model != "logistic"]
VARIANTS = (
    *("SET", "before", "zeta 0.3", "zeta 0.7", "epsilon 20"),
    *("2 layers", "tanh", "alpha 0.3", "200 epochs"),
)
CLASSES = (
    *("wine", "digits", "mnist", "madelon", "allaml", "leukemia", "tox_171"),
    *("noise_1000", "genes_150", "blocks_200", "classes_2000", "imbalance_2000"),
    *("hastie_1500", "table_4000"),
)
NUMBERS = (
    *("diabetes", "allaml_gene", "wine_proline", "friedman1_300", "friedman2_400"),
    *("linear_120", "factors_300", "table_numbers_2000"),
)


def names_of(results, numbers, reported=True):
    """The data sets of a half; only classes have a log-loss, only one half peers."""
    return [
        name
        for name, models in results.items()
        if ("forest" in models) == reported
        and (models["SET"]["loss"][0] is None) == numbers
    ]


def on_set(name, models, quantity="score"):
    """Means over the folds of a data set, for each model."""
    return lambda r: tuple(fmean(r[name][model][quantity]) for model in models)


def over_sets(models, quantity="score", numbers=False, average=fmean, reported=True):
    """For each model, the mean over the data sets of the means over the folds."""

    def figures(results):
        names = names_of(results, numbers, reported)
        return tuple(
            average([fmean(results[name][model][quantity]) for name in names])
            for model in models
        )

    return figures


def variant(name):
    """Accuracy, log-loss and R² on the half that defaults were chosen on."""
    kinds = {"quantity": "score"}, {"quantity": "loss"}, {"numbers": True}
    return lambda r: tuple(
        over_sets([name], reported=False, **kind)(r)[0] for kind in kinds
    )


def behind(*names):
    """SET by the best peer, chosen after the fact: mean and standard error."""

    def difference(models):
        peers = [models[peer]["score"] for peer in PEERS if peer in models]
        best = max(peers, key=fmean)
        changes = [a - b for a, b in zip(models["SET"]["score"], best, strict=True)]
        return fmean(changes), standard_error(changes)

    return lambda r: tuple(figure for name in names for figure in difference(r[name]))


def worst_loss(model):
    """How far a model is behind SET on TOX-171: of all sets of classes, the most."""

    def figures(results):
        losses = {
            name: fmean(results[name]["SET"]["score"])
            - fmean(results[name][model]["score"])
            for name in CLASSES
        }
        assert max(losses, key=losses.get) == "tox_171"
        return losses["tox_171"]

    return figures


def table_of_panel(names, models, **kwargs):
    """Rows of data sets, then their mean."""
    digits, quantity = ["{:.3f}"] * len(models), kwargs.get("quantity", "score")
    rows = {row(name, *digits): on_set(name, models, quantity) for name in names}
    return rows | {row("mean", *digits): over_sets(models, **kwargs)}


CLAIMS += claims(TABLES, "panel", table_of_panel(CLASSES, MODELS))
CLAIMS += claims(TABLES, "panel", table_of_panel(CLASSES, WITH_LOSS, quantity="loss"))
CLAIMS += claims(TABLES, "panel", table_of_panel(NUMBERS, FOR_NUMBERS, numbers=True))
CLAIMS += claims(
    TABLES,
    "panel",
    {row(name, *["{:.3f}"] * 3): variant(name) for name in VARIANTS}
    | {
        "{} data sets: tables, images": len,
        "the difference on madelon ({:.3f} ± {:.3f}), tox_171 ({:.3f} ± {:.3f}), "
        "linear_120 ({:.3f} ± {:.3f}), allaml_gene ({:.3f} ± {:.3f}) and friedman1_300 "
        "({:.3f} ± {:.3f})": behind(
            "madelon", "tox_171", "linear_120", "allaml_gene", "friedman1_300"
        ),
        row("classes, median", *["{:.2f}"] * len(MODELS)): over_sets(
            MODELS, "seconds", average=median
        ),
        row("numbers, median", *["{:.2f}"] * 3, "", *["{:.2f}"] * 4): over_sets(
            FOR_NUMBERS, "seconds", numbers=True, average=median
        ),
        "few informative features among 600 of noise ({:.3f}, SET {:.3f})": on_set(
            "noise_600", ["CTRE", "SET"]
        ),
        "linear_150 (R² {:.3f}, SET {:.3f})": on_set("linear_150", ["CHTs", "SET"]),
        "default {:.3f}, {:.3f}, {:.3f}; `zeta=0.9`": lambda r: tuple(
            on_set(name, ["SET"])(r)[0]
            for name in ("linear_150", "factors_200", "prostate_gene")
        ),
        "(3,333 × 40) takes {:.1f} s, with the defaults before {:.1f} s": on_set(
            "table_5000", ["SET", "before"], "seconds"
        ),
    },
)
CLAIMS += claims(
    FRONT,
    "panel",
    {
        "is {:.3f} for `SETClassifier` and {:.3f} without rewiring; {:.3f} for "
        "gradient boosting, {:.3f} for a random forest, {:.3f} for `MLPClassifier`, "
        "{:.3f} for logistic regression": over_sets(
            ["SET", "static", "boosting", "forest", "dense", "logistic"]
        ),
        "log-losses are {:.3f}, {:.3f}, {:.3f}, {:.3f}, {:.3f}, {:.3f}.": over_sets(
            ["SET", "static", "boosting", "forest", "dense", "logistic"], "loss"
        ),
    },
)
CLAIMS += claims(
    SITE,
    "panel",
    {
        "{:.3f} accuracy": over_sets(["SET"]),
        "gradient boosting {:.3f}, ``MLPClassifier`` {:.3f}": over_sets(
            ["boosting", "dense"]
        ),
    },
)
CLAIMS += claims(
    GUIDE + "when_not.rst",
    "panel",
    {
        "accuracy of {:.3f}, gradient boosting to {:.3f}, a random forest to {:.3f}, a "
        "dense network to {:.3f}, logistic regression to {:.3f}": over_sets(
            ["SET", "boosting", "forest", "dense", "logistic"]
        ),
        "ridge regression {:.3f} of TOX-171 are right, with SET {:.3f}": on_set(
            "tox_171", ["ridge", "SET"]
        ),
        "boosting comes to {:.3f}, a forest to {:.3f}, SET to {:.3f}": on_set(
            "madelon", ["boosting", "forest", "SET"]
        ),
        "log-loss is {:.3f}, that of boosting {:.3f}, of the others {:.3f}": over_sets(
            ["SET", "boosting", "logistic"], "loss"
        ),
    },
)

# Other rules, and early stopping, beside SET by default

OTHER_RULES = (
    *("static", "RigL", "SNFS", "CTRE", "CTRE, simultaneous", "CHTs", "MEST"),
    *("Top-KAST", "DEEP R", "DSR", "SET, cosine"),
)
EARLY = "early stopping"


def signed(change):
    return f"{change:+.3f}" if round(change, 3) else "0.000"


def beside_set(model):
    """Differences to SET on the half that defaults were chosen on.

    Of accuracy, then of R²: the mean over the sets, the median, and how many sets are
    better and worse by more than 0.005.
    """

    def figures(results):
        cells = []
        for numbers in (False, True):
            changes = [
                fmean(results[name][model]["score"])
                - fmean(results[name]["SET"]["score"])
                for name in names_of(results, numbers, reported=False)
            ]
            better = sum(change > 0.005 for change in changes)
            worse = sum(change < -0.005 for change in changes)
            cells += [signed(fmean(changes)), signed(median(changes)), better, worse]
        return tuple(cells)

    return figures


RULE_CELLS = "{}", "{}", "{} / {}", "{}", "{}", "{} / {}"
CLAIMS += claims(
    TABLES,
    "panel",
    {row(rule, *RULE_CELLS): beside_set(rule) for rule in OTHER_RULES},
)
CLAIMS += claims(
    GUIDE + "mlp.rst",
    "panel",
    {
        "accuracy is {:.3f} on average, without it {:.3f}": over_sets([EARLY, "SET"]),
        "171 samples of TOX-171, {:.3f}.": worst_loss(EARLY),
        "is {:.3f} in place of {:.3f}": on_set("allaml_gene", [EARLY, "SET"]),
    },
)
CLAIMS += claims(
    TABLES,
    "panel",
    {
        row(name, "{:.3f}", "{:.3f}"): on_set(name, ["SET", EARLY])
        for name in [*CLASSES, *NUMBERS]
    },
)
CLAIMS += claims(
    GUIDE + "faq.rst",
    "panel",
    {"of {:.3f} and fixed connections to {:.3f}": over_sets(["SET", "static"])},
)
CLAIMS += claims(
    GUIDE + "evolution.rst",
    "panel",
    {
        "accuracy {:.2f}, SET {:.2f}; {:.2f} with": on_set(
            "noise_600", ["CTRE, simultaneous", "SET", "CTRE"]
        ),
        "(R² {:.2f}, SET {:.2f})": on_set("linear_150", ["CHTs", "SET"]),
    },
)

# Evolution rules

RULES = {
    "SET": "set",
    "static": "static",
    "RigL": "rigl",
    "SNFS": "snfs",
    "DSR": "dsr",
    "MEST": "mest",
    "ITOP": "itop",
    "GMP": "gmp",
    "LAMP": "lamp",
    "GraNet": "granet",
    "DEEP R": "deepr",
    "importance pruning": "importance_pruning",
    "CTRE": "ctre",
    "CHT": "cht",
    "CHTs": "chts",
    "Top-KAST": "topkast",
    "RigL, 10 candidates": "rigl, 10 candidates",
}
DENSITIES = 0.005, 0.01, 0.02, 0.05, 0.1
DATA = "mnist", "fashion_mnist", "isolet", "madelon", "allaml", "tox_171"


def by_seed(results, data, rule, density, quantity="accuracy"):
    """Seeds of which a quantity was measured, in order."""
    found = (results.get(f"{data}|{rule}|{density}|{seed}", {}) for seed in range(3))
    return [each[quantity] for each in found if quantity in each]


def changes(results, data, rule, other, density):
    """Differences of two rules, seed by seed."""
    pairs = (by_seed(results, data, r, density) for r in (rule, other))
    return [a - b for a, b in zip(*pairs, strict=True)]


def at_densities(figures):
    """The figures at one density after the other."""
    return lambda r: tuple(f for density in DENSITIES for f in figures(r, density))


def accuracy(data, rule):
    def figures(results, density):
        values = by_seed(results, data, rule, density)
        return fmean(values), pstdev(values)

    return at_densities(figures)


def change_on_all(rule, other):
    def figures(results, density):
        means = [fmean(changes(results, data, rule, other, density)) for data in DATA]
        return fmean(means), standard_error(means)

    return at_densities(figures)


def change_on(data, rule):
    def figures(results, density):
        values = changes(results, data, rule, "set", density)
        return fmean(values), standard_error(values)

    return at_densities(figures)


def on_mnist(rule, quantity, average=fmean):
    return at_densities(
        lambda r, density: [average(by_seed(r, "mnist", rule, density, quantity))]
    )


def times_set(rule):
    """Seconds by those of SET, the median of the data sets."""

    def figures(results, density):
        ratios = []
        for data in DATA:
            ours, theirs = (
                median(by_seed(results, data, r, density, "seconds"))
                for r in (rule, "set")
            )
            ratios.append(ours / theirs)
        return [median(ratios)]

    return at_densities(figures)


def table_of_rules(cell, figures_of, without=()):
    """A row for each rule, of a cell for each density."""
    return claims(
        TABLES,
        "rules",
        {
            row(label, *[cell] * len(DENSITIES)): figures_of(rule)
            for label, rule in RULES.items()
            if rule not in without
        },
    )


def ahead(*rules, density=0.005):
    """By how much rules are ahead of SET on MNIST and on Fashion-MNIST."""
    return lambda r: tuple(
        fmean(changes(r, data, rule, "set", density))
        for rule in rules
        for data in DATA[:2]
    )


def means(*cells):
    """Mean accuracies of cells: a data set, a rule and a density."""
    return lambda r: tuple(fmean(by_seed(r, *cell)) for cell in cells)


for data in DATA:
    CLAIMS += table_of_rules(MEAN, lambda rule, data=data: accuracy(data, rule))
for other in ("set", "static"):
    CLAIMS += table_of_rules(
        CHANGE, lambda rule, other=other: change_on_all(rule, other), [other]
    )
for data in DATA[:2]:
    CLAIMS += table_of_rules(CHANGE, lambda r, data=data: change_on(data, r), ["set"])
CLAIMS += table_of_rules("{:.1f}", lambda rule: on_mnist(rule, "seconds", median))
CLAIMS += table_of_rules("{:.3f}", lambda rule: on_mnist(rule, "flops"))
CLAIMS += table_of_rules("{:.3f}", lambda rule: on_mnist(rule, "explored"))
CLAIMS += table_of_rules("{:.1f}", times_set)
CLAIMS += claims(
    TABLES,
    "rules",
    {
        "finds the informative features ({:.3f} at 0.5 %, SET {:.3f})": means(
            ("madelon", "ctre", 0.005), ("madelon", "set", 0.005)
        ),
        "GraNet (MNIST {:+.3f}, Fashion-MNIST {:+.3f}), CHTs ({:+.3f}, {:+.3f}), SNFS "
        "({:+.3f}, {:+.3f}), RigL with candidates ({:+.3f}, {:+.3f}), Top-KAST "
        "({:+.3f}, {:+.3f}) and RigL ({:+.3f}, {:+.3f})": ahead(
            "granet", "chts", "snfs", "rigl, 10 candidates", "topkast", "rigl"
        ),
        "static is behind by {:.3f} and {:.3f}": lambda r: tuple(
            -change for change in ahead("static")(r)
        ),
        "at 5 %: RigL {:.3f}, GraNet {:.3f}, SNFS {:.3f}, static {:.3f}. Where it "
        "looks at random candidates only, it is not: {:.3f}": means(
            *(
                ("tox_171", rule, 0.05)
                for rule in ("rigl", "granet", "snfs", "static", "rigl, 10 candidates")
            )
        ),
        "CHT at 1 and 2 % ({:.3f} and {:.3f}, static {:.3f} and {:.3f})": means(
            *(("madelon", *k) for k in product(("cht", "static"), (0.01, 0.02)))
        ),
        "SET {:.0f} %, RigL {:.0f} %": lambda r: tuple(
            100 * on_mnist(rule, "explored")(r)[0] for rule in ("set", "rigl")
        ),
        "at all densities ({:.3f} and {:.3f}, static {:.3f}, at 0.5 %)": means(
            *(("madelon", rule, 0.005) for rule in ("granet", "rigl", "static"))
        ),
    },
)

# Boltzmann machines

MACHINES = {
    "digits": "digits",
    "MNIST": "mnist",
    "COIL-20": "coil20",
    "COIL-20 as numbers": "coil20 as numbers",
    "Isolet": "isolet",
    "TOX-171": "tox_171",
    "GLIOMA": "glioma",
    "ALLAML": "allaml",
}
FEATURES = "features", "PCA", "SET", "static", "XBM", "SET, epsilon=30"
COLUMNS = (
    *("digits", "mnist", "coil20", "coil20 as numbers", "isolet", "tox_171"),
    *("glioma", "wine", "iris"),
)


def features(name, model, quantity="accuracy"):
    """Of all seeds."""

    def values(results):
        start = f"{name}|{model}|"
        return [each[quantity] for k, each in results.items() if k.startswith(start)]

    return values


def accuracies(name, spread=False, without=()):
    """Of all sorts of features: means, with standard deviations if need be."""

    def figures(results):
        found = [features(name, m)(results) for m in FEATURES if m not in without]
        if not spread:
            return tuple(map(fmean, found))
        seconds = median(features(name, "SET", "seconds")(results))
        return *(f for each in found for f in (fmean(each), pstdev(each))), seconds

    return figures


def gain(name, *models):
    """Accuracy beyond that of the features as they are."""
    return lambda r: tuple(
        fmean(features(name, model)(r)) - fmean(features(name, "features")(r))
        for model in models
    )


def nats(likelihood):
    """Three digits, and whole numbers from 100 on."""
    size = abs(likelihood)
    return f"{likelihood:.{2 if size < 10 else 1 if size < 100 else 0}f}"


def settings(batch_size, n_updates):
    """Accuracy and likelihood on each data set."""

    def figures(results):
        cells = []
        for name in COLUMNS:
            start = f"{name}|{batch_size}|{n_updates}|1.0|auto|"
            found = [each for key, each in results.items() if key.startswith(start)]
            cells.append(fmean(each["accuracy"] for each in found))
            cells.append(nats(fmean(each["likelihood"] for each in found)))
        return tuple(cells)

    return figures


CLAIMS += claims(
    TABLES,
    "rbm_features",
    {
        row(label, *[MEAN] * len(FEATURES), "{:.1f}"): accuracies(name, spread=True)
        for label, name in MACHINES.items()
    }
    | {
        "helps on MNIST ({:+.3f}, with `epsilon=30` {:+.3f})": gain(
            "mnist", "SET", "SET, epsilon=30"
        )
    },
)
CLAIMS += claims(
    GUIDE + "rbm.rst",
    "rbm_features",
    {
        list_row(label, *["{:.3f}"] * 5): accuracies(name, without=["PCA"])
        for label, name in MACHINES.items()
    },
)
CLAIMS += claims(
    GUIDE + "when_not.rst",
    "rbm_features",
    {
        "raises the accuracy on MNIST from {:.3f} to {:.3f}": lambda r: tuple(
            fmean(features("mnist", model)(r)) for model in ("features", "SET")
        )
    },
)


def likelihoods(model):
    """Mean and deviation of the log-likelihood over the seeds."""

    def figures(results):
        found = [each[0] for each in results[model]]
        return fmean(found), pstdev(found)

    return figures


def judged(model):
    """The same, the largest standard error of a seed, and the mean dispersion."""

    def figures(results):
        _, errors, dispersions, _ = zip(*results[model])
        return *likelihoods(model)(results), max(errors), fmean(dispersions)

    return figures


LIKELY = {
    "SET": "SET",
    "static": "static, Erdős–Rényi",
    "XBM": "static, XBM",
    "XBM, then SET": "XBM, then SET",
}
CLAIMS += claims(
    GUIDE + "rbm.rst",
    "rbm_likelihood",
    {
        list_row(title, "{:.1f} ± {:.1f}"): likelihoods(model)
        for model, title in LIKELY.items()
    }
    | {"``learning_rate=0.01``, one seed - {0:.1f}": likelihoods("dense")},
)
CLAIMS += claims(
    TABLES,
    "rbm_likelihood",
    {
        row(title, "14,124", "{:.1f} ± {:.1f}", "{:.2f}", "{:.1f}"): judged(model)
        for model, title in LIKELY.items()
    }
    | {row("dense (seed 0)", "392,000", "{0:.1f}", "{2:.2f}", "0"): judged("dense")},
)
CLAIMS += claims(
    TABLES,
    "rbm_defaults",
    {
        row(f"{batch_size}, {n:,}", *["{:.3f}, {}"] * len(COLUMNS)): settings(
            batch_size, n
        )
        for batch_size, n in product((10, 32, 100), (1_000, 3_000, 10_000))
    },
)

# Many workers

SKEW = {
    "fixed connections": "fixed connections",
    "rewired after the first epoch of a round": "rewired after epoch 1",
    "rewired after the third, as by default": "rewired after epoch 3 (default)",
    "rewired after the fifth, its last, as in the authors' code": (
        "rewired after epoch 5 (the last)"
    ),
    "all samples in one place, as many epochs": "all samples in one place",
}


def found_by_simulation(results):
    """Per cent of the measured seconds, on one worker and on two."""
    pairs = (map(float, seconds) for _, *seconds in results["measured"])
    return tuple(100 * simulated / measured for measured, simulated in pairs)


def share_of_scheduler(n_updates, *numbers_of_workers):
    """Per cent of a round."""

    def figures(results):
        shares = dict(zip(results["workers"], results["shares"][n_updates]))
        return tuple(100 * shares[n][-1] / sum(shares[n]) for n in numbers_of_workers)

    return figures


def speed_up(n_updates, *numbers_of_workers):
    def figures(results):
        speeds = dict(zip(results["workers"], results["speed_up"][n_updates]))
        return tuple(speeds[n] for n in numbers_of_workers)

    return figures


CLAIMS += claims(
    TABLES,
    "label_skew",
    {
        row(label, MEAN): lambda r, side=side: (fmean(r[side]), pstdev(r[side]))
        for label, side in SKEW.items()
    },
)
CLAIMS += claims(
    TABLES,
    "dask_scaling",
    {
        "{:.2f} and {:.2f}; two workers": lambda r: tuple(
            map(float, r["measured"][0][1:])
        ),
        "{:.2f} and {:.2f}. 2026-11-30": lambda r: tuple(
            map(float, r["measured"][1][1:])
        ),
    },
)
CLAIMS += claims(
    GUIDE + "dask.rst",
    "dask_scaling",
    {
        "the simulation finds {:.0f} % on one worker and {:.0f} % on two": (
            found_by_simulation
        ),
        "is {:.0f} % of a round on one worker, {:.0f} % on 64, and {:.0f} % on 1,000": (
            share_of_scheduler("50", 1, 64, 1000)
        ),
        "at {:.0f} ms for a task": lambda r: 1e3 * r["costs"]["scheduler"],
        "which are {:.0f} times as fast as one; a thousand are {:.0f} times": speed_up(
            "50", 64, 1000
        ),
        "64 are {:.0f} times as fast, 256 {:.0f} times and 1,000 {:.0f} times": (
            speed_up("500", 64, 256, 1000)
        ),
        "with {:.2f} GB/s between them": lambda r: 1e-9 * r["bandwidth"],
    },
)


# The learning rate of local SGD

IN_PARTS = [
    "1",
    *(f"{n} to the {exponent}" for n, exponent in product((2, 8), (0.0, 0.5, 1.0))),
]


def in_parts(solver):
    def figures(results):
        found = [results[f"{solver}, {parts}"] for parts in IN_PARTS]
        return tuple(x for each in found for x in (fmean(each), pstdev(each)))

    return figures


CLAIMS += claims(
    TABLES,
    "local_sgd_rate",
    {
        row(label, *["{:.4f} ± {:.4f}"] * len(IN_PARTS)): in_parts(solver)
        for label, solver in {"Adam, 0.005": "adam", "SGD, 0.05": "sgd"}.items()
    },
)
CLAIMS += claims(
    GUIDE + "dask.rst",
    "local_sgd_rate",
    {
        "accuracy of {:.3f}, two parts to {:.3f} and eight to {:.3f}": lambda r: tuple(
            fmean(r[f"adam, {parts}"])
            for parts in ("1", "2 to the 0.5", "8 to the 0.5")
        )
    },
)

# Accuracy on MNIST


def on_digits(results, quantity, name="SET"):
    """Of all seeds."""
    return [results[key_of(name, seed)][quantity] for seed in range(3)]


def accuracies_on_digits(name):
    def figures(results):
        found = on_digits(results, "accuracy", name)
        return fmean(found), pstdev(found), *found

    return figures


def seconds_on_digits(results):
    found = on_digits(results, "seconds")
    return min(found), max(found)


CLAIMS += claims(
    TABLES,
    "mnist_accuracy",
    {
        row(label, "0, 1, 2", "{:.4f} ± {:.4f} ({:.4f}, {:.4f}, {:.4f})"): (
            accuracies_on_digits(name)
        )
        for label, name in {"SET": "SET", "dense, scikit-learn": "dense"}.items()
    }
    | {
        "SET took {:.0f} to {:.0f} s on two cores": seconds_on_digits,
    },
)
