/* All rounds of a one-layer GRU in one call: the compiled twin of fused_gru.py, loaded by gru_kernel.py.
 *
 * Layout: lanes are rows. `states` is [rounds + 1, lanes, row]: hidden state, inputs (the last of them 1, for the
 * bias) and zeros up to a multiple of 16; `gates` is [rounds, lanes, 3 hidden] in the order reset, update, recurrent
 * part of the new gate; `news` is [rounds, lanes, hidden], the new gate. A block of lanes goes through all rounds while
 * its working set is in cache. Results of a lane do not depend on the other lanes, nor on the number of them.
 */

#define INLINE static inline __attribute__((always_inline))
#define BLOCK 32
#define GLUE_(x, y) x##_##y
#define GLUE(x, y) GLUE_(x, y)

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAVE_LEVELS 1
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define NAME(x) GLUE(x, v3)
#define WIDTH 8
#define ROWS 4
#include "_gru_rounds.h"
#undef NAME
#undef WIDTH
#undef ROWS
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#define NAME(x) GLUE(x, v4)
#define WIDTH 16
#define ROWS 8
#include "_gru_rounds.h"
#undef NAME
#undef WIDTH
#undef ROWS
#pragma GCC pop_options
#endif

/* Level of the instructions to use: 4 AVX-512, 3 AVX2 and FMA, 0 there is nothing here for this processor. */
int level(void) {
#ifdef HAVE_LEVELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
        return 4;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return 3;
#endif
    return 0;
}

#ifdef HAVE_LEVELS
#define CHOOSE(use, name, ...) ((use) >= 4 ? name##_v4(__VA_ARGS__) : name##_v3(__VA_ARGS__))
#else
#define CHOOSE(use, name, ...) ((void)0)
#endif

void gru_forward(int use, int rounds, int lanes, int hidden, int inputs, int row, const float *weights,
                 const float *new_weights, float *states, long state_round, float *gates, long gate_round, float *news,
                 long new_round) {
    CHOOSE(use, forward, rounds, lanes, hidden, inputs, row, weights, new_weights, states, state_round, gates,
           gate_round, news, new_round);
}

void gru_backward(int use, int rounds, int lanes, int hidden, int inputs, int row, const float *recurrent,
                  const float *states, const float *gates, const float *news, const float *grad, float *d_gates,
                  float *d_new, float *d_state, float *grad_weights, float *grad_new_weights) {
    CHOOSE(use, backward, rounds, lanes, hidden, inputs, row, recurrent, states, gates, news, grad, d_gates, d_new,
           d_state, grad_weights, grad_new_weights);
}
