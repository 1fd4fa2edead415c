/* The three passes over the connections of a sparse layer in C, for comparison.

   Algorithm and data layout are those of the engine: CSR rows of incoming connections,
   feature-major activations whose rows start at a cache line, tiles of 64 samples that
   stay in registers while the connections of a neuron stream past. `width` is a
   multiple of 64. `ahead` tells how many connections before its use a row is asked for; 0:
   never. Compile with -O3 -march=native; GCC and Clang contract a * b + c to a
   fused multiply-add in vectors as well (GCC by default, Clang with -ffp-contract=fast).

   LANES is the number of floats in a vector: 8 for AVX2, 16 for AVX-512. */

#include <stdint.h>

#ifndef LANES
#define LANES 8
#endif
#define TILE 64
#define N_VECTORS (TILE / LANES)
/* The compiler keeps an array of vectors in registers once loops over it are gone. */
#define EACH _Pragma("GCC unroll 8") for (int v = 0; v < N_VECTORS; v++)

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef int32_t integers __attribute__((vector_size(4 * LANES)));
typedef float four __attribute__((vector_size(16)));

static inline vector positive_part(vector z)
{
    /* A comparison yields integers whose bits are all set where it holds. */
    const vector zero = {0};
    return (vector)((z > zero) & (integers)z);
}

static inline float total(vector s)
{
    four q;
#if LANES == 16
    typedef float eight __attribute__((vector_size(32)));
    eight e = __builtin_shufflevector(s, s, 0, 1, 2, 3, 4, 5, 6, 7)
        + __builtin_shufflevector(s, s, 8, 9, 10, 11, 12, 13, 14, 15);
    q = __builtin_shufflevector(e, e, 0, 1, 2, 3)
        + __builtin_shufflevector(e, e, 4, 5, 6, 7);
#else
    q = __builtin_shufflevector(s, s, 0, 1, 2, 3)
        + __builtin_shufflevector(s, s, 4, 5, 6, 7);
#endif
    q += __builtin_shufflevector(q, q, 2, 3, 0, 1);
    return q[0] + q[1];
}

/* A macro: GCC takes a function for pure, as it returns nothing, and leaves it out. */
#define ASK_FOR_ROW(rows)                                                     \
    if (ahead) {                                                              \
        const int64_t later = k + ahead < end ? k + ahead : end - 1;          \
        const float *soon = (rows) + indices[later] * stride + column;        \
        for (int i = 0; i < TILE; i += 16)                                    \
            __builtin_prefetch(soon + i);                                     \
    }

void forward(int64_t width, int64_t n_neurons, const int64_t *restrict indptr,
             const uint32_t *restrict indices, const float *restrict weights,
             const float *restrict intercepts, const float *restrict x,
             float *restrict out, int64_t stride, int64_t ahead)
{
    const int64_t end = indptr[n_neurons];
    const vector zero = {0};
    for (int64_t column = 0; column < width; column += TILE)
        for (int64_t j = 0; j < n_neurons; j++) {
            vector z[N_VECTORS];
            EACH z[v] = zero + intercepts[j];
            for (int64_t k = indptr[j]; k < indptr[j + 1]; k++) {
                ASK_FOR_ROW(x)
                const vector *row = (const vector *)(x + indices[k] * stride + column);
                const vector weight = zero + weights[k];
                EACH z[v] += weight * row[v];
            }
            vector *row = (vector *)(out + j * stride + column);
            EACH row[v] = positive_part(z[v]);
        }
}

void input_gradient(int64_t width, int64_t n_neurons, const int64_t *restrict indptr,
                    const uint32_t *restrict indices, const float *restrict weights,
                    const float *restrict deltas, float *restrict errors,
                    int64_t stride, int64_t ahead)
{
    const int64_t end = indptr[n_neurons];
    const vector zero = {0};
    for (int64_t column = 0; column < width; column += TILE)
        for (int64_t j = 0; j < n_neurons; j++) {
            const vector *from = (const vector *)(deltas + j * stride + column);
            vector delta[N_VECTORS];
            EACH delta[v] = from[v];
            for (int64_t k = indptr[j]; k < indptr[j + 1]; k++) {
                ASK_FOR_ROW(errors)
                vector *row = (vector *)(errors + indices[k] * stride + column);
                const vector weight = zero + weights[k];
                EACH row[v] += weight * delta[v];
            }
        }
}

void weight_gradient(int64_t width, int64_t n_neurons, const int64_t *restrict indptr,
                     const uint32_t *restrict indices, const float *restrict x,
                     const float *restrict deltas, float *restrict gradient,
                     float *restrict bias, int64_t stride, int64_t ahead)
{
    const int64_t end = indptr[n_neurons];
    for (int64_t column = 0; column < width; column += TILE)
        for (int64_t j = 0; j < n_neurons; j++) {
            const vector *from = (const vector *)(deltas + j * stride + column);
            vector delta[N_VECTORS];
            vector sum = {0};
            EACH delta[v] = from[v];
            EACH sum += delta[v];
            bias[j] += total(sum);
            for (int64_t k = indptr[j]; k < indptr[j + 1]; k++) {
                ASK_FOR_ROW(x)
                const vector *row = (const vector *)(x + indices[k] * stride + column);
                /* Two chains: one would wait for the latency of each addition. */
                vector even = delta[0] * row[0], odd = delta[1] * row[1];
                _Pragma("GCC unroll 8")
                for (int v = 2; v < N_VECTORS; v += 2) {
                    even += delta[v] * row[v];
                    odd += delta[v + 1] * row[v + 1];
                }
                gradient[k] += total(even + odd);
            }
        }
}
