"""Configuration of the documentation.

Nothing here needs a network, neither to build nor to read, except examples that fetch
their data: formulas are drawn by a script of the site, and links to other projects are
looked up in the lists of `inventories`. With the option
`-t offline` of sphinx-build these are shown, but do not run. Nor does the main job of
the README with `-t main_job_ran`.
"""

import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

from numpydoc.docscrape_sphinx import SphinxDocString

from sklearn_sparse_nn import __version__

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))  # for the order of the gallery

project = "sklearn-sparse-nn"
author = "The sklearn-sparse-nn developers"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "auto_examples/**.ipynb"]
source_suffix = {".rst": "restructuredtext"}
default_role = "code"
nitpicky = True

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {
        "text": project,
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
    },
    "navbar_start": ["navbar-logo", "version"],
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
    "show_prev_next": True,
}
# Where several versions are on line, a JSON file says which: see the theme's manual.
if switcher := os.environ.get("DOCS_SWITCHER"):
    html_theme_options["switcher"] = {"json_url": switcher, "version_match": version}
    html_theme_options["navbar_start"] = ["navbar-logo", "version-switcher"]
# These pages have no siblings to navigate to.
html_sidebars = {
    page: []
    for page in (
        "index",
        "installation",
        "quick_start",
        "performance",
        "benchmarks",
        "glossary",
        "changelog",
        "contributing",
    )
}

mathjax_path = "mathjax/tex-svg.js"
# What reads formulas aloud is in files that are not there.
mathjax3_config = {
    "options": {"menuOptions": {"settings": {"speech": False, "braille": False}}}
}
maximum_signature_line_length = 88
# The docstrings say them, and in words.
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
copybutton_exclude = ".linenos, .gp, .go"

myst_heading_anchors = 3
extlinks = {"arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s")}

autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    "ndarray": "numpy.ndarray",
    "RandomState": "numpy.random.RandomState",
    **{
        name: f"sklearn_sparse_nn.{module}.{name}"
        for module, names in {
            "evolution": [
                "EvolutionRule",
                "EvolvingLayer",
                "TrainingClock",
                "Schedule",
            ],
            "inspection": ["TopologyHistory", "PowerLawFit"],
            "dask": ["LocalSGD", "WASAPSGD", "FedDST"],
        }.items()
        for name in names
    },
}


def _runs(example):
    """Whether an example runs, given the tags of this build."""
    if tags.has("main_job_ran") and example.name == "plot_tune_on_images.py":  # noqa: F821
        return False
    return not (tags.has("offline") and "fetch_" in example.read_text())  # noqa: F821


examples = [path.name for path in (ROOT / "examples").rglob("plot_*.py") if _runs(path)]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "subsection_order": [
        f"../examples/{name}" for name in ("select", "boltzmann", "rules", "cluster")
    ],
    "within_subsection_order": "gallery_order.FirstStepsFirst",
    "filename_pattern": "|".join(map(re.escape, examples)),
    "download_all_examples": False,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_sparse_nn",),
    "reference_url": {"sklearn_sparse_nn": None},
    "thumbnail_size": (600, 300),
    "show_memory": False,
    "write_computation_times": False,  # a table by scripts from the network
    "reset_modules": ("matplotlib",),
    # Where seconds are shown to readers, each example has the machine for itself.
    "parallel": (os.cpu_count() or 1) if tags.has("offline") else False,  # noqa: F821
}


def _compress(folder, target):
    """Write the lists of what other projects document in the format of Sphinx.

    Parameters
    ----------
    folder : Path
        Of text files: the address of the project, then a line for each object.
    target : Path

    Returns
    -------
    mapping : dict
        For `intersphinx_mapping`.
    """
    target.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for path in sorted(folder.glob("*.txt")):
        address, *objects = path.read_text().splitlines()
        head = f"# Sphinx inventory version 2\n# Project: {path.stem}\n# Version: \n"
        head += "# The remainder of this file is compressed using zlib.\n"
        body = zlib.compress("".join(f"{each}\n" for each in objects).encode())
        inventory = target / f"{path.stem}.inv"
        inventory.write_bytes(head.encode() + body)
        mapping[path.stem] = (address, str(inventory))
    return mapping


HERE = Path(__file__).parent
intersphinx_mapping = _compress(HERE / "inventories", HERE / "generated/inventories")


_process_param = SphinxDocString._process_param


def _as_written(self, param, desc, fake_autosummary):
    """What a class says of a fitted attribute, in place of a link to the property."""
    return _process_param(self, param, desc, fake_autosummary=False)


SphinxDocString._process_param = _as_written


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
