"""Our three kernels against C and SciPy, on one thread.

The forward pass, the gradient of the inputs and the gradient of the weights of one
sparse layer, in float32. `kernels.c` holds the same algorithms over the same arrays,
compiled with `cc -O3 -march=native`; SciPy multiplies its CSR matrix by the dense batch
(the forward pass only, without activation function). The results are compared first.

    python benchmarks/kernels.py
    python benchmarks/kernels.py --lanes 16     # C with AVX-512 vectors
"""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numba
import numpy as np
from common import (
    argument_parser,
    describe_machine,
    format_ratio,
    interleave,
    print_table,
    ratio,
    report,
    stopwatch,
)

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.activations import PIECEWISE_LINEAR
from sklearn_sparse_nn.engine.buffers import aligned_zeros, padded_width, row_stride
from sklearn_sparse_nn.engine.layers import layer_matrix
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.topology import ErdosRenyi

KERNELS = ("forward", "input_gradient", "weight_gradient")


# The engine compiles its kernels without a door for Python. What training knows only
# when it runs, the activation function for one, is an argument here, too.
@numba.njit
def _forward(width, layers, x, out, stride, kind, left):
    n = len(layers.intercepts)
    kernels.forward(0, width, layers, 0, n, x, out, out, stride, kind, left, False)


@numba.njit
def _input_gradient(width, layers, deltas, errors, stride):
    n = len(layers.intercepts)
    kernels.input_gradient(0, width, layers, 0, n, deltas, stride, errors, stride)


@numba.njit
def _weight_gradient(width, layers, x, deltas, gradient, bias, stride):
    n = len(layers.intercepts)
    kernels.weight_gradient(0, width, layers, 0, n, x, deltas, gradient, bias, stride)


class Problem:
    """One sparse layer, and buffers for one batch."""

    def __init__(self, n_neurons, epsilon, batch_size):
        sizes = [n_neurons, n_neurons]
        network = MLP(sizes, ErdosRenyi(), epsilon, "relu", "identity", seed=0)
        self.layers = network.layers
        self.matrix = layer_matrix(self.layers, 0).T.tocsr()
        self.n_neurons, self.batch_size = n_neurons, batch_size
        self.stride = row_stride(padded_width(batch_size))
        rng = np.random.default_rng(0)
        self.x, self.deltas = self.random_rows(rng), self.random_rows(rng)
        # SciPy gets what suits it best: a contiguous matrix.
        self.dense_x = np.ascontiguousarray(self.rows(self.x))

    def empty_rows(self):
        return aligned_zeros(self.n_neurons * self.stride)

    def random_rows(self, rng):
        buffer = self.empty_rows()
        values = rng.standard_normal((self.n_neurons, self.batch_size))
        self.rows(buffer)[:] = values
        return buffer

    def rows(self, buffer):
        return buffer.reshape(self.n_neurons, -1)[:, : self.batch_size]

    def results(self):
        """Zeroed results of the forward pass, of each gradient and of the biases."""
        gradient = aligned_zeros(len(self.layers.weights))
        return (
            self.empty_rows(),
            self.empty_rows(),
            gradient,
            aligned_zeros(self.n_neurons),
        )


def our_kernels(problem, results):
    """The kernels of the engine as functions without arguments."""
    out, errors, gradient, bias = results
    width, layers, stride = problem.batch_size, problem.layers, problem.stride
    x, deltas, left = problem.x, problem.deltas, np.float32(0)
    return {
        "forward": lambda: _forward(
            width, layers, x, out, stride, PIECEWISE_LINEAR, left
        ),
        "input_gradient": lambda: _input_gradient(
            width, layers, deltas, errors, stride
        ),
        "weight_gradient": lambda: _weight_gradient(
            width, layers, x, deltas, gradient, bias, stride
        ),
    }


