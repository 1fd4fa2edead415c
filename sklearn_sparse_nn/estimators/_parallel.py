"""How many threads an estimator may use."""

import os
from contextlib import suppress

from joblib import cpu_count, effective_n_jobs
from numba import config


def told_by_environment():
    """The number in `OMP_NUM_THREADS`; of a list, the first is that of one level."""
    with suppress(ValueError):
        yield int(os.environ.get("OMP_NUM_THREADS", "").split(",")[0])


# OpenMP, too, reads it when it is loaded. Dask changes it afterwards, in the process of
# the client, for its workers.
_TOLD = tuple(told_by_environment())


def n_threads(n_jobs):
    """The threads that `n_jobs` asks for, at most one for each processor at hand.

    More would wait for each other, spinning. A worker process of joblib has its share
    of the processors, and joblib tells numba how many these are. Workers of Dask and of
    Ray are told by `OMP_NUM_THREADS`.
    """
    asked = effective_n_jobs(n_jobs)
    if asked == 1:  # `cpu_count` reads files, 0.1 ms
        return 1
    return max(1, min(asked, cpu_count(), config.NUMBA_NUM_THREADS, *_TOLD))
