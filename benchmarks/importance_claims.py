"""How far importances and selections repeat, and what they find: see `claims.py`."""

from statistics import fmean

from claims import GUIDE, TABLES, claims, row

CLAIMS = []

# Importances of networks with targets

BY_STRENGTH = "strength, 1 network", "strength, 5 networks"
BY_ATTRIBUTION = "attribution, 1 network", "attribution, 5 networks"
PEERS = "forest, impurity", "forest, permutation", "f_classif", "L1 logistic regression"
METHODS = *BY_STRENGTH, *BY_ATTRIBUTION, *PEERS
KINDS = "independent", "correlated"
SIZES = "60 × 500", "60 × 2000", "60 × 10000", "200 × 500", "200 × 2000"
SIZES += "2000 × 500", "2000 × 2000"
CELL = "{:.2f}, {:.2f}, {:.3f}"


def on_microarrays(method):
    """Agreement between seeds and between halves, and accuracy; then their means."""

    def figures(results):
        found = [
            [of_set[k][method] for k in ("seeds", "halves", "accuracy")]
            for of_set in results.values()
        ]
        return tuple(x for each in [*found, map(fmean, zip(*found))] for x in each)

    return figures


def precisions(methods, *shapes):
    """Share of what matters among the strongest, of each kind of made data."""
    return lambda r: tuple(
        r[f"{kind} {shape}"]["precision"][method]
        for method in methods
        for shape in shapes
        for kind in KINDS
    )


def range_of(found, n):
    return round(n * min(found)), round(n * max(found))


def that_matter(*shapes):
    """Least and greatest number among the 20 strongest."""
    return lambda r: range_of(precisions(BY_STRENGTH, *shapes)(r), 20)


def shared_genes(between, *methods):
    """Least and greatest number of the 50 strongest, over the microarrays."""
    return lambda r: range_of(
        [of_set[between][m] for of_set in r.values() for m in methods], 50
    )


def least_repeating(results):
    """On how many microarrays fewer than 8 of 50 are shared by any network, of all."""
    networks = *BY_STRENGTH, *BY_ATTRIBUTION
    most = (max(of_set["halves"][m] for m in networks) for of_set in results.values())
    return sum(50 * each < 7.5 for each in most), len(results)


CLAIMS += claims(
    TABLES,
    "importance_rankings",
    {row(method, *[CELL] * 7): on_microarrays(method) for method in METHODS},
)
CLAIMS += claims(
    TABLES,
    "importance_rankings-known",
    {
        row(method, *["{:.2f}, {:.2f}"] * len(SIZES)): precisions([method], *SIZES)
        for method in METHODS
    },
)
CLAIMS += claims(
    f"{GUIDE}mlp.rst",
    "importance_rankings",
    {
        "two networks share {} to {} of their 50 strongest genes": shared_genes(
            "seeds", BY_STRENGTH[0], BY_ATTRIBUTION[0]
        ),
        "the means of five networks {} to {}.": shared_genes(
            "seeds", BY_STRENGTH[1], BY_ATTRIBUTION[1]
        ),
        "samples share at most {1} of their 50 strongest genes": shared_genes(
            "halves", *BY_STRENGTH, *BY_ATTRIBUTION
        ),
        "on {} of {} data sets fewer than 8.": least_repeating,
    },
)
CLAIMS += claims(
    f"{GUIDE}mlp.rst",
    "importance_rankings-known",
    {
        "{} or {} of them matter if there are 500 features": that_matter("60 × 500"),
        "{} or {} of 2,000": that_matter("60 × 2000"),
        "{} or {} of 10,000.": that_matter("60 × 10000"),
        "200 samples: {} to {} of the 20 matter": that_matter(
            "200 × 500", "200 × 2000"
        ),
        "2,000 samples: all {0} matter": that_matter("2000 × 500", "2000 × 2000"),
    },
)

# Selections without targets

CHOICES = "default", "diversity=0", "greedy"
DATA = {"allaml": "ALLAML", "colon": "colon", "tox_171": "TOX-171"}
LARGE = {"isolet": "Isolet", "madelon": "madelon", "pcmac": "PCMAC"}


def overlaps(name, between):
    """Of features and of groups, for each choice."""
    return lambda r: tuple(
        x for choice in CHOICES for x in r[name][between][choice][:2]
    )


OVERLAPS = ["{:.2f}, {:.2f}"] * 3
CLAIMS += claims(
    TABLES,
    "selection_stability",
    {
        row(f"{label}, {between}", *OVERLAPS): overlaps(name, between)
        for name, label in (DATA | LARGE).items()
        for between in ("seeds", "halves")
    },
)
CLAIMS += claims(
    TABLES,
    "selection_stability-5",
    {
        row(f"{label}, seeds, 5 networks", *OVERLAPS): overlaps(name, "seeds")
        for name, label in DATA.items()
    },
)

MADE = {
    "60 x 500": "60 × 500",
    "60 x 10000": "60 × 10,000",
    "200 x 2000": "200 × 2,000",
    "2000 x 500": "2,000 × 500",
}


def followed(size):
    """Of the first 10 features, of the first 50, and factors among the first 10."""
    return lambda r: tuple(x for choice in CHOICES for x in r[size][choice])


CLAIMS += claims(
    TABLES,
    "selection_stability-synthetic",
    {
        row(label, *["{:.2f}, {:.2f}, {:.2f}"] * 3): followed(size)
        for size, label in MADE.items()
    },
)
