"""Random numbers that depend on nothing but their position.

A thread can draw the number of any neuron and sample without knowing who drew the
others, so dropout, noise and sampling give the same bits for any number of threads.
"""

import numpy as np

from sklearn_sparse_nn.engine.compilation import inner

_A, _B = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)
_GOLDEN = np.uint32(0x9E3779B9)
_16, _15, _8 = np.uint32(16), np.uint32(15), np.uint32(8)
_PAIRS, _LOW = np.uint32(0x00FF00FF), np.uint32(0xFFFF)
# The sum of eight random bytes.
_MEAN, _DEVIATION = 8 * 127.5, np.sqrt(8 * (256**2 - 1) / 12)
# That of eight random numbers of 16 bits, and the odd polynomial of it that is normal.
_WIDE_MEAN, _WIDE_DEVIATION = 8 * 32767.5, np.sqrt(8 * (65536**2 - 1) / 12)
_LINEAR, _CUBIC, _QUINTIC = 9.81152610e-01, 5.70661593e-03, 1.84654518e-04


@inner(inline="always")
def scramble(x):
    """A bijection of uint32 that makes neighbours look unrelated.

    Two rounds of xor-shift and multiply, with the constants that T. Ettinger searched
    for ("lowbias32", 2018).
    """
    x = np.uint32((x ^ (x >> _16)) * _A)
    x = np.uint32((x ^ (x >> _15)) * _B)
    return np.uint32(x ^ (x >> _16))


@inner(inline="always")
def random_key(seed, a, b):
    """A key for the pair (a, b), to be combined with `scramble(key ^ position)`."""
    key = scramble(np.uint32(seed) ^ scramble(np.uint32(a) + _GOLDEN))
    return scramble(key + scramble(np.uint32(b) ^ _GOLDEN))


@inner
def drop(values, slopes, start, n, key, position, rate):
    """Set a share `rate` of `values[start:start + n]` to zero and scale the others.

    `slopes` is treated alike, so that the backward pass sees the same neurons.
    """
    threshold = np.uint32(rate * np.float64(4294967295.0))
    scale = np.float32(1.0 / (1.0 - rate))
    # On slices, LLVM sees that no index is negative, and vectorises.
    values, slopes = values[start : start + n], slopes[start : start + n]
    for i in range(n):
        number = scramble(np.uint32(key + scramble(np.uint32(position + i))))
        factor = scale if number >= threshold else np.float32(0)
        values[i] *= factor
        slopes[i] *= factor


@inner
def draw_states(probabilities, start, n, key, position):
    """Turn `probabilities[start:start + n]` into 1 with that probability, else 0."""
    unit = np.float32(1 / 16777216)  # 2⁻²⁴, so that the largest number is below 1
    # On a slice, LLVM sees that no index is negative, and vectorises: 6 times as fast.
    probabilities = probabilities[start : start + n]
    for i in range(n):
        number = scramble(np.uint32(key + scramble(np.uint32(position + i))))
        below = np.float32(np.int32(number >> _8)) * unit < probabilities[i]
        probabilities[i] = np.float32(1) if below else np.float32(0)


@inner
def mask(values, start, n, key, position, rate):
    """Set a share `rate` of `values[start:start + n]` to zero."""
    threshold = np.uint32(rate * np.float64(4294967295.0))
    values = values[start : start + n]
    for i in range(n):
        number = scramble(np.uint32(key + scramble(np.uint32(position + i))))
        values[i] = values[i] if number >= threshold else np.float32(0)


@inner(inline="always")
def _sum_of_bytes(x):
    pairs = np.uint32((x & _PAIRS) + ((x >> _8) & _PAIRS))
    return np.uint32((pairs & _LOW) + (pairs >> _16))


@inner
def add_noise(values, start, n, key, position, deviation):
    """Add Gaussian noise to `values[start:start + n]`.

    A number is the sum of eight random bytes, which is normal up to an excess kurtosis
    of -0.15, and takes no logarithm: LLVM vectorises it.
    """
    mean, scale = np.float32(_MEAN), np.float32(deviation / _DEVIATION)
    values = values[start : start + n]
    for i in range(n):
        first = scramble(np.uint32(key + scramble(np.uint32(position + i))))
        second = scramble(np.uint32(first + _GOLDEN))
        total = np.int32(_sum_of_bytes(first) + _sum_of_bytes(second))
        values[i] += (np.float32(total) - mean) * scale


@inner(inline="always")
def _sum_of_halves(x):
    return np.int32(np.uint32((x & _LOW) + (x >> _16)))


@inner
def draw_normal(means, start, n, key, position):
    """Turn `means[start:start + n]` into normal numbers around them, of variance 1.

    The sum of eight uniform numbers has lighter tails than a normal one; a polynomial,
    fitted to the quantiles, corrects them. The distribution function is right to 2e-5,
    the excess kurtosis is -0.004. As there is no logarithm, LLVM vectorises it.
    """
    mean, scale = np.float32(_WIDE_MEAN), np.float32(1 / _WIDE_DEVIATION)
    a, b, c = np.float32(_LINEAR), np.float32(_CUBIC), np.float32(_QUINTIC)
    means = means[start : start + n]
    for i in range(n):
        first = scramble(np.uint32(key + scramble(np.uint32(position + i))))
        second = scramble(np.uint32(first + _GOLDEN))
        third = scramble(np.uint32(second + _GOLDEN))
        fourth = scramble(np.uint32(third + _GOLDEN))
        total = _sum_of_halves(first) + _sum_of_halves(second)
        total += _sum_of_halves(third) + _sum_of_halves(fourth)
        x = (np.float32(total) - mean) * scale
        square = x * x
        means[i] += x * (a + square * (b + square * c))
