"""Our three kernels against C and SciPy, on one thread.

The forward pass, the gradient of the inputs and the gradient of the weights of one
sparse layer, in float32. `kernels.c` holds the same algorithms over the same arrays,
compiled with `cc -O3 -march=native`. SciPy, MKL and PyTorch multiply a CSR matrix by
the dense batch (the forward pass only, without activation function). The results are
compared first. MKL and PyTorch are left out where they cannot be imported; where
`sparse-dot-mkl` does not find MKL, name `libmkl_rt` in the environment variable MKL_RT.

Then the same times beside what this processor can do at most, measured in the same run:
see `roofline.py`. For each of its connections a kernel loads the activations of one
neuron, 4 bytes for each sample; they come from the nearest level of the memory that
holds a tile of 64 samples of all neurons.

    python benchmarks/kernels.py
    python benchmarks/kernels.py --lanes 16     # C with AVX-512 vectors
"""

import ctypes
import tempfile
from contextlib import suppress
from statistics import median

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
from roofline import (
    add_compiler_options,
    check_compiler,
    compile_c,
    compiler_version,
    level_of,
    print_roofline,
    roof,
)
from roofline import measure as measure_roofline
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.activations import PIECEWISE_LINEAR, Activation
from sklearn_sparse_nn.engine.buffers import aligned_zeros, look_ahead, padded_width
from sklearn_sparse_nn.engine.columns import Columns
from sklearn_sparse_nn.engine.compilation import entry_point
from sklearn_sparse_nn.engine.layers import layer_matrix
from sklearn_sparse_nn.engine.references import refer
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

KERNELS = ("forward", "input_gradient", "weight_gradient")
SIDES = ("ours", "C", "SciPy", "MKL", "PyTorch")
# Samples that the kernels take at a time, and operations in a measurement, at least:
# tens of milliseconds.
TILE, OPERATIONS = 64, 2_000_000_000


# The engine compiles its kernels without a door for Python. What training knows only
# when it runs, the activation function for one, is an argument here, too.
@entry_point
def _forward(columns, layers, x, out, activation):
    piece = refer(kernels.all_connections(layers, 0, len(layers.intercepts)))
    kernels.forward(columns, piece, x, out, out, activation)


@entry_point
def _input_gradient(columns, layers, deltas, errors):
    piece = refer(kernels.all_connections(layers, 0, len(layers.intercepts)))
    kernels.input_gradient(columns, piece, deltas, errors)


@entry_point
def _weight_gradient(columns, layers, x, deltas, gradient, bias):
    piece = refer(kernels.all_connections(layers, 0, len(layers.intercepts)))
    kernels.weight_gradient(columns, piece, x, deltas, gradient, bias)


class Problem:
    """One sparse layer, and buffers for one batch."""

    def __init__(self, n_neurons, epsilon, batch_size):
        sizes = [n_neurons, n_neurons]
        network = MLP(sizes, Start(ErdosRenyi(), epsilon, seed=0), "relu", "identity")
        self.layers = network.layers
        self.matrix = layer_matrix(self.layers, 0).T.tocsr()
        self.n_neurons, self.batch_size = n_neurons, batch_size
        self.stride = padded_width(batch_size)
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
    layers, x, deltas = problem.layers, problem.x, problem.deltas
    ahead = look_ahead(layers.sizes, problem.stride)
    # Presence and bands are matters of the passes, not of the kernels.
    columns = Columns(0, problem.batch_size, problem.stride, ahead)
    relu = Activation(PIECEWISE_LINEAR, np.float32(0), False)
    return {
        "forward": lambda: _forward(columns, layers, x, out, relu),
        "input_gradient": lambda: _input_gradient(columns, layers, deltas, errors),
        "weight_gradient": lambda: _weight_gradient(
            columns, layers, x, deltas, gradient, bias
        ),
    }


def c_kernels(library, problem, results):
    """Their twins in C as functions without arguments."""
    out, errors, gradient, bias = results
    layers = problem.layers
    sizes = [ctypes.c_int64(problem.batch_size), ctypes.c_int64(problem.n_neurons)]
    stride = ctypes.c_int64(problem.stride)
    ahead = ctypes.c_int64(look_ahead(layers.sizes, problem.stride))
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
        return lambda: function(*sizes, *addresses, stride, ahead)

    return {name: bind(name) for name in KERNELS}


def products(problem):
    """The product of the weights and a batch by other libraries that are there."""
    matrix, x = problem.matrix, problem.dense_x
    found = {"SciPy": lambda: matrix @ x}
    # Without MKL itself, this is an ImportError, too.
    with suppress(ImportError):
        from sparse_dot_mkl import dot_product_mkl

        found["MKL"] = lambda: dot_product_mkl(matrix, x)
    with suppress(ImportError):
        import torch

        arrays = matrix.indptr, matrix.indices, matrix.data
        tensors = [torch.from_numpy(array) for array in arrays]
        tensor = torch.sparse_csr_tensor(*tensors, size=matrix.shape)
        dense = torch.from_numpy(x)
        found["PyTorch"] = lambda: torch.sparse.mm(tensor, dense).numpy()
    expected = found["SciPy"]()
    for product in found.values():
        np.testing.assert_allclose(product(), expected, rtol=1e-4, atol=1e-3)
    return found


