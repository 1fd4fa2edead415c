"""Peak memory of a fit whose dense weights would not fit in the memory of a laptop.

A network 54,675-27,500-27,500-18 at epsilon=10, the size of a microarray study, on
1,400 samples of dense float32 noise, batches of 32. What counts is the peak of the
resident memory during `SETClassifier.fit`, above what the process holds once all is
imported and the samples are made; compiling, with an empty cache, is included. Each run
is a fresh process. Linux only, as it reads /proc.

    python benchmarks/memory.py
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np
from common import argument_parser, describe_machine, print_table, report

N_SAMPLES, N_FEATURES, HIDDEN, N_CLASSES = 1_400, 54_675, (27_500, 27_500), 18


def memory(field):
    """A field of /proc/self/status in MiB: VmRSS is the present, VmHWM the peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise OSError(f"no {field} in /proc/self/status")


def fit(n_jobs):
    """Fit in this process; return what it took."""
    from sklearn_sparse_nn import SETClassifier

    warnings.filterwarnings("ignore")
    rng = np.random.default_rng(0)
    X = rng.random((N_SAMPLES, N_FEATURES), dtype=np.float32)
    y = rng.permutation(np.arange(N_SAMPLES) % N_CLASSES)
    model = SETClassifier(
        HIDDEN, epsilon=10, batch_size=32, max_iter=2, random_state=0, n_jobs=n_jobs
    )
    before, start = memory("VmRSS"), time.perf_counter()
    model.fit(X, y)
    return {
        "before": before,
        "above": memory("VmHWM") - before,
        "seconds": time.perf_counter() - start,
        "n_connections": int(model.n_connections_.sum()),
    }


def fit_in_fresh_process(n_jobs):
    with tempfile.TemporaryDirectory() as cache:
        output = subprocess.run(
            [sys.executable, __file__, "--fit", str(n_jobs)],
            env=os.environ | {"NUMBA_CACHE_DIR": cache},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(output.stdout)


def main():
    parser = argument_parser(__doc__, n_rounds=3)
    parser.add_argument("--n-jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--fit", type=int, help="used by the script itself")
    args = parser.parse_args()
    if args.fit is not None:
        print(json.dumps(fit(args.fit)))
        return

    results = {n_jobs: [] for n_jobs in args.n_jobs}
    for _ in range(args.rounds):
        for n_jobs, runs in results.items():
            runs.append(fit_in_fresh_process(n_jobs))

    rows = []
    for n_jobs, runs in results.items():
        above = [run["above"] for run in runs]
        before = median(run["before"] for run in runs)
        rows.append(
            [
                str(n_jobs),
                f"{median(above):.0f} ({min(above):.0f} to {max(above):.0f})",
                f"{before:.0f}",
                f"{median(run['seconds'] for run in runs):.1f}",
            ]
        )
    sizes = (N_FEATURES, *HIDDEN, N_CLASSES)
    n_cells = sum(a * b for a, b in itertools.pairwise(sizes))
    n_connections = runs[0]["n_connections"]
    print(
        f"{n_connections:,} connections; dense: {n_cells:,}, {4 * n_cells / 2**20:,.0f}"
    )
    print("MiB of float32 weights alone\n")
    print_table(["n_jobs", "MiB above data", "MiB before", "s, 2 epochs"], rows)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
