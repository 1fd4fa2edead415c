"""Draw the figures of the documentation from the stored results of the benchmarks.

`results/NAME.json` is what ``NAME.py --json`` wrote, or, as `NAME-OPTION.json`, what it
wrote with an option; its figure goes to ``docs/generated/performance/NAME.svg``. A
figure that is newer than its results and all scripts stays as it is. Nothing is
measured. The build of the documentation runs this.

    python benchmarks/figures.py
"""

import json
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "generated" / "performance"


def is_newer(target, sources):
    """Whether the file exists and was written after all of the sources."""
    return target.exists() and all(
        target.stat().st_mtime > source.stat().st_mtime for source in sources
    )


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    # Scripts draw with the help of others.
    scripts = list(HERE.glob("*.py"))
    for path in sorted((HERE / "results").glob("*.json")):
        target = TARGET / f"{path.stem}.svg"
        if is_newer(target, [path, *scripts]):
            continue
        script, _, _ = path.stem.partition("-")
        draw = getattr(import_module(script), "draw", None)
        if draw is None:
            continue
        figure = draw(json.loads(path.read_text())["results"])
        figure.savefig(target)
        plt.close(figure)
        print(target.relative_to(HERE.parent))


if __name__ == "__main__":
    main()
