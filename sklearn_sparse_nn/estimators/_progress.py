"""What verbose estimators print."""

import time


class Progress:
    """Prints a line after each epoch, if the estimator is verbose.

    Parameters
    ----------
    estimator : estimator
    max_epochs : int or None
        Epochs to come at most, from now on, if that is known.
    prefix : str
        What each line begins with.
    """

    def __init__(self, estimator, max_epochs=None, prefix=""):
        self._verbose, self._prefix = estimator.verbose, prefix
        self._max_epochs, self._n_epochs = max_epochs, 0
        self._start = time.perf_counter()

    def report(self, n_iter, *figures):
        """An epoch is over: print its figures, and the time."""
        if not self._verbose:
            return
        self._n_epochs += 1
        seconds = time.perf_counter() - self._start
        figures = [f"Iteration {n_iter}", *figures, f"time = {seconds:.2f}s"]
        if self._max_epochs is not None:
            pace = seconds / self._n_epochs
            left = pace * (self._max_epochs - self._n_epochs)
            figures.append(f"left = {left:.2f}s")
        print(self._prefix + ", ".join(figures))
