/* One-layer GRUs with linear heads, all rounds in one call: the compiled twin of nn.GRU, loaded by gru_kernel.py.
 *
 * Layout: lanes are rows. `table` is [rows, 4 hidden], what an input contributes: reset and update gate with both biases,
 * the recurrent bias of the new gate, and the new gate's input part; `codes` [rounds, lanes] says which row a lane
 * sees. `states` is [rounds + 1, lanes, hidden]; `gates` [rounds, lanes, 3 hidden] in the order reset, update, recurrent
 * part of the new gate; `news` [rounds, lanes, hidden], the new gate; `out` [outputs, rounds, lanes]. A distance of 0
 * between rounds uses the same memory for all. A block of lanes goes through all rounds while its working set is in
 * cache. Results of a lane do not depend on the other lanes, nor on the number of them.
 */

#include <stddef.h>

#define INLINE static inline __attribute__((always_inline))
#define BLOCK 32
#define FEW 64 /* rows of a table up to which a block's share of its gradient is summed apart */
#define GLUE_(x, y) x##_##y
#define GLUE(x, y) GLUE_(x, y)

struct policy { /* mirrored in gru_kernel.py */
    int hidden, outputs, swish, half;
    const float *recurrent; /* [hidden, 3 hidden]; words of two bfloat16 [hidden / 2, 3 hidden] if half */
    const float *rows;      /* its transpose [3 hidden, hidden]; likewise [3 hidden / 2, hidden] */
    const float *table, *heads, *head_bias;
};

struct player { /* a policy on some lanes */
    struct policy policy;
    int lanes;
    const int *slots;   /* [lanes], seat * games + game */
    const int *offsets; /* [lanes], the row of the table that is symbol 0 of the lane's seat */
    float *states;      /* [lanes, hidden] */
    float *out;         /* [outputs, rounds, lanes] */
};

struct targets { /* what a batch of [rounds, columns] decisions is learned from; see algorithms/losses.py */
    long columns;
    const long *actions;
    const float *logp, *advantages, *returns, *weights;
};

struct coefficients {
    int clipped; /* whether the ratio is (PPO), or the plain policy gradient is taken (A2C) */
    float clip, value, entropy, share; /* share: 1 / the sum of weights */
};

/* Sums of a loss: weighted surrogate, squared error of values, entropy, kl, clipped ratios, returns, their squares; the
 * gradients of the heads' biases (first score, value); the largest distance of a ratio from 1. */
#define SUMS 10

#define MOST 128 /* actions or observations of a model, at most */

struct model { /* of what comes next, mirrored in plan_kernel.py; `policy` has no heads, and a table by action and symbol */
    struct policy policy;
    int actions, outcomes, width; /* `width` of a row of outputs, a multiple of 16 */
    const float *out, *bias;      /* [hidden, width], [width]: own action, symbol by action, reward by action and symbol;
                                     words of two bfloat16 [hidden / 2, width] if the policy is half */
    const float *reward;          /* [4 hidden], what a reward of 1 contributes */
};

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAVE_LEVELS 1
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define NAME(x) GLUE(x, v3)
#define WIDTH 8
#define ROWS 4
#include "_gru_level.h"
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#define NAME(x) GLUE(x, v4)
#define WIDTH 16
#define ROWS 8
#include "_gru_level.h"
#pragma GCC pop_options
#if __GNUC__ >= 10
#define HAVE_HALF 1
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,avx512bf16,prefer-vector-width=512")
#define NAME(x) GLUE(x, half)
#define WIDTH 16
#define ROWS 8
#define HALF 1
#include "_gru_level.h"
#pragma GCC pop_options
#endif
#endif

/* Level of the instructions to use: 5 AVX-512 with bfloat16, without which no policy may be half; 4 AVX-512; 3 AVX2 and
 * FMA; 0 there is nothing here for this processor. */
int level(void) {
#ifdef HAVE_LEVELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd")) {
#ifdef HAVE_HALF
        if (__builtin_cpu_supports("avx512bf16")) return 5;
#endif
        return 4;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return 3;
#endif
    return 0;
}

