"""What a block is computed from: a graph of its own, and one task where that is all."""

from collections import Counter

from dask._task_spec import GraphNode, Task, convert_legacy_task
from dask.base import tokenize
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph
from dask.utils import key_split
from distributed import Future


def alone(block):
    """A block with what it is computed from, and nothing of the other blocks."""
    graph = dict(HighLevelGraph.cull(block.__dask_graph__(), {block.key}))
    graph = {
        key: task if isinstance(task, Future) else convert_legacy_task(key, task, graph)
        for key, task in graph.items()
    }
    return _delayed(block.key, graph)


def renamed(block, name):
    """The same block, whose tasks, but those that are done, have names of their own."""
    graph = dict(block.__dask_graph__())
    names = {
        key: f"{key_split(key)}-{tokenize(key, name)}"
        for key, task in graph.items()
        if not isinstance(task, Future)
    }
    graph = {
        names.get(key, key): task.substitute(names, names[key])
        if key in names
        else task
        for key, task in graph.items()
    }
    return _delayed(names.get(block.key, block.key), graph)


def as_one(tasks):
    """Tasks on blocks, each with all that it alone needs as one task of Dask.

    While the scheduler hears of one task, a worker begins with the next: with a task
    for each step, there would be several blocks in memory at once.

    Parameters
    ----------
    tasks : list of Delayed

    Returns
    -------
    tasks : list of Delayed
    """
    graphs = [dict(alone(task).__dask_graph__()) for task in tasks]
    users = Counter(key for graph in graphs for key in graph)
    found = []
    for task, graph in zip(tasks, graphs):
        own = {
            key: node
            for key, node in graph.items()
            if users[key] == 1 and isinstance(node, GraphNode)
        }
        shared = {key: node for key, node in graph.items() if key not in own}
        found.append(_delayed(task.key, {task.key: Task.fuse(*own.values()), **shared}))
    return found


def _delayed(key, graph):
    return Delayed(key, HighLevelGraph({key: graph}, {key: set()}))
