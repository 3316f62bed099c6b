/* All rounds of a GRU with its heads, forward and backward, for one width of vectors.
 *
 * Included once for each instruction set (see _gru_level.h), for which _gru.c defines
 *   WIDTH  floats in a vector, 8 or 16;
 *   ROWS   rows of a tile of a product: ROWS x 3 vectors of sums stay in registers;
 *   NAME(x)  x with a suffix of its own;
 *   HALF   if there are products of bfloat16, for policies that are `half`.
 *
 * Products take words of 32 bits: floats, or pairs of bfloat16 that are neighbours in the dimension summed over.
 */

typedef float NAME(vec) __attribute__((vector_size(WIDTH * 4)));
typedef int NAME(ivec) __attribute__((vector_size(WIDTH * 4)));
typedef float NAME(mem) __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
#define VEC NAME(vec)
#define IVEC NAME(ivec)
#define LOAD(p) (*(const NAME(mem) *)(p))
#define STORE(p, v) (*(NAME(mem) *)(p) = (v))
#define ALL(x) ((VEC){0} + (x))
#ifdef HALF
#define MULTIPLY_ADD(half, sum, left, right)                                                                         \
    ((half) ? (VEC)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(left), (__m512bh)(right)) : (sum) + (left) * (right))
#else
#define MULTIPLY_ADD(half, sum, left, right) ((void)(half), (sum) + (left) * (right))
#endif
#if WIDTH == 16 /* both return the second argument if one is not a number */
#define MIN _mm512_min_ps
#define MAX _mm512_max_ps
#else
#define MIN _mm256_min_ps
#define MAX _mm256_max_ps
#endif

/* c[r, :] = start + sum over k of a[r, k] b[k, :], for `rows` rows of `vecs` vectors; these and `half`, whether words of
 * a and b are pairs, are constants where it is called, so that the sums are registers. start is from[r] + offset, or c
 * itself. Sums run over k in order: a row's result depends on that row only. */
INLINE void NAME(tile)(const int half, const int rows, const int vecs, int depth, const float *a, long a_row, long a_k,
                       const float *b, long b_k, float *c, long c_row, const float *const *from, long offset) {
    VEC sum[ROWS][3];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++) sum[r][v] = LOAD((from ? from[r] + offset : c + r * c_row) + v * WIDTH);
    for (int k = 0; k < depth; k++) {
        VEC right[3];
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++) right[v] = LOAD(b + k * b_k + v * WIDTH);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const VEC left = ALL(a[r * a_row + k * a_k]);
#pragma GCC unroll 3
            for (int v = 0; v < vecs; v++) sum[r][v] = MULTIPLY_ADD(half, sum[r][v], left, right[v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++) STORE(c + r * c_row + v * WIDTH, sum[r][v]);
}

/* The same for any number of rows, and of columns that is a multiple of WIDTH. */
INLINE void NAME(strips)(const int half, int rows, int columns, int depth, const float *a, long a_row, long a_k,
                         const float *b, long b_k, float *c, long c_row, const float *const *from, long offset) {
    int done = 0;
#define STRIP(vecs)                                                                                                  \
    do {                                                                                                             \
        int r = 0;                                                                                                   \
        for (; r + ROWS <= rows; r += ROWS)                                                                          \
            NAME(tile)(half, ROWS, vecs, depth, a + r * a_row, a_row, a_k, b + done, b_k, c + r * c_row + done, c_row,     \
                       from ? from + r : from, offset + done);                                                       \
        for (; r < rows; r++)                                                                                        \
            NAME(tile)(half, 1, vecs, depth, a + r * a_row, a_row, a_k, b + done, b_k, c + r * c_row + done, c_row,        \
                       from ? from + r : from, offset + done);                                                       \
    } while (0)
    for (; done + 3 * WIDTH <= columns; done += 3 * WIDTH) STRIP(3);
    if (done + 2 * WIDTH <= columns) {
        STRIP(2);
        done += 2 * WIDTH;
    }
    if (done < columns) STRIP(1);
#undef STRIP
}

