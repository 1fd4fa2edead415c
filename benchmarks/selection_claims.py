"""Accuracies on selected features, and of few connections: see `claims.py`."""

from itertools import product
from statistics import fmean, pstdev, stdev

from claims import GUIDE, TABLES, claims, list_row, row
from common import key_of
from scipy.stats import rankdata

MEAN, CELL = "{:.3f} ± {:.3f}", "{:.3f}"
CLAIMS = []
SELECTION = f"{GUIDE}quick_selection.rst"


def values(results, quantity, *job):
    """Of all seeds, which come last in the key of a job."""
    start = key_of(*job, "")
    return [r[quantity] for key, r in results.items() if key.startswith(start)]


# Selection without targets

LARGE = {"coil20": "COIL-20", "isolet": "Isolet", "madelon": "madelon"}
LARGE |= {"pcmac": "PCMAC", "mnist": "MNIST"}
SMALL = {"tox_171": "TOX-171", "glioma": "GLIOMA", "prostate_ge": "Prostate-GE"}
SMALL |= {"allaml": "ALLAML"}
CHOSEN_ON = LARGE | SMALL
UNSEEN = {"leukemia": "leukemia", "colon": "colon"}
ONE, FIVE = "communality", "communality, 5 networks"
STANDARDISED = "communality, standardised X"
FILTERS = "random", "variance", "Laplacian score", "PCA loadings"
WITH_LABELS = "f_classif", "all features"
WAST = (
    *("random", "mean magnitude", "strength", "default", "WAST, paper"),
    *("WAST, its settings", "WAST, tuned", "WAST, communality"),
    "SET, 10 epochs, communality",
)


def accuracies(results, name, method, n_seeds=5):
    """Mean of two classifiers, for each seed."""
    if method == "default":
        method = FIVE if name in SMALL | UNSEEN else ONE
    both = (values(results, who, name, method) for who in ("trees", "machine"))
    return [(a + b) / 2 for a, b in zip(*both)][:n_seeds]


def selected(name, methods, n_seeds=5):
    """Means and deviations over the seeds; a dash where a method was not run."""
    return lambda r: tuple(
        MEAN.format(fmean(found), pstdev(found)) if found else "–"
        for found in (accuracies(r, name, method, n_seeds) for method in methods)
    )


def selected_means(name, methods, n_seeds=5):
    return lambda r: tuple(
        CELL.format(fmean(found)) if found else "–"
        for found in (accuracies(r, name, method, n_seeds) for method in methods)
    )


def mean_over(names, methods, n_seeds=5):
    """For each method, the mean over data sets; a dash where one is missing."""

    def figures(results):
        found = [
            [accuracies(results, name, method, n_seeds) for name in names]
            for method in methods
        ]
        return tuple(
            CELL.format(fmean(map(fmean, each))) if all(each) else "–" for each in found
        )

    return figures


def points_lost(names):
    """By standardised features, one network, in points."""

    def figures(results):
        losses = (
            fmean(accuracies(results, name, ONE))
            - fmean(accuracies(results, name, STANDARDISED))
            for name in names
        )
        return 100 * fmean(losses)

    return figures


def mean_ranks(*methods):
    """Mean ranks among the methods without labels, over all sets but MNIST."""

    def figures(results):
        judged = [*FILTERS, "paper", "strength", "attribution", "default"]
        means = [
            [-fmean(accuracies(results, name, method)) for method in judged]
            for name in CHOSEN_ON
            if name != "mnist"
        ]
        ranks = dict(zip(judged, rankdata(means, axis=1).mean(axis=0)))
        return tuple(ranks[method] for method in methods)

    return figures


COLUMNS = *FILTERS, "paper", "strength", "attribution", ONE, FIVE, *WITH_LABELS
OF_UNSEEN = [method for method in COLUMNS if method != "paper"]
WITHOUT_MNIST = [name for name in CHOSEN_ON if name != "mnist"]
OF_WAST = [*WITHOUT_MNIST, *UNSEEN]
OF_WAST.remove("pcmac")
IN_GUIDE = *FILTERS, "paper", "default", *WITH_LABELS
NAMES = CHOSEN_ON | UNSEEN

