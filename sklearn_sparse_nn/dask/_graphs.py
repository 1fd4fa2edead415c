"""What a block is computed from: a graph of its own, and one task where that is all."""

from collections import Counter

from dask._task_spec import GraphNode, Task, convert_legacy_graph
from dask.base import tokenize
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph
from dask.utils import key_split
from distributed import Future


def alone(block):
    """A block with what it is computed from, and nothing of the other blocks."""
    graph = dict(HighLevelGraph.cull(block.__dask_graph__(), {block.key}))
    tasks = {k: task for k, task in graph.items() if not isinstance(task, Future)}
    # Other libraries may still write tasks as tuples, and data as they are.
    return _delayed(block.key, graph | convert_legacy_graph(tasks, set(graph)))


def renamed(block, name):
    """The same block, whose tasks, but those that are done, have names of their own."""
    graph = _graph_of(block)
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


def shared_keys(rows):
    """Keys of what several of them are computed from.

    Parameters
    ----------
    rows : list of tuple of Delayed or None
        X, y and weights of each block, or a task on each.

    Returns
    -------
    keys : set of str or tuple
    """
    graphs = [
        {key for each in row if each is not None for key in _graph_of(each)}
        for row in rows
    ]
    users = Counter(key for graph in graphs for key in graph)
    return {key for key, n in users.items() if n > 1}


def as_one(task, shared):
    """A task on a block, with all that no other block needs, as one task of Dask.

    While the scheduler hears of one task, a worker begins with the next: with a task
    for each step, there would be several blocks in memory at once.

    Parameters
    ----------
    task : Delayed
    shared : set of str or tuple
        See `shared_keys`.

    Returns
    -------
    task : Delayed
    """
    graph = _graph_of(alone(task))
    own = {
        key: node
        for key, node in graph.items()
        if key not in shared and isinstance(node, GraphNode)
    }
    others = {key: node for key, node in graph.items() if key not in own}
    return _delayed(task.key, {task.key: Task.fuse(*own.values()), **others})


def _graph_of(block):
    return dict(block.__dask_graph__())


def _delayed(key, graph):
    return Delayed(key, HighLevelGraph({key: graph}, {key: set()}))