def check(ours, theirs, our_results, their_results):
    """Run each kernel once; both sides must agree."""
    for name in KERNELS:
        ours[name]()
        theirs[name]()
    for mine, yours in zip(our_results, their_results, strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-3)


def compare(problem, library, n_rounds):
    """Seconds per kernel and side, and what they say in GFLOP/s and ratios."""
    our_results, c_results = problem.results(), problem.results()
    ours = our_kernels(problem, our_results)
    c = c_kernels(library, problem, c_results)
    check(ours, c, our_results, c_results)
    n_operations = 2 * len(problem.layers.weights) * problem.batch_size
    n_calls = -(-OPERATIONS // n_operations)
    results = {}
    for name in KERNELS:
        sides = {"ours": ours[name], "C": c[name]}
        if name == "forward":
            sides |= products(problem)
        timed = {side: stopwatch(call, n_calls) for side, call in sides.items()}
        seconds = interleave(timed, n_rounds)
        results[name] = {
            "seconds": seconds,
            "gflops": {
                side: 1e-9 * n_operations / median(s) for side, s in seconds.items()
            },
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
    print_table(["neurons, kernel", *SIDES, *(f"ours / {s}" for s in SIDES[1:])], rows)


def level_of_tile(n_neurons, roofline):
    """The level of the memory that holds a tile of the activations of all neurons."""
    return level_of(4 * TILE * n_neurons, roofline["cache_sizes"])


def print_beside_roofline(results, roofline):
    """Our times beside the peak, and beside the bandwidth that the activations have."""
    rows = []
    for n_neurons, by_kernel in results.items():
        level = level_of_tile(n_neurons, roofline)
        bandwidth = roofline["bandwidth"][level]
        for name, result in by_kernel.items():
            gflops = result["gflops"]["ours"]
            traffic = 2 * gflops  # a product and a sum for each 4 bytes
            rows.append(
                [
                    f"{n_neurons} {name}",
                    f"{gflops:.1f}",
                    f"{gflops / roofline['peak']:.0%}",
                    f"{traffic:.1f}",
                    level,
                    f"{bandwidth:.1f}",
                    f"{traffic / bandwidth:.0%}",
                ]
            )
    print("\nOurs beside the peak, and its activations beside the bandwidth\n")
    headings = ["neurons, kernel", "GFLOP/s", "of peak", "GB/s of activations"]
    headings += ["level", "bandwidth, GB/s", "of bandwidth"]
    print_table(headings, rows)


def draw(results):
    """GFLOP/s of all sides; a panel for each kernel, bars for each size of a layer."""
    import matplotlib.pyplot as plt

    layers, roofline = results["layers"], results["roofline"]
    places = np.arange(len(layers))
    figure, axes = plt.subplots(
        len(KERNELS), 1, figsize=(7.5, 9), sharex=True, layout="constrained"
    )
    for ax, name in zip(axes, KERNELS, strict=True):
        for i, side in enumerate(SIDES):
            speeds = [
                layer[name]["gflops"].get(side, np.nan) for layer in layers.values()
            ]
            bars = ax.bar(places + 0.17 * (i - 2), speeds, 0.16, label=side)
            labels = ["" if np.isnan(speed) else f"{speed:.0f}" for speed in speeds]
            ax.bar_label(bars, labels, fontsize="small")
        roofs = [roof(roofline, level_of_tile(int(n), roofline)) for n in layers]
        ax.hlines(roofs, places - 0.45, places + 0.45, "0.2", label="roof of its level")
        ax.axhline(roofline["peak"], color="0.2", linestyle=":", label="peak")
        ax.set_xticks(places, [f"{int(n):,}" for n in layers])
        ax.set(title=name.replace("_", " "), ylabel="GFLOP/s, one thread")
    axes[-1].set_xlabel("neurons")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=21)
    sizes = [1_000, 4_000, 50_000]
    parser.add_argument("--neurons", type=int, nargs="+", default=sizes)
    parser.add_argument("--epsilon", type=float, default=20)
    parser.add_argument("--batch-size", type=int, default=TILE, help="64, 128, 192, …")
    add_compiler_options(parser)
    args = parser.parse_args()
    if args.batch_size % TILE:
        parser.error("the C kernels know whole tiles of 64 samples only")
    check_compiler(parser, args)

    with tempfile.TemporaryDirectory() as folder:
        library = compile_c("kernels", args.compiler, args.lanes, folder)
        layers = {}
        with threadpool_limits(1):
            for n_neurons in args.neurons:
                problem = Problem(n_neurons, args.epsilon, args.batch_size)
                layers[n_neurons] = compare(problem, library, args.rounds)
        library = compile_c("roofline", args.compiler, args.lanes, folder)
        roofline = measure_roofline(library, args.rounds)
    print_results(layers)
    print()
    print_roofline(roofline)
    print_beside_roofline(layers, roofline)
    machine = describe_machine() | {"compiler": compiler_version(args.compiler)}
    report(machine, {"layers": layers, "roofline": roofline}, args, draw)


if __name__ == "__main__":
    main()