CLAIMS += claims(
    TABLES,
    "feature_selection",
    {
        row(label, *["{}"] * len(COLUMNS)): selected(name, COLUMNS)
        for name, label in CHOSEN_ON.items()
    }
    | {
        row("mean without MNIST", *["{}"] * len(COLUMNS)): mean_over(
            WITHOUT_MNIST, COLUMNS
        ),
        row("mean of all", *["{}"] * len(COLUMNS)): mean_over(CHOSEN_ON, COLUMNS),
        "{} without MNIST.": mean_over(WITHOUT_MNIST, ["default"]),
        "the default has a mean rank of {:.1f}": mean_ranks("default"),
        "(`attribution` {:.1f}, `strength` {:.1f}, `paper` {:.1f}": mean_ranks(
            "attribution", "strength", "paper"
        ),
    }
    | {
        row(label, *["{}"] * len(OF_UNSEEN)): selected(name, OF_UNSEEN)
        for name, label in UNSEEN.items()
    }
    | {
        row(NAMES[name], *["{}"] * len(WAST)): selected(name, WAST, 3)
        for name in OF_WAST
    }
    | {row("mean", *["{}"] * len(WAST)): mean_over(OF_WAST, WAST, 3)},
)
CLAIMS += claims(
    SELECTION,
    "feature_selection",
    {
        list_row(label, *["{}"] * len(IN_GUIDE)): selected_means(name, IN_GUIDE)
        for name, label in CHOSEN_ON.items()
    }
    | {
        "leukemia and colon, it comes to {:.3f} and {:.3f}, random features to {:.3f} "
        "and {:.3f}, the variance to {:.3f} and {:.3f}.": lambda r: tuple(
            fmean(accuracies(r, name, method))
            for method in ("default", "random", "variance")
            for name in UNSEEN
        ),
        "the mean accuracy is {}, that of the published algorithm in plain NumPy {}, "
        'of ``importance="strength"`` {}, of the default {}, and of random features '
        "{}.": mean_over(
            OF_WAST,
            ["WAST, its settings", "WAST, paper", "strength", "default", "random"],
            3,
        ),
        "madelon for instance ({} here, {} as published)": selected_means(
            "madelon", ["WAST, its settings", "WAST, paper"], 3
        ),
        "gives {} on madelon": selected_means("madelon", ["mean magnitude"], 3),
        "and {} on average. In": mean_over(OF_WAST, ["mean magnitude"], 3),
        "this costs {:.1f} points of accuracy on average": points_lost(WITHOUT_MNIST),
        "where words are counted, {:.1f}.": points_lost(["pcmac"]),
    },
)
CLAIMS += claims(
    TABLES,
    "feature_selection",
    {
        "comes to {} on the eight data sets in place of {}": mean_over(
            WITHOUT_MNIST, [STANDARDISED, ONE]
        ),
        "COIL-20 {}, Isolet {}, madelon {}, PCMAC {}, TOX-171 {}, GLIOMA {}, "
        "Prostate-GE {}, ALLAML {}; and on leukemia to {}, on colon to {}.": lambda r: (
            tuple(
                selected_means(name, [STANDARDISED])(r)[0]
                for name in [*WITHOUT_MNIST, *UNSEEN]
            )
        ),
    },
)

# Agreement between seeds

AGREEING = "strength", ONE, FIVE
MICROARRAYS = "tox_171", "glioma", "prostate_ge", "allaml"


def agreement(name, method):
    return lambda r: r[key_of(name, method, *range(5))]


def tau_and_jaccard(name):
    def figures(results):
        found = [agreement(name, method)(results) for method in AGREEING]
        return tuple(each[k] for each in found for k in ("tau", "jaccard"))

    return figures


def range_of_tau(results):
    """Least and greatest over the microarrays, for each method."""
    found = [
        [agreement(name, method)(results)["tau"] for name in MICROARRAYS]
        for method in AGREEING
    ]
    return tuple(bound for each in found for bound in (min(each), max(each)))