static void NAME(product)(int rows, int columns, int depth, const float *a, long a_row, long a_k, const float *b,
                          long b_k, float *c, long c_row, const float *const *from, long offset) {
    NAME(strips)(0, rows, columns, depth, a, a_row, a_k, b, b_k, c, c_row, from, offset);
}

#ifdef HALF
static void NAME(paired)(int rows, int columns, int depth, const float *a, long a_row, long a_k, const float *b,
                         long b_k, float *c, long c_row, const float *const *from, long offset) {
    NAME(strips)(1, rows, columns, depth, a, a_row, a_k, b, b_k, c, c_row, from, offset);
}

/* Pairs of neighbours within rows: to [rows, columns / 2]; `row` floats lie between rows of x. */
INLINE void NAME(narrow)(int rows, int columns, const float *x, long row, float *to) {
    for (int n = 0; n < rows; n++, x += row, to += columns / 2)
        for (int i = 0; i < columns; i += WIDTH)
            _mm256_storeu_si256((__m256i *)(to + i / 2), (__m256i)_mm512_cvtneps_pbh((__m512)LOAD(x + i)));
}

/* Pairs of two rows: to [(rows + 1) / 2, columns]; the partner of an odd last row is 0. */
INLINE void NAME(pair)(int rows, int columns, const float *x, long row, float *to) {
    const __m256i places = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i first_of = _mm512_cvtepu16_epi32(places);
    const __m512i second_of = _mm512_add_epi32(first_of, _mm512_set1_epi32(16));
    const __m512i both = _mm512_or_si512(first_of, _mm512_slli_epi32(second_of, 16));
    for (int n = 0; n < rows; n += 2, x += 2 * row, to += columns)
        for (int i = 0; i < columns; i += WIDTH) {
            const __m512 first = (__m512)LOAD(x + i), second = n + 1 < rows ? (__m512)LOAD(x + row + i) : (__m512){0};
            _mm512_storeu_si512(to + i, _mm512_permutexvar_epi16(both, (__m512i)_mm512_cvtne2ps_pbh(second, first)));
        }
}
#endif

INLINE VEC NAME(exp)(VEC x) { /* 2^n times a polynomial in the rest, relative error 1e-7 where |x| < 4 */
    const VEC shift = ALL(12582912.0f); /* 1.5 * 2^23: adding it rounds to a whole number, kept in the lowest bits */
    x = MAX(ALL(-30.0f), MIN(ALL(30.0f), x)); /* where a sigmoid is 0 or 1 to nine digits; NaN stays NaN */
    const VEC y = x * 1.44269504f, n = y + shift, r = y - (n - shift);
    VEC p = ALL(1.5345811e-4f);
    p = p * r + 1.3399931e-3f;
    p = p * r + 9.618489e-3f;
    p = p * r + 5.5503286e-2f;
    p = p * r + 2.4022646e-1f;
    p = p * r + 6.931472e-1f;
    p = p * r + 1.0f;
    return (VEC)((IVEC)p + ((IVEC)n << 23)); /* n added to the exponent */
}

INLINE VEC NAME(sigmoid)(VEC x) { return 1.0f / (NAME(exp)(-x) + 1.0f); }

/* The sum of sixteen numbers by halves: 8 + 8, 4 + 4, 2 + 2, 1 + 1, whatever the width of vectors. */
INLINE float NAME(total)(const VEC *x) {
#if WIDTH == 16
    const __m256 eight = _mm512_castps512_ps256((__m512)*x) + _mm512_extractf32x8_ps((__m512)*x, 1);
#else
    const __m256 eight = (__m256)(x[0] + x[1]);
#endif
    const __m128 four = _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
    const __m128 two = four + _mm_movehl_ps(four, four);
    return two[0] + two[1];
}