def c_kernels(library, problem, results):
    """Their twins in C as functions without arguments."""
    out, errors, gradient, bias = results
    layers = problem.layers
    sizes = [ctypes.c_int64(problem.batch_size), ctypes.c_int64(problem.n_neurons)]
    stride = ctypes.c_int64(problem.stride)
    structure = [layers.indptr, layers.indices]
    arrays = {
        "forward": [layers.weights, layers.intercepts, problem.x, out],
        "input_gradient": [layers.weights, problem.deltas, errors],
        "weight_gradient": [problem.x, problem.deltas, gradient, bias],
    }

    def bind(name):
        function = getattr(library, name)
        function.restype = None
        addresses = [ctypes.c_void_p(a.ctypes.data) for a in structure + arrays[name]]
        return lambda: function(*sizes, *addresses, stride)

    return {name: bind(name) for name in KERNELS}


def compile_c(compiler, lanes, folder):
    """Compile `kernels.c` and load it."""
    source = Path(__file__).with_name("kernels.c")
    target = Path(folder) / "kernels.so"
    # -ffp-contract=fast is GCC's default; Clang needs it to fuse across statements.
    flags = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
    command = [compiler, *flags, f"-DLANES={lanes}", str(source), "-o", str(target)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


def check(ours, theirs, our_results, their_results):
    """Run each kernel once; both sides must agree."""
    for name in KERNELS:
        ours[name]()
        theirs[name]()
    for mine, yours in zip(our_results, their_results, strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-3)


def compare(problem, library, n_rounds, n_calls):
    """Seconds per kernel and side, and what they say in GFLOP/s and ratios."""
    our_results, c_results = problem.results(), problem.results()
    ours = our_kernels(problem, our_results)
    c = c_kernels(library, problem, c_results)
    check(ours, c, our_results, c_results)
    gigaflops = 2e-9 * len(problem.layers.weights) * problem.batch_size
    results = {}
    for name in KERNELS:
        sides = {"ours": ours[name], "C": c[name]}
        if name == "forward":
            sides["SciPy"] = lambda: problem.matrix @ problem.dense_x
        timed = {side: stopwatch(call, n_calls) for side, call in sides.items()}
        seconds = interleave(timed, n_rounds)
        results[name] = {
            "seconds": seconds,
            "gflops": {side: gigaflops / median(s) for side, s in seconds.items()},
            "speed_of_ours": {
                side: ratio(s, seconds["ours"])
                for side, s in seconds.items()
                if side != "ours"
            },
        }
    return results


def print_results(results):
    rows = []
    for n_neurons, by_kernel in results.items():
        for name, result in by_kernel.items():
            gflops, speed = result["gflops"], result["speed_of_ours"]
            cells = [f"{gflops[s]:.1f}" if s in gflops else "" for s in SIDES]
            ratios = [format_ratio(speed[s]) if s in speed else "" for s in SIDES[1:]]
            rows.append([f"{n_neurons} {name}", *cells, *ratios])
    print("GFLOP/s, and speed of ours over theirs (above 1: ours is faster)\n")
    print_table(["neurons, kernel", *SIDES, "ours / C", "ours / SciPy"], rows)


SIDES = ("ours", "C", "SciPy")


def main():
    parser = argument_parser(__doc__, n_rounds=21)
    parser.add_argument("--neurons", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--epsilon", type=float, default=20)
    parser.add_argument("--batch-size", type=int, default=128, help="64, 128, 192, …")
    parser.add_argument("--calls", type=int, default=50, help="per round")
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--lanes", type=int, choices=[8, 16], default=8)
    args = parser.parse_args()
    if args.batch_size % 64:
        parser.error("the C kernels know whole tiles of 64 samples only")
    if shutil.which(args.compiler) is None:
        parser.error(f"no C compiler named {args.compiler!r}: see --compiler")

    with tempfile.TemporaryDirectory() as folder:
        library = compile_c(args.compiler, args.lanes, folder)
        results = {}
        for n_neurons in args.neurons:
            problem = Problem(n_neurons, args.epsilon, args.batch_size)
            results[n_neurons] = compare(problem, library, args.rounds, args.calls)
    print_results(results)
    version = subprocess.run(
        [args.compiler, "--version"], capture_output=True, text=True, check=True
    )
    machine = describe_machine() | {"compiler": version.stdout.splitlines()[0]}
    report(machine, results, args)


if __name__ == "__main__":
    main()
