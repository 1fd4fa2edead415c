"""Draw the figures of the documentation from the stored results of the benchmarks.

`results/NAME.json` is what ``NAME.py --json`` wrote; its figure goes to
``docs/_static/performance/NAME.svg``. Nothing is measured.

    python benchmarks/figures.py
"""

import json
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "_static" / "performance"


def main():
    TARGET.mkdir(exist_ok=True)
    # The same file for the same results.
    plt.rcParams["svg.hashsalt"] = "sklearn-sparse-nn"
    for path in sorted((HERE / "results").glob("*.json")):
        draw = getattr(import_module(path.stem), "draw", None)
        if draw is None:
            continue
        figure = draw(json.loads(path.read_text())["results"])
        target = TARGET / f"{path.stem}.svg"
        figure.savefig(target, metadata={"Date": None})
        plt.close(figure)
        print(target.relative_to(HERE.parent))


if __name__ == "__main__":
    main()