/* out[o, 0] = bias[o] + sum over i of heads[o, i] features[i] */
INLINE void NAME(read)(int hidden, int outputs, const float *features, const float *heads, const float *bias,
                       float *out, long plane) {
    for (int o = 0; o < outputs; o++, heads += hidden) {
        VEC sum[16 / WIDTH];
        for (int v = 0; v < 16 / WIDTH; v++) sum[v] = ALL(0.0f);
        for (int i = 0; i < hidden; i += 16)
            for (int v = 0; v < 16 / WIDTH; v++)
                sum[v] += LOAD(features + i + v * WIDTH) * LOAD(heads + i + v * WIDTH);
        out[o * plane] = bias[o] + NAME(total)(sum);
    }
}

/* One round of up to BLOCK lanes. `inputs` has a row of the table for each lane. */
static void NAME(advance)(int lanes, const struct policy *p, const float *const *inputs, const float *now, float *next,
                          float *g, float *m, float *out, long plane) {
    const int hidden = p->hidden, triple = 3 * hidden;
#ifdef HALF
    if (p->half) {
        float pairs[lanes * hidden / 2];
        NAME(narrow)(lanes, hidden, now, hidden, pairs);
        NAME(paired)(lanes, triple, hidden / 2, pairs, hidden / 2, 1, p->recurrent, triple, g, triple, inputs, 0);
    } else
#endif
        NAME(product)(lanes, triple, hidden, now, hidden, 1, p->recurrent, triple, g, triple, inputs, 0);
    for (int n = 0; n < lanes; n++, g += triple, m += hidden, now += hidden, next += hidden, out++) {
        const float *input = inputs[n] + triple;
        for (int i = 0; i < hidden; i += WIDTH) {
            /* one division serves both gates: 1/a and 1/b from 1/(ab) */
            const VEC a = NAME(exp)(-LOAD(g + i)) + 1.0f;
            const VEC b = NAME(exp)(-LOAD(g + hidden + i)) + 1.0f;
            const VEC both = 1.0f / (a * b), reset = both * b, update = both * a;
            const VEC x = LOAD(input + i) + reset * LOAD(g + 2 * hidden + i);
            const VEC made = 2.0f * NAME(sigmoid)(2.0f * x) - 1.0f; /* tanh(x) */
            STORE(g + i, reset);
            STORE(g + hidden + i, update);
            STORE(m + i, made);
            STORE(next + i, made + update * (LOAD(now + i) - made));
        }
        if (p->swish) {
            float features[hidden];
            for (int i = 0; i < hidden; i += WIDTH) {
                const VEC h = LOAD(next + i);
                STORE(features + i, h * NAME(sigmoid)(h));
            }
            NAME(read)(hidden, p->outputs, features, p->heads, p->head_bias, out, plane);
        } else
            NAME(read)(hidden, p->outputs, next, p->heads, p->head_bias, out, plane);
    }
}

void NAME(project)(int rows, int inputs, int hidden, const float *x, const float *weights, const float *bias,
                   float *table) {
    const float *start[BLOCK];
    for (int n = 0; n < BLOCK; n++) start[n] = bias;
    for (int first = 0; first < rows; first += BLOCK) {
        const int some = rows - first < BLOCK ? rows - first : BLOCK;
        const float *a = x + (long)first * inputs;
        float *to = table + (long)first * 4 * hidden;
        NAME(product)(some, 2 * hidden, inputs, a, inputs, 1, weights, 3 * hidden, to, 4 * hidden, start, 0);
        NAME(product)(some, hidden, 0, a, inputs, 1, weights, 3 * hidden, to + 2 * hidden, 4 * hidden, start,
                      2 * hidden);
        NAME(product)(some, hidden, inputs, a, inputs, 1, weights + 2 * hidden, 3 * hidden, to + 3 * hidden,
                      4 * hidden, start, 3 * hidden);
    }
}

void NAME(rectify)(int rows, int inputs, int outputs, const float *x, const float *weights, const float *bias,
                   float *out) {
    const float *start[BLOCK];
    for (int n = 0; n < BLOCK; n++) start[n] = bias;
    for (int first = 0; first < rows; first += BLOCK) {
        const int some = rows - first < BLOCK ? rows - first : BLOCK;
        float *to = out + (long)first * outputs;
        NAME(product)(some, outputs, inputs, x + (long)first * inputs, inputs, 1, weights, outputs, to, outputs, start, 0);
        for (long i = 0; i < (long)some * outputs; i += WIDTH) STORE(to + i, MAX(ALL(0.0f), LOAD(to + i)));
    }
}

