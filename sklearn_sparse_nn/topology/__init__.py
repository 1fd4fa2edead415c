"""How the connections of a layer begin."""

from sklearn_sparse_nn.topology.initial import Dense, ErdosRenyi
from sklearn_sparse_nn.topology.xbm import XBM

TOPOLOGIES = {"erdos_renyi": ErdosRenyi, "xbm": XBM, "dense": Dense}

__all__ = ["TOPOLOGIES", "XBM", "Dense", "ErdosRenyi"]