#ifdef HAVE_HALF
#define CHOOSE(use, name, ...)                                                                                       \
    ((use) >= 5 ? name##_half(__VA_ARGS__) : (use) == 4 ? name##_v4(__VA_ARGS__) : name##_v3(__VA_ARGS__))
#elif defined(HAVE_LEVELS)
#define CHOOSE(use, name, ...) ((use) >= 4 ? name##_v4(__VA_ARGS__) : name##_v3(__VA_ARGS__))
#else
#define CHOOSE(use, name, ...) ((void)0)
#endif

/* Floats that a backward pass, or a game, needs to work in. */
long gru_scratch(int hidden, int outputs, int rows) {
    return (long)BLOCK * 9 * hidden + (3L * hidden + outputs) * hidden + (rows <= FEW ? 4L * rows * hidden : 0);
}

/* The table of inputs x [rows, inputs]; weights [inputs, 3 hidden], bias [4 hidden]. */
void gru_project(int use, int rows, int inputs, int hidden, const float *x, const float *weights, const float *bias,
                 float *table) {
    CHOOSE(use, project, rows, inputs, hidden, x, weights, bias, table);
}

/* A linear layer with rectifiers, of x [rows, inputs]; weights [inputs, outputs], outputs a multiple of 16. */
void gru_rectify(int use, int rows, int inputs, int outputs, const float *x, const float *weights, const float *bias,
                 float *out) {
    CHOOSE(use, rectify, rows, inputs, outputs, x, weights, bias, out);
}

void gru_forward(int use, int rounds, int lanes, const struct policy *policy, const int *codes, float *states,
                 long state_round, float *gates, long gate_round, float *news, long new_round, float *out) {
    CHOOSE(use, forward, rounds, lanes, policy, codes, states, state_round, gates, gate_round, news, new_round, out);
}

/* `rows` of the table; what is there is added to. */
void gru_backward(int use, int rounds, int lanes, const struct policy *policy, const int *codes, int rows,
                  const float *states, const float *gates, const float *news, const float *d_out, float *scratch,
                  float *grad_recurrent, float *grad_table, float *grad_heads) {
    CHOOSE(use, backward, rounds, lanes, policy, codes, rows, states, gates, news, d_out, (long)rounds * lanes, scratch,
           grad_recurrent, grad_table, grad_heads);
}

/* Floats that gru_learn needs to work in. */
long gru_learn_scratch(int rounds, int hidden, int rows) {
    return (rounds + 1L) * BLOCK * 5 * hidden + 11 * (((long)rounds * BLOCK + 15) / 16 * 16) +
           gru_scratch(hidden, 3, rows);
}

/* The gradient of a loss over some `lanes` columns of a batch, named by `which`; gradients and sums are added to. */
void gru_learn(int use, int rounds, int lanes, const struct policy *policy, int rows, const int *codes,
               const long *which, const struct targets *targets, const struct coefficients *coefficients,
               float *scratch, float *grad_recurrent, float *grad_table, float *grad_heads, double *sums) {
    CHOOSE(use, learn, rounds, lanes, policy, rows, codes, which, targets, coefficients, scratch, grad_recurrent,
           grad_table, grad_heads, sums);
}

/* Log-probabilities of actions by the lead of their score over the other one's; count is a multiple of 16. */
void gru_logps(int use, long count, const float *leads, float *out) { CHOOSE(use, logps, count, leads, out); }

/* All rounds of some of `games` games of two players with two actions, in which a symbol is the last joint action.
 *
 * Arrays by round are [rounds, 2, games]; a slot is a place in [2, games]. `tables` seats play the first action with the
 * probability that row i of `cooperate` [tables, 5] has for the symbol seen; a policy where its lead in score lies
 * above the threshold. `mine` [count] are the games; `seen` must be 0 in their first round.
 */
void gru_play(int use, int rounds, long games, int players, const struct player *player, int tables, const int *slots,
              const double *cooperate, const double *thresholds, const double *uniforms, float *scratch,
              signed char *seen, signed char *actions, const int *mine, int count) {
    CHOOSE(use, play, rounds, games, players, player, tables, slots, cooperate, thresholds, uniforms, scratch, seen,
           actions, mine, count);
}

/* Floats that planning needs to work in. */
long gru_plan_scratch(int hidden, int width) { return (long)BLOCK * (11 * hidden + width) + 16; }

/* Returns of roll-outs inside a model, summed over `rollouts` of them for each of `decisions` and first action.
 *
 * `states` [decisions, hidden]; `told` [decisions, 4 hidden] is added to every input, or null; `uniforms` [decisions,
 * actions, rollouts, horizon, 2] drive the own action and the symbol of each round; `values` [decisions, actions] is added to.
 */
void gru_plan(int use, long decisions, int rollouts, int horizon, double discount, const struct model *model,
              const float *states, const float *told, const float *uniforms, float *scratch, double *values) {
    CHOOSE(use, plan, decisions, rollouts, horizon, discount, model, states, told, uniforms, scratch, values);
}
