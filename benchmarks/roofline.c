/* What the processor can do at most: multiply and add in registers, and load.

   Compile like `kernels.c`, with vectors of LANES floats. Accumulators are independent
   of each other, as many as it takes to hide the latency of an operation, and without
   -ffast-math the compiler may neither merge nor reorder them. */

#include <stdint.h>

#ifndef LANES
#define LANES 8
#endif
/* AVX2 has 16 registers: these, and two for the constants. */
#define N_PRODUCTS 12
#define N_SUMS 8

typedef float vector __attribute__((vector_size(4 * LANES)));

#define EACH(n) _Pragma("GCC unroll 16") for (int v = 0; v < n; v++)

static float total(const vector *sums, int n)
{
    vector sum = {0};
    float result = 0;
    for (int v = 0; v < n; v++)
        sum += sums[v];
    for (int lane = 0; lane < LANES; lane++)
        result += sum[lane];
    return result;
}

/* `n_turns` times N_PRODUCTS vectors: 2 * LANES floating-point operations each. */
float multiply_add(int64_t n_turns, float factor, float summand)
{
    const vector zero = {0}, a = zero + factor, b = zero + summand;
    vector products[N_PRODUCTS];
    EACH(N_PRODUCTS) products[v] = zero + (float)v;
    for (int64_t turn = 0; turn < n_turns; turn++)
        EACH(N_PRODUCTS) products[v] = products[v] * a + b;
    return total(products, N_PRODUCTS);
}

int64_t operations_per_turn(void)
{
    return 2 * LANES * N_PRODUCTS;
}

/* Sum `n` floats at a cache line, a multiple of N_SUMS * LANES, `n_times` over. */
float sum(int64_t n_times, int64_t n, const float *x)
{
    vector sums[N_SUMS] = {{0}};
    for (int64_t time = 0; time < n_times; time++)
        for (int64_t i = 0; i < n; i += N_SUMS * LANES)
            EACH(N_SUMS) sums[v] += *(const vector *)(x + i + v * LANES);
    return total(sums, N_SUMS);
}
