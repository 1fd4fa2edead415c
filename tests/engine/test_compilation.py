import gc
import importlib
import os
import pkgutil
import subprocess
import sys
from collections import Counter

from numba.core.dispatcher import Dispatcher

import sklearn_sparse_nn

# Long enough that LLVM does not inline it.
_FACTORY = """
import numpy as np

from sklearn_sparse_nn.engine.compilation import entry_point, inner


def make(number):
    @inner
    def work(values):
        for i in range(len(values)):
""" + "".join(
    f"            values[i] = np.cos(values[i] * {i}) + number\n" for i in range(100)
)
_ENTRY_POINTS = """
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
"""


def test_each_compiled_function_has_a_name_of_its_own():
    prefix = f"{sklearn_sparse_nn.__name__}."
    for module in pkgutil.walk_packages(sklearn_sparse_nn.__path__, prefix):
        importlib.import_module(module.name)
    names = Counter(
        (function.py_func.__module__, function.py_func.__qualname__)
        for function in gc.get_objects()
        if isinstance(function, Dispatcher)
        and function.py_func.__module__.startswith(prefix)
    )
    assert len(names) > 50
    assert max(names.values()) == 1, names.most_common(3)


def test_code_that_several_processes_cached_works_together(tmp_path):
    (tmp_path / "made.py").write_text(_FACTORY + _ENTRY_POINTS)

    def run(functions):
        places = {
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()]),
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        }
        code = f"from made import *; work({functions})"
        command = [sys.executable, "-c", code]
        return subprocess.check_output(command, env=os.environ | places, text=True)

    first, second = run("work_one"), run("work_two")
    assert first != second
    assert run("work_one, work_two") == first + second
