"""Check that the figures in the texts are those in `results/`.

Each claim of the scripts `..._claims.py` is a phrase whose figures are computed from
the stored results. It has to stand in its text, wherever lines end there.
All claims are printed with their sources; the script fails if one does not hold.
Nothing is measured::

    python benchmarks/check_figures.py
"""

import json
import re
import sys
from functools import cache
from pathlib import Path

import accuracy_claims
import importance_claims
import selection_claims
import speed_claims

HERE = Path(__file__).parent
CLAIMS = [
    *speed_claims.CLAIMS,
    *accuracy_claims.CLAIMS,
    *selection_claims.CLAIMS,
    *importance_claims.CLAIMS,
]


@cache
def results_of(source):
    return json.loads((HERE / "results" / f"{source}.json").read_text("utf-8"))[
        "results"
    ]


@cache
def text_of(path):
    return plain((HERE.parent / path).read_text("utf-8"))


def plain(text):
    """Text without line ends and bold type, and with one kind of minus."""
    return " ".join(text.replace("**", "").replace("−", "-").split())


def stands_in(phrase, text):
    """Whether a text has a phrase, and not only with more digits on either side."""
    return re.search(rf"(?<![\d.,]){re.escape(phrase)}(?!\d|[.,]\d)", text)


def main():
    wrong = []
    for claim in CLAIMS:
        text = claim.text(results_of)
        line = f"{claim.path}: {text} [{claim.sources}]"
        print(line)
        if not stands_in(plain(text), text_of(claim.path)):
            wrong.append(line)
    print(f"\n{len(CLAIMS)} claims, of which {len(wrong)} are not in their text")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