void NAME(forward)(int rounds, int lanes, const struct policy *p, const int *codes, float *states, long state_round,
                   float *gates, long gate_round, float *news, long new_round, float *out) {
    const long hidden = p->hidden;
    for (int first = 0; first < lanes; first += BLOCK) {
        const int some = lanes - first < BLOCK ? lanes - first : BLOCK;
        for (int t = 0; t < rounds; t++) {
            const float *inputs[BLOCK];
            for (int n = 0; n < some; n++) inputs[n] = p->table + codes[(long)t * lanes + first + n] * 4 * hidden;
            NAME(advance)(some, p, inputs, states + t * state_round + first * hidden,
                          states + (t + 1) * state_round + first * hidden, gates + t * gate_round + first * 3 * hidden,
                          news + t * new_round + first * hidden, out + (long)t * lanes + first, (long)rounds * lanes);
        }
    }
}

/* Gradients are added to; `plane` lies between the outputs of d_out. A block's share of a matrix is summed apart, which keeps the rounding of long sums small. */
void NAME(backward)(int rounds, int lanes, const struct policy *p, const int *codes, int rows, const float *states,
                    const float *gates, const float *news, const float *d_out, long plane, float *scratch,
                    float *grad_recurrent, float *grad_table, float *grad_heads) {
    const int hidden = p->hidden, triple = 3 * hidden, quad = 4 * hidden, outputs = p->outputs;
    const long matrix = (long)triple * hidden, few = rows <= FEW ? (long)rows * quad : 0, head = (long)outputs * hidden;
    float *d_gates = scratch, *d_state = d_gates + BLOCK * quad, *above = d_state + BLOCK * hidden;
    float *features = above + BLOCK * hidden, *pairs = features + BLOCK * hidden, *sums = pairs + BLOCK / 2 * triple;
    (void)pairs;
    float *of_table = few ? sums + matrix + head : grad_table;
    for (int first = 0; first < lanes; first += BLOCK) {
        const int some = lanes - first < BLOCK ? lanes - first : BLOCK;
        for (long i = 0; i < (long)some * hidden; i++) d_state[i] = 0.0f;
        for (long i = 0; i < matrix + head + few; i++) sums[i] = 0.0f;
        for (int t = rounds - 1; t >= 0; t--) {
            const long lane = (long)t * lanes + first;
            const float *now = states + lane * hidden, *next = now + (long)lanes * hidden;
            const float *g = gates + lane * triple, *m = news + lane * hidden, *from_above = d_out + lane;
            const float *seen = next;
            if (p->swish) {
                for (long i = 0; i < (long)some * hidden; i += WIDTH) {
                    const VEC h = LOAD(next + i), s = NAME(sigmoid)(h);
                    STORE(features + i, h * s);
                    STORE(above + i, ALL(0.0f));
                }
                NAME(product)(some, hidden, outputs, from_above, 1, plane, p->heads, hidden, above, hidden, 0, 0);
                for (long i = 0; i < (long)some * hidden; i += WIDTH) {
                    const VEC h = LOAD(next + i), s = NAME(sigmoid)(h);
                    STORE(d_state + i, LOAD(d_state + i) + LOAD(above + i) * (s + h * s * (1.0f - s)));
                }
                seen = features;
            } else
                NAME(product)(some, hidden, outputs, from_above, 1, plane, p->heads, hidden, d_state, hidden, 0, 0);
            NAME(product)(outputs, hidden, some, from_above, plane, 1, seen, hidden, sums + matrix, hidden, 0, 0);
            for (int n = 0; n < some; n++) {
                float *dg = d_gates + n * quad, *dh = d_state + n * hidden, *to = of_table + codes[lane + n] * (long)quad;
                const float *gate = g + n * triple, *before = now + n * hidden, *new_gate = m + n * hidden;
                for (int i = 0; i < hidden; i += WIDTH) {
                    const VEC reset = LOAD(gate + i), update = LOAD(gate + hidden + i), made = LOAD(new_gate + i);
                    const VEC d = LOAD(dh + i), d_made = d * (1.0f - update) * (1.0f - made * made);
                    const VEC d_reset = d_made * LOAD(gate + 2 * hidden + i) * reset * (1.0f - reset);
                    const VEC d_update = d * (LOAD(before + i) - made) * update * (1.0f - update);
                    const VEC d_recurrent = d_made * reset;
                    STORE(dg + i, d_reset);
                    STORE(dg + hidden + i, d_update);
                    STORE(dg + 2 * hidden + i, d_recurrent);
                    STORE(dh + i, d * update);
                    STORE(to + i, LOAD(to + i) + d_reset);
                    STORE(to + hidden + i, LOAD(to + hidden + i) + d_update);
                    STORE(to + 2 * hidden + i, LOAD(to + 2 * hidden + i) + d_recurrent);
                    STORE(to + triple + i, LOAD(to + triple + i) + d_made);
                }
            }
#ifdef HALF
            if (p->half) {
                NAME(narrow)(some, triple, d_gates, quad, pairs);
                NAME(paired)(some, hidden, triple / 2, pairs, triple / 2, 1, p->rows, hidden, d_state, hidden, 0, 0);
                NAME(pair)(some, triple, d_gates, quad, pairs);
                NAME(pair)(some, hidden, now, hidden, features);
                NAME(paired)(triple, hidden, (some + 1) / 2, pairs, 1, triple, features, hidden, sums, hidden, 0, 0);
                continue;
            }
#endif
            NAME(product)(some, hidden, triple, d_gates, quad, 1, p->rows, hidden, d_state, hidden, 0, 0);
            NAME(product)(triple, hidden, some, d_gates, 1, quad, now, hidden, sums, hidden, 0, 0);
        }
        for (long i = 0; i < matrix; i++) grad_recurrent[i] += sums[i];
        for (long i = 0; i < head; i++) grad_heads[i] += sums[matrix + i];
        for (long i = 0; i < few; i++) grad_table[i] += of_table[i];
    }
}

