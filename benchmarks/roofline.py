"""What this processor can do at most, on one thread: its roofline.

`roofline.c` multiplies and adds in registers, for the peak of float32, and sums arrays
of half the size of each cache and one of 256 MiB, for the bandwidth of each level of
the memory. It is compiled with `cc -O3 -march=native`, in vectors of `--lanes` floats.

A connection of a sparse layer loads a vector of activations and makes one product and
one sum of each float: half an operation per byte. So a kernel can reach half the
bandwidth of the level where the activations are, in GFLOP/s, or the peak if it is less.
Where rows are loaded in random order, a large layer may get less than this roof; where
some of the rows are still in a nearer cache, a small one may get more.

    python benchmarks/roofline.py
    python benchmarks/roofline.py --lanes 16      # AVX-512
"""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from common import (
    argument_parser,
    describe_machine,
    interleave,
    print_table,
    report,
    stopwatch,
)

from sklearn_sparse_nn.engine.buffers import aligned_zeros

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# In bytes, where the system does not tell; and the size of what is in no cache.
USUAL_CACHES = {"L1": 2**15, "L2": 2**19, "L3": 2**24}
LARGE = 2**28
# What one measurement does, in tens or hundreds of milliseconds.
OPERATIONS, BYTES = 4_000_000_000, 5_000_000_000


def add_compiler_options(parser):
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--lanes", type=int, choices=[8, 16], default=8)


def check_compiler(parser, args):
    if shutil.which(args.compiler) is None:
        parser.error(f"no C compiler named {args.compiler!r}: see --compiler")


def compile_c(name, compiler, lanes, folder):
    """Compile a C file of this folder and load it."""
    source = Path(__file__).with_name(f"{name}.c")
    target = Path(folder) / f"{name}.so"
    # -ffp-contract=fast is GCC's default; Clang needs it to fuse across statements.
    flags = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
    command = [compiler, *flags, f"-DLANES={lanes}", str(source), "-o", str(target)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


def compiler_version(compiler):
    command = [compiler, "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    return output.stdout.splitlines()[0]


def cache_sizes():
    """Bytes of the data cache of each level."""
    try:
        entries = {
            (path / "level").read_text().strip(): (path / "size").read_text().strip()
            for path in CACHES.glob("index*")
            if (path / "type").read_text().strip() != "Instruction"
        }
    except OSError:
        entries = {}
    units = {"K": 2**10, "M": 2**20}
    sizes = {
        f"L{level}": int(size[:-1]) * units[size[-1]]
        for level, size in sorted(entries.items())
    }
    return sizes or USUAL_CACHES


def level_of(n_bytes, sizes):
    """The nearest level that holds so many bytes."""
    return next((level for level, size in sizes.items() if n_bytes <= size), "memory")


def peak_work(library):
    """A function that multiplies and adds in registers, and its operations."""
    library.operations_per_turn.restype = ctypes.c_int64
    library.multiply_add.restype = ctypes.c_float
    per_turn = library.operations_per_turn()
    n_turns = OPERATIONS // per_turn
    # With these the accumulators tend to 2, and never become denormal.
    arguments = ctypes.c_int64(n_turns), ctypes.c_float(0.5), ctypes.c_float(1)

    def run():
        library.multiply_add(*arguments)

    return run, n_turns * per_turn


def load_work(library, n_bytes):
    """A function that loads an array over and over, and the bytes that it loads."""
    library.sum.restype = ctypes.c_float
    array = aligned_zeros(n_bytes // 4)
    array[:] = 1  # zeros that nobody wrote are all in one page
    n_times = max(1, BYTES // n_bytes)
    address = ctypes.c_void_p(array.ctypes.data)
    arguments = ctypes.c_int64(n_times), ctypes.c_int64(len(array)), address

    def run(array=array):  # keeps the array
        library.sum(*arguments)

    return run, n_times * n_bytes


def measure(library, n_rounds):
    """Peak in GFLOP/s, and GB/s from each level of the memory."""
    caches = cache_sizes()
    work = {"peak": peak_work(library), "memory": load_work(library, LARGE)}
    for level, size in caches.items():
        work[level] = load_work(library, size // 2)
    for run, _ in work.values():
        run()
    seconds = interleave({k: stopwatch(run) for k, (run, _) in work.items()}, n_rounds)
    rates = {k: 1e-9 * amount / median(seconds[k]) for k, (_, amount) in work.items()}
    return {
        "cache_sizes": caches,
        "seconds": seconds,
        "peak": rates.pop("peak"),
        "bandwidth": {level: rates[level] for level in (*caches, "memory")},
    }


def roof(roofline, level):
    """GFLOP/s that a kernel can reach whose activations are in this level."""
    return min(roofline["peak"], roofline["bandwidth"][level] / 2)


def print_roofline(roofline):
    print(f"Peak of multiply-add in float32: {roofline['peak']:.1f} GFLOP/s\n")
    rows = []
    for level, bandwidth in roofline["bandwidth"].items():
        size = roofline["cache_sizes"].get(level)
        size = "" if size is None else f"{size // 1024:,}"
        rows.append([level, size, f"{bandwidth:.1f}", f"{roof(roofline, level):.1f}"])
    print_table(["level", "KiB", "GB/s", "roof, GFLOP/s"], rows)


def main():
    parser = argument_parser(__doc__, n_rounds=11)
    add_compiler_options(parser)
    args = parser.parse_args()
    check_compiler(parser, args)
    with tempfile.TemporaryDirectory() as folder:
        library = compile_c("roofline", args.compiler, args.lanes, folder)
        results = measure(library, args.rounds)
    print_roofline(results)
    machine = describe_machine() | {"compiler": compiler_version(args.compiler)}
    report(machine, results, args)


if __name__ == "__main__":
    main()
