"""What a claim is: a phrase with figures in a text, and how they come from results.

The claims themselves are in `speed_claims.py`, `accuracy_claims.py`,
`selection_claims.py` and `importance_claims.py`.
"""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

FRONT, SITE, SPEED = "README.md", "docs/index.rst", "docs/performance.rst"
TABLES, GUIDE = "benchmarks/README.md", "docs/user_guide/"
RATIO = "{:.2f} ({:.2f} to {:.2f})"


class Claim(NamedTuple):
    """A phrase that has to stand in a text.

    Parameters
    ----------
    path : str
    sources : str
        The files in `results/` that the figures come from, without `.json`.
    phrase : str
        A template of `str.format`.
    figures : callable
        Takes the results of the sources, returns what the template needs: a figure,
        a tuple, or a dict.
    """

    path: str
    sources: str
    phrase: str
    figures: Callable

    def text(self, read):
        """The phrase as it has to be; `read` returns the results of a source."""
        found = self.figures(*map(read, self.sources.split()))
        if isinstance(found, dict):
            return self.phrase.format(**found)
        return self.phrase.format(*(found if isinstance(found, tuple) else (found,)))


def claims(path, sources, figures_of):
    """A claim for each phrase of a dict, which maps it to its figures."""
    return [Claim(path, sources, *item) for item in figures_of.items()]


def as_stored(results):
    """For templates that say where a figure is: `{name[key][0]:.1f}`."""
    return results


def row(label, *cells):
    """A row of a table in Markdown, as a phrase."""
    return f"| {label} | {' | '.join(cells)} |"


def list_row(label, *cells):
    """A row of a list-table in reStructuredText, as a phrase."""
    return f"* - {label} - {' - '.join(cells)}"


def spread(values):
    return median(values), min(values), max(values)