CLAIMS += claims(
    TABLES,
    "feature_selection-stability",
    {
        row(CHOSEN_ON[name], *["{:.2f}, {:.2f}"] * 3): tau_and_jaccard(name)
        for name in ("coil20", "isolet", "madelon", *MICROARRAYS)
    },
)
CLAIMS += claims(
    SELECTION,
    "feature_selection-stability",
    {
        "Kendall's tau of {:.2f} to {:.2f} by strength, of {:.2f} to {:.2f} by "
        "communality, and of {:.2f} to {:.2f} by": range_of_tau
    },
)

# Selection with targets

OF_TARGETS = {"leukemia": "leukemia", "tox_171": "TOX-171", "isolet": "Isolet"}
OF_TARGETS |= {"mnist": "MNIST, 2,000 images"}
THREE = "{:.3f}, {:.3f}, {:.3f}"
SHARED = THREE + "; {:.0f}"


def with_targets(method, *names, cell=THREE):
    """Accuracies with 25, 50 and 100 features, how many of 50 two seeds share, time."""

    def figures(results):
        found = [results[key_of(name, method, 3, 1)] for name in names]
        return tuple(
            cell.format(*each["accuracies"], each["overlap"], each["seconds"])
            for each in found
        )

    return figures


CLAIMS += claims(
    TABLES,
    "supervised_selection",
    {
        row(method, *["{}"] * 4): with_targets(method, *OF_TARGETS, cell=SHARED)
        for method in (
            *("f_classif", "random forest", "attribution", "attribution, diversity 0"),
            *("strength", "NeuroFS"),
        )
    }
    | {
        row(method, "{}", "{}"): with_targets(
            method, "allaml", "colon", cell=SHARED + "; {:.1f} s"
        )
        for method in (
            *("random", "f_classif", "mutual information", "L1 logistic regression"),
            *("random forest", "attribution", "attribution, 1 network"),
            *("attribution, diversity 0", "attribution over training"),
            *("strength", "strength over training", "NeuroFS"),
        )
    }
    | {
        f"{label} {{}}": with_targets(method, "madelon")
        for label, method in {
            "`f_classif`": "f_classif",
            "mutual information": "mutual information",
            "L1 logistic regression": "L1 logistic regression",
            "random forest": "random forest",
            "`attribution`": "attribution",
            "with one network": "attribution, 1 network",
            "with `diversity=0`": "attribution, diversity 0",
        }.items()
    },
)
CLAIMS += claims(
    f"{GUIDE}feature_selection.rst",
    "supervised_selection",
    {
        list_row(label, *["{}"] * 3): with_targets(method, "tox_171", "mnist", "isolet")
        for label, method in {
            "``f_classif``": "f_classif",
            "random forest": "random forest",
            "default": "attribution",
            '``evolution="neurofs"``': "NeuroFS",
        }.items()
    }
    | {
        "25 features of COIL-20, accuracy is {:.3f} in place of {:.3f}": lambda r: (
            tuple(
                r[key_of("coil20", method, 3, 2)]["accuracies"][0]
                for method in ("attribution", "attribution, diversity 0")
            )
        )
    },
)

# Few connections

EPSILONS = 0.5, 1.0, 2.0, 5.0, 20.0
DATA = {"digits": "digits", "cancer": "breast cancer", "isolet": "Isolet"}
DATA |= {"coil20": "COIL-20", "tox_171": "TOX-171", "allaml": "ALLAML"}


def sparse_scores(name, evolution, epsilons=EPSILONS, network="perceptron"):
    def figures(results):
        found = [
            values(results, "score", network, name, epsilon, evolution)
            for epsilon in epsilons
        ]
        return tuple(x for each in found for x in (fmean(each), stdev(each)))

    return figures


def rows_of(network, cell=MEAN):
    return {
        row(f"{label}, {title}", *[cell] * 5): sparse_scores(
            name, evolution, network=network
        )
        for name, label in DATA.items()
        for title, evolution in (("static", "static"), ("SET", "set"))
    }


