"""How many threads an estimator may use."""

from joblib import cpu_count, effective_n_jobs
from numba import config


def n_threads(n_jobs):
    """The threads that `n_jobs` asks for, at most one for each processor at hand.

    More would wait for each other, spinning. A worker process of joblib has its share
    of the processors, and joblib tells numba how many these are.
    """
    asked = effective_n_jobs(n_jobs)
    if asked == 1:  # `cpu_count` reads files, 0.1 ms
        return 1
    return max(1, min(asked, cpu_count(), config.NUMBA_NUM_THREADS))
