import numpy as np
import pytest
from numba import njit

from sklearn_sparse_nn.engine.buffers import aligned_zeros
from sklearn_sparse_nn.engine.simd import LINE, TILES, vector_operations

OPERATIONS = "multiply", "fma", "divide", "maximum", "minimum", "where_positive"


@pytest.fixture(scope="module", params=TILES)
def tile(request):
    """Three vectors, and what each operation makes of them."""
    lanes = request.param
    v = vector_operations(lanes)

    @njit
    def operate(abc, out):
        a, b, c = v.load(abc, 0), v.load(abc, lanes), v.load(abc, 2 * lanes)
        v.store(out, 0, v.multiply(a, b))
        v.store(out, lanes, v.fma(a, b, c))
        v.store(out, 2 * lanes, v.divide(a, b))
        v.store(out, 3 * lanes, v.maximum(a, b))
        v.store(out, 4 * lanes, v.minimum(a, b))
        v.store(out, 5 * lanes, v.where_positive(a, b, c))
        v.store(out, 6 * lanes, v.broadcast(abc[1]))
        return v.total(a)

    rng = np.random.default_rng(0)
    abc, out = aligned_zeros(3 * lanes), aligned_zeros(7 * lanes + LINE)
    abc[:] = rng.normal(size=3 * lanes)
    abc[:3] = 0.0, -0.0, -1.0
    out[:] = 7
    total = operate(abc, out)
    return abc.reshape(3, lanes), out, total


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_is_done_in_every_lane(tile, name):
    (a, b, c), out, _ = tile
    expected = {
        "multiply": a * b,
        "fma": a.astype(np.float64) * b + c,
        "divide": a / b,
        "maximum": np.maximum(a, b),
        "minimum": np.minimum(a, b),
        "where_positive": np.where(a > 0, b, c),
    }[name]
    row = OPERATIONS.index(name)
    got = out[row * len(a) : (row + 1) * len(a)]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


def test_broadcast_fills_every_lane(tile):
    (a, _, _), out, _ = tile
    assert (out[6 * len(a) : 7 * len(a)] == a[1]).all()


def test_total_is_the_sum_of_the_lanes(tile):
    (a, _, _), _, total = tile
    np.testing.assert_allclose(total, a.sum(dtype=np.float64), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lanes", TILES)
def test_totals_of_four_products_are_added_to_four_elements(lanes):
    v, line = vector_operations(lanes), vector_operations(LINE)

    @njit
    def add(vectors, out):
        a, b = v.load(vectors, 0), v.load(vectors, lanes)
        c, d = v.load(vectors, 2 * lanes), v.load(vectors, 3 * lanes)
        aa, ab = v.fold_products(a, a), v.fold_products(a, b)
        v.add_totals(out, 3, aa, ab, v.fold_products(a, c), v.fold_products(a, d))
        return line.total(ab)

    vectors = aligned_zeros(4 * lanes)
    vectors[:] = np.random.default_rng(0).normal(size=4 * lanes)
    out = np.ones(10, dtype=np.float32)
    alone = add(vectors, out)
    assert out[4] == 1 + alone
    rows = vectors.reshape(4, lanes).astype(np.float64)
    np.testing.assert_allclose(out[3:7], 1 + rows @ rows[0], rtol=1e-5, atol=1e-5)
    assert (out[:3] == 1).all() and (out[7:] == 1).all()


def test_store_writes_its_lanes_only(tile):
    (a, _, _), out, _ = tile
    assert (out[7 * len(a) :] == 7).all()
