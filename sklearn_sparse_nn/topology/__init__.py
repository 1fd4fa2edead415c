"""How the connections of a layer begin."""

from importlib import import_module

from sklearn_sparse_nn.topology.correlated import CSTI
from sklearn_sparse_nn.topology.given import FromArrays
from sklearn_sparse_nn.topology.initial import Dense, ErdosRenyi
from sklearn_sparse_nn.topology.ring import BRF, WattsStrogatz
from sklearn_sparse_nn.topology.scale_free import BarabasiAlbert
from sklearn_sparse_nn.topology.xbm import XBM

TOPOLOGIES: dict[str, type] = {
    "erdos_renyi": ErdosRenyi,
    "xbm": XBM,
    "dense": Dense,
    "watts_strogatz": WattsStrogatz,
    "barabasi_albert": BarabasiAlbert,
    "brf": BRF,
    "csti": CSTI,
}

__all__ = [
    "BRF",
    "CSTI",
    "TOPOLOGIES",
    "XBM",
    "BarabasiAlbert",
    "Dense",
    "ErdosRenyi",
    "FromArrays",
    "WattsStrogatz",
]


def __getattr__(name):
    # Until the first release: rules were here before they got a floor of their own.
    evolution = import_module("sklearn_sparse_nn.evolution")
    if name in evolution.__all__:
        return getattr(evolution, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
