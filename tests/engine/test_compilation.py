import ast
import gc
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

import sklearn_sparse_nn
from sklearn_sparse_nn.engine.caching import SOURCE_FOLDERS
from sklearn_sparse_nn.engine.compilation import entry_point

_MADE = """
import sys
from types import ModuleType

import numpy as np

# Without scikit-learn, a process starts five times as fast.
package = sys.modules["sklearn_sparse_nn"] = ModuleType("sklearn_sparse_nn")
package.__path__ = PATH

from sklearn_sparse_nn.engine.compilation import entry_point, inner


def make(number):
    @inner
    def work(values):
        for i in range(len(values)):
            STATEMENTS

    return work


one, two = make(1), make(2)


@entry_point
def work_one(values):
    one(values)


@entry_point
def work_two(values):
    two(values)


def work(*functions):
    for function in functions:
        values = np.array([3.0])
        function(values)
        print(values[0])


def hits():
    return sum(f.stats.cache_hits.total() for f in (work_one, work_two))
"""


def _made(n_statements):
    """The source of a module with two entry points."""
    statements = [
        f"values[i] = np.cos(values[i] * {k}) + number" for k in range(n_statements)
    ]
    return _MADE.replace("PATH", repr(list(sklearn_sparse_nn.__path__))).replace(
        "STATEMENTS", "; ".join(statements)
    )


def _run(code, folder, **environment):
    """Run code, which must not fail, in a process that finds modules in `folder`."""
    places = {
        "PYTHONPATH": os.pathsep.join([str(folder), os.getcwd()]),
        "PYTHONWARNINGS": "always::RuntimeWarning",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | places | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


def _compiled_functions():
    prefix = f"{sklearn_sparse_nn.__name__}."
    for module in pkgutil.walk_packages(sklearn_sparse_nn.__path__, prefix):
        importlib.import_module(module.name)
    return [
        function.py_func
        for function in gc.get_objects()
        if issubclass(type(function), Dispatcher)  # not of a dead weak reference
        and function.py_func.__module__.startswith(prefix)
    ]


def test_each_compiled_function_has_a_name_of_its_own():
    names = Counter((f.__module__, f.__qualname__) for f in _compiled_functions())
    assert len(names) > 50
    assert max(names.values()) == 1, names.most_common(3)


def test_the_digest_covers_all_that_is_compiled():
    package = Path(sklearn_sparse_nn.__file__).parent
    watched = tuple(f"{package.name}.{folder}" for folder in SOURCE_FOLDERS)
    for module in {function.__module__ for function in _compiled_functions()}:
        assert module.startswith(watched), module
        tree = ast.parse(Path(sys.modules[module].__file__).read_text())
        imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        ours = {name for name in imported if name.startswith(package.name)}
        assert all(name.startswith(watched) for name in ours), (module, ours)


def test_code_that_several_processes_cached_works_together(tmp_path):
    # Long enough that LLVM does not inline it.
    (tmp_path / "made.py").write_text(_made(100))

    def run(functions):
        code = f"from made import *; work({functions})"
        return _run(code, tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "cache")).stdout

    first, second = run("work_one"), run("work_two")
    assert first != second
    assert run("work_one, work_two") == first + second


_WORK = "from made import *; work(work_one, work_two); print(hits(), 'hits')"
_NOWHERE = "/dev/null/nowhere"
_NO_HOME = {"HOME": _NOWHERE, "XDG_CACHE_HOME": _NOWHERE, "LOCALAPPDATA": _NOWHERE}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with a module and its cache, and what the module prints."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "made.py").write_text(_made(1))
    done = _run(_WORK, folder, NUMBA_CACHE_DIR=str(folder / "cache"))
    return folder, done.stdout


@pytest.fixture
def copied(filled, tmp_path):
    """A folder with the same module, but without a cache."""
    return Path(shutil.copy(filled[0] / "made.py", tmp_path)).parent


@pytest.fixture
def run(filled, tmp_path):
    """Run the module of `filled` with a copy of its cache.

    Returns the number of entry points that were loaded, and what went to stderr.
    """
    original, expected = filled
    shutil.copytree(original / "cache", tmp_path / "cache")

    def run(code="", folder=original, **environment):
        places = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")} | environment
        done = _run(code + _WORK, folder, **places)
        *printed, hits = done.stdout.splitlines()
        assert printed == expected.splitlines()[:-1]
        return int(hits.split()[0]), done.stderr

    return run


