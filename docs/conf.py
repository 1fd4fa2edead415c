"""Configuration of the documentation.

Nothing here needs a network, except examples that fetch their data. With the option
`-t offline` of sphinx-build these are shown, but do not run. Nor does the main job of
the README with `-t main_job_ran`.
"""

import re
import subprocess
import sys
from pathlib import Path

from sklearn_sparse_nn import __version__

ROOT = Path(__file__).resolve().parents[1]

project = "sklearn-sparse-nn"
author = "The sklearn-sparse-nn developers"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.mathjax",
    "myst_parser",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "auto_examples/**.ipynb"]
source_suffix = {".rst": "restructuredtext"}
default_role = "code"

html_theme = "pydata_sphinx_theme"
html_title = "sklearn-sparse-nn"
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "show_prev_next": False,
}
# These pages have no siblings to navigate to.
html_sidebars = {
    page: []
    for page in ("index", "installation", "quick_start", "glossary", "changelog")
}

extlinks = {"arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s")}

autosummary_generate = True
numpydoc_show_class_members = False


def _runs(example):
    """Whether an example runs, given the tags of this build."""
    if tags.has("main_job_ran") and example.name == "plot_tune_on_images.py":  # noqa: F821
        return False
    return not (tags.has("offline") and "fetch_" in example.read_text())  # noqa: F821


examples = [path.name for path in (ROOT / "examples").glob("plot_*.py") if _runs(path)]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "|".join(map(re.escape, examples)),
    "download_all_examples": False,
    "show_memory": False,
    "reset_modules": ("matplotlib",),
}


def _skip_member(app, what, name, obj, skip, options):
    """Leave out what the docstring of the class already lists, or nobody calls."""
    fitted_attribute = isinstance(obj, property) and name.endswith("_")
    routing = name.startswith(("set_", "get_")) and name.endswith(
        ("_request", "_routing")
    )
    of_tuple = name in ("count", "index") or type(obj).__name__ == "_tuplegetter"
    return True if fitted_attribute or routing or of_tuple else None


def _unlink(app, what, name, obj, options, lines):
    """Inherited docstrings refer to pages of scikit-learn: keep the text only."""
    if str(getattr(obj, "__module__", "")).startswith("sklearn."):
        text = re.sub(r":ref:`([^<`]+?)\s*<[^`]*>`", r"\1", "\n".join(lines))
        text = re.sub(r":ref:`[^`]*`", "the documentation of scikit-learn", text)
        lines[:] = text.split("\n")


def _draw_figures(app):
    """Draw the figures of the performance page.

    This has a process of its own, for the modules of the benchmarks have names such as
    `text` and `memory`, and must not stay in this one.
    """
    script = ROOT / "benchmarks" / "figures.py"
    subprocess.run([sys.executable, script], check=True, stdout=subprocess.DEVNULL)


def setup(app):
    app.connect("builder-inited", _draw_figures)
    app.connect("autodoc-process-docstring", _unlink)
    app.connect("autodoc-skip-member", _skip_member)
