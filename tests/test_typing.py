"""Whether the public interface says the types of what it takes and returns."""

import functools
import inspect
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

import sklearn_sparse_nn
from sklearn_sparse_nn import _types
from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.engine.losses import REGRESSION_LOSSES
from sklearn_sparse_nn.evolution import DISTRIBUTIONS, EVOLUTIONS, SCHEDULES
from sklearn_sparse_nn.networks.autoencoder import NOISES
from sklearn_sparse_nn.topology import TOPOLOGIES

PACKAGE = "sklearn_sparse_nn"
SPECIAL = ("__init__", "__call__", "__enter__", "__exit__")
MODULES = ["", ".topology", ".evolution", ".inspection", ".dask", ".warm_up"]


def public_objects():
    """The classes and functions of each public module, by where they are defined."""
    found = {}
    for name in MODULES:
        module = import_module(PACKAGE + name)
        for each in getattr(module, "__all__", ["warm_up"]):
            thing = getattr(module, each)
            if callable(thing):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


def functions_of(thing):
    """The public functions behind a class or a function, and what they are called."""
    if not inspect.isclass(thing):
        yield thing.__qualname__, thing
        return
    for base in thing.__mro__:
        if not base.__module__.startswith(PACKAGE):
            continue
        for name, member in vars(base).items():
            if name.startswith("_") and name not in SPECIAL:
                continue
            function = function_of(member)
            if function is not None:
                yield f"{base.__qualname__}.{name}", function


def function_of(member):
    """The function that is called where a member of a class is asked for, if any."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, functools.cached_property):
        return member.func
    if isinstance(member, (classmethod, staticmethod)):
        return member.__func__
    return member if inspect.isfunction(member) else None


def without_annotation(function):
    """Names of the parameters of a function that have none, and of its result."""
    signature = inspect.signature(function)
    names = [
        name
        for number, (name, parameter) in enumerate(signature.parameters.items())
        if parameter.annotation is parameter.empty
        and not (number == 0 and name in ("self", "cls"))
    ]
    if signature.return_annotation is signature.empty:
        names.append("return")
    return names


OBJECTS = public_objects()


@pytest.mark.parametrize("thing", OBJECTS.values(), ids=OBJECTS)
def test_public_interface_is_annotated(thing):
    missing = {
        name: names
        for name, function in functions_of(thing)
        if (names := without_annotation(function))
    }
    assert not missing


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (_types.ActivationName, ACTIVATIONS),
        (_types.DistributionName, DISTRIBUTIONS),
        (_types.EvolutionName, EVOLUTIONS),
        (_types.LossName, REGRESSION_LOSSES),
        (_types.NoiseName, NOISES),
        (_types.ScheduleName, SCHEDULES),
        (_types.TopologyName, TOPOLOGIES),
    ],
)
def test_types_know_all_names(name, options):
    assert set(get_args(name)) == set(options)


def test_marker_is_beside_the_package():
    assert (Path(sklearn_sparse_nn.__file__).parent / "py.typed").is_file()