def _is_one_warning(text):
    return text.count("RuntimeWarning: ") == 1 and "NUMBA_CACHE_DIR" in text


def _compiles_and_says_so(hits, text):
    """Whether nothing was loaded, and one line says why this took long."""
    says_so = text.startswith("Compiling the kernels of sklearn-sparse-nn, once")
    return hits == 0 and says_so and text.count("\n") == 1


def test_the_cache_is_used(run):
    assert run() == (2, "")


def test_only_a_process_that_compiles_says_so(run, tmp_path):
    shutil.rmtree(tmp_path / "cache")
    assert _compiles_and_says_so(*run())
    assert run() == (2, "")


def test_who_does_not_want_to_hear_of_the_compiler_does_not(run, tmp_path):
    shutil.rmtree(tmp_path / "cache")
    silence = "import logging; logging.getLogger('sklearn_sparse_nn').setLevel('ERROR')"
    assert run(f"{silence}\n") == (0, "")


def test_without_a_place_for_the_cache_code_stays_in_memory(run, copied):
    # Root may write anywhere, but not into a folder whose name a file has.
    (copied / "__pycache__").write_text("")
    hits, warnings = run(folder=copied, NUMBA_CACHE_DIR=_NOWHERE, **_NO_HOME)
    assert hits == 0 and _is_one_warning(warnings)


_DISK_FULL = """
from numba.core.caching import IndexDataCacheFile

def save(*args):
    raise OSError(28, "No space left on device")

IndexDataCacheFile.save = save
"""
_FOLDER_LOST = """
import os, pathlib, shutil, made
cache = pathlib.Path(os.environ["NUMBA_CACHE_DIR"])
shutil.rmtree(cache)
cache.write_text("")
"""
_INDEX_IS_A_FOLDER = """
import made, pathlib
for function in (made.work_one, made.work_two):
    pathlib.Path(function._cache._cache_file._index_path).mkdir()
"""


@pytest.mark.parametrize("trouble", [_DISK_FULL, _FOLDER_LOST, _INDEX_IS_A_FOLDER])
def test_code_that_cannot_be_saved_stays_in_memory(run, tmp_path, trouble):
    shutil.rmtree(tmp_path / "cache")
    hits, warnings = run(trouble)
    assert hits == 0 and _is_one_warning(warnings)


def _zero_the_middle(data):
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[:-9], _zero_the_middle],
    ids=["empty", "truncated", "zeros"],
)
def test_damaged_files_are_replaced(run, tmp_path, damage):
    for name in ("made.work_one-*.nbi", "made.work_two-*.nbc"):
        [file] = (tmp_path / "cache").rglob(name)
        file.write_bytes(damage(file.read_bytes()))
    assert _compiles_and_says_so(*run())
    assert run() == (2, "")


_READ_ONLY = """
import tempfile

def refuse(*args, **kwargs):
    raise OSError(30, "Read-only file system")

tempfile.TemporaryFile = refuse
"""


def test_a_cache_that_cannot_be_written_is_read(run):
    assert run(_READ_ONLY, **_NO_HOME) == (2, "")


def test_a_package_that_cannot_be_written_brings_its_cache_along(run, copied):
    environment = {"NUMBA_CACHE_DIR": "", **_NO_HOME}
    assert _compiles_and_says_so(*run(folder=copied, **environment))
    assert run(_READ_ONLY, folder=copied, **environment) == (2, "")


def test_without_the_compiler_a_fit_says_so(tmp_path):
    code = """
from sklearn_sparse_nn import SETClassifier

try:
    SETClassifier().fit([[0.0], [1.0]], [0, 1])
except RuntimeError as error:
    print(error)
"""
    done = _run(code, tmp_path, NUMBA_DISABLE_JIT="1")
    assert "NUMBA_DISABLE_JIT" in done.stdout and "RuntimeWarning" not in done.stderr


def test_functions_of_the_user_work_beside():
    """Numba's own helpers, such as `min`, are compiled without machine code here."""

    def work(x, out):
        out[0] = 0
        for i in range(len(x)):
            out[0] += min(x[i], 0.3) + max(x[i], 0.6, 0.1) ** 3 + divmod(i, 3)[1]

    x, expected = np.linspace(0, 1, 50), np.zeros(1)
    work(x, expected)
    for compiled in (entry_point(work), njit(work)):
        out = np.zeros(1)
        compiled(x, out)
        np.testing.assert_allclose(out, expected)