/* Whole games of two actions between policies and tables of probabilities; see gru_play. */
void NAME(play)(int rounds, long games, int players, const struct player *player, int tables, const int *slots,
                const double *cooperate, const double *thresholds, const double *uniforms, float *scratch,
                signed char *seen, signed char *actions, const int *mine, int count) {
    for (int t = 0; t < rounds; t++, seen += 2 * games, actions += 2 * games, thresholds += 2 * games,
             uniforms += 2 * games) {
        for (const struct player *one = player; one < player + players; one++) {
            const struct policy *p = &one->policy;
            float *news = scratch + (long)BLOCK * 3 * p->hidden;
            for (int first = 0; first < one->lanes; first += BLOCK) {
                const int some = one->lanes - first < BLOCK ? one->lanes - first : BLOCK;
                const float *inputs[BLOCK];
                float *states = one->states + (long)first * p->hidden;
                float *out = one->out + (long)t * one->lanes + first;
                const long plane = (long)rounds * one->lanes;
                for (int n = 0; n < some; n++)
                    inputs[n] = p->table +
                                (one->offsets[first + n] + seen[one->slots[first + n]]) * (long)(4 * p->hidden);
                NAME(advance)(some, p, inputs, states, states, scratch, news, out, plane);
                for (int n = 0; n < some; n++) {
                    const float lead = out[n] - out[plane + n];
                    const int slot = one->slots[first + n];
                    actions[slot] = thresholds[slot] >= (double)lead;
                }
            }
        }
        for (int i = 0; i < tables; i++)
            actions[slots[i]] = uniforms[slots[i]] >= cooperate[5 * (long)i + seen[slots[i]]];
        if (t + 1 < rounds)
            for (int i = 0; i < count; i++) {
                const int own = actions[mine[i]], other = actions[games + mine[i]];
                seen[2 * games + mine[i]] = (signed char)(1 + 2 * own + other);
                seen[3 * games + mine[i]] = (signed char)(1 + 2 * other + own);
            }
    }
}