CLAIMS += claims(TABLES, "low_density", rows_of("perceptron"))
CLAIMS += claims(TABLES, "low_density", rows_of("autoencoder"))
CLAIMS += claims(TABLES, "low_density", rows_of("rbm", "{:.2f} ± {:.2f}"))
CLAIMS += claims(TABLES, "low_density", rows_of("selector"))


def deep(*jobs):
    """Ten hidden layers on digits: means of pairs of an activation and an evolution."""
    return lambda r: tuple(
        sparse_scores("digits", evolution, [1.0], f"deep, {activation}")(r)[0]
        for activation, evolution in jobs
    )


CLAIMS += claims(
    f"{GUIDE}sparsity.rst",
    "low_density",
    {
        "come to {:.2f} with All-ReLU and to {:.2f} with ReLU, without rewiring to "
        "{:.2f} and {:.2f}.": deep(
            *product(("All-ReLU", "ReLU"), ["set"]),
            *product(("All-ReLU", "ReLU"), ["static"]),
        )
    },
)
CLAIMS += claims(
    TABLES,
    "low_density",
    {
        "All-ReLU is {:.3f} and {:.3f}, with ReLU {:.3f} and {:.3f}": deep(
            *product(("All-ReLU", "ReLU"), ("set", "static"))
        )
    },
)
CLAIMS += claims(
    f"{GUIDE}mlp.rst",
    "low_density",
    {
        "accuracy is {:.2f}, and {:.2f} without rewiring.": lambda r: tuple(
            sparse_scores("digits", evolution, [1.0])(r)[0]
            for evolution in ("set", "static")
        )
    },
)

RULES = {
    "static": "static",
    "set": "SET",
    "rigl": "RigL, all cells",
    "rigl, 3 candidates": "RigL, 3 candidates",
    "rigl, 10 candidates": "RigL, 10 candidates",
    "snfs": "SNFS",
    "dsr, zeta=0.05": "DSR",
    "mest": "MEST",
    "itop": "ITOP",
}


MAIN_RULES = "rigl", "set", "static"


def of_rule(results, rule, epsilon):
    return [results[key_of(rule, epsilon, seed, 10)]["accuracy"] for seed in range(3)]


def of_rules(*pairs):
    """Means over the seeds, for pairs of a rule and an `epsilon`."""
    return lambda r: tuple(fmean(of_rule(r, *pair)) for pair in pairs)


def row_of_rule(rule):
    return lambda r: tuple(
        x
        for epsilon in (0.5, 1.0, 2.0)
        for found in [of_rule(r, rule, epsilon)]
        for x in (fmean(found), stdev(found))
    )


CLAIMS += claims(
    TABLES,
    "gradient_growth",
    {row(label, *[MEAN] * 3): row_of_rule(rule) for rule, label in RULES.items()},
)
CLAIMS += claims(
    f"{GUIDE}evolution.rst",
    "gradient_growth",
    {
        "come to {:.3f} on MNIST in ten epochs at ``epsilon=0.5``, to {:.3f} with SET "
        "and to {:.3f} without rewiring; at ``epsilon=2`` to {:.3f}, {:.3f} and "
        "{:.3f}.": of_rules(
            *((rule, epsilon) for epsilon in (0.5, 2.0) for rule in MAIN_RULES)
        ),
        "it comes to {:.3f} and {:.3f}.": of_rules(
            ("rigl, 10 candidates", 0.5), ("rigl, 10 candidates", 2.0)
        ),
        "There it comes to {:.3f} and {:.3f}.": of_rules(("snfs", 0.5), ("snfs", 2.0)),
    },
)


def on_noise(rule):
    return lambda r: tuple(
        fmean(values(r, quantity, rule))
        for quantity in ("training", "test", "loss", "connections", "strength")
    )


CLAIMS += claims(
    TABLES,
    "rules_on_noise",
    {
        row(label, *[CELL] * 5): on_noise(rule)
        for rule, label in {
            "static": "static",
            "set": "SET",
            "rigl": "RigL",
            "granet": "GraNet",
            "cht": "CHT",
            "chts": "CHTs",
            "ctre": "CTRE",
        }.items()
    },
)
