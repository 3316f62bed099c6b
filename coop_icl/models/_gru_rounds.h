/* All rounds of a GRU, forward and backward, for one width of vectors.
 *
 * Included once for each instruction set by _gru.c, which defines
 *   WIDTH  floats in a vector;
 *   ROWS   rows of a tile of a product: ROWS x 3 vectors of sums stay in registers;
 *   NAME(x)  x with a suffix of its own.
 */

typedef float NAME(vec) __attribute__((vector_size(WIDTH * 4)));
typedef int NAME(ivec) __attribute__((vector_size(WIDTH * 4)));
typedef float NAME(mem) __attribute__((vector_size(WIDTH * 4), aligned(4)));
#define VEC NAME(vec)
#define IVEC NAME(ivec)
#define LOAD(p) (*(const NAME(mem) *)(p))
#define STORE(p, v) (*(NAME(mem) *)(p) = (v))
#define ALL(x) ((VEC){0} + (x))

/* c[r, :] = (add ? c[r, :] : 0) + sum over k of a[r, k] b[k, :], for `rows` rows of `vecs` vectors; both are constants
 * where it is called, so that the sums are registers. Sums run over k in order: a row's result depends on that row only. */
INLINE void NAME(tile)(const int rows, const int vecs, int depth, const float *a, long a_row, long a_k,
                       const float *b, long b_k, float *c, long c_row, int add) {
    VEC sum[ROWS][3];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++) sum[r][v] = add ? LOAD(c + r * c_row + v * WIDTH) : ALL(0.0f);
    for (int k = 0; k < depth; k++) {
        VEC right[3];
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++) right[v] = LOAD(b + k * b_k + v * WIDTH);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const VEC left = ALL(a[r * a_row + k * a_k]);
#pragma GCC unroll 3
            for (int v = 0; v < vecs; v++) sum[r][v] += left * right[v];
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++) STORE(c + r * c_row + v * WIDTH, sum[r][v]);
}

/* The same for any number of rows, and of columns that is a multiple of WIDTH. */
static void NAME(product)(int rows, int columns, int depth, const float *a, long a_row, long a_k, const float *b,
                          long b_k, float *c, long c_row, int add) {
    int done = 0;
#define STRIP(vecs)                                                                                                  \
    do {                                                                                                             \
        int r = 0;                                                                                                   \
        for (; r + ROWS <= rows; r += ROWS)                                                                          \
            NAME(tile)(ROWS, vecs, depth, a + r * a_row, a_row, a_k, b + done, b_k, c + r * c_row + done, c_row, add); \
        for (; r < rows; r++)                                                                                        \
            NAME(tile)(1, vecs, depth, a + r * a_row, a_row, a_k, b + done, b_k, c + r * c_row + done, c_row, add);  \
    } while (0)
    for (; done + 3 * WIDTH <= columns; done += 3 * WIDTH) STRIP(3);
    if (done + 2 * WIDTH <= columns) {
        STRIP(2);
        done += 2 * WIDTH;
    }
    if (done < columns) STRIP(1);
#undef STRIP
}

INLINE VEC NAME(limit)(VEC x) { /* to [-30, 30], where a sigmoid is 0 or 1 to nine digits; NaN stays NaN */
    const VEC high = ALL(30.0f), low = ALL(-30.0f);
    IVEC over = x > high, under = x < low;
    x = (VEC)((over & (IVEC)high) | (~over & (IVEC)x));
    return (VEC)((under & (IVEC)low) | (~under & (IVEC)x));
}

INLINE VEC NAME(exp)(VEC x) { /* of |x| <= 30, within 2 units in the last place: 2^n times a polynomial in the rest */
    const VEC shift = ALL(12582912.0f); /* 1.5 * 2^23: adding it rounds to a whole number */
    const VEC n = (x * 1.44269504f + shift) - shift;
    const VEC r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    VEC p = ALL(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const IVEC power = (__builtin_convertvector(n, IVEC) + 127) << 23;
    return p * (VEC)power;
}

void NAME(forward)(int rounds, int lanes, int hidden, int inputs, int row, const float *weights,
                   const float *new_weights, float *states, long state_round, float *gates, long gate_round,
                   float *news, long new_round) {
    const int triple = 3 * hidden;
    for (int first = 0; first < lanes; first += BLOCK) {
        const int some = lanes - first < BLOCK ? lanes - first : BLOCK;
        for (int t = 0; t < rounds; t++) {
            const float *now = states + t * state_round + (long)first * row;
            float *next = states + (t + 1) * state_round + (long)first * row;
            float *g = gates + t * gate_round + (long)first * triple, *m = news + t * new_round + (long)first * hidden;
            NAME(product)(some, triple, hidden + inputs, now, row, 1, weights, triple, g, triple, 0);
            NAME(product)(some, hidden, inputs, now + hidden, row, 1, new_weights, hidden, m, hidden, 0);
            for (int n = 0; n < some; n++, g += triple, m += hidden, now += row, next += row)
                for (int i = 0; i < hidden; i += WIDTH) {
                    /* one division serves both gates: 1/a and 1/b from 1/(ab) */
                    const VEC a = NAME(exp)(NAME(limit)(-LOAD(g + i))) + 1.0f;
                    const VEC b = NAME(exp)(NAME(limit)(-LOAD(g + hidden + i))) + 1.0f;
                    const VEC both = 1.0f / (a * b), reset = both * b, update = both * a;
                    const VEC x = LOAD(m + i) + reset * LOAD(g + 2 * hidden + i);
                    const VEC made = 2.0f / (NAME(exp)(NAME(limit)(-2.0f * x)) + 1.0f) - 1.0f; /* tanh(x) */
                    STORE(g + i, reset);
                    STORE(g + hidden + i, update);
                    STORE(m + i, made);
                    STORE(next + i, made + update * (LOAD(now + i) - made));
                }
        }
    }
}

void NAME(backward)(int rounds, int lanes, int hidden, int inputs, int row, const float *recurrent,
                    const float *states, const float *gates, const float *news, const float *grad, float *d_gates,
                    float *d_new, float *d_state, float *grad_weights, float *grad_new_weights) {
    const int triple = 3 * hidden, tail = row - hidden;
    for (int first = 0; first < lanes; first += BLOCK) {
        const int some = lanes - first < BLOCK ? lanes - first : BLOCK;
        for (long i = 0; i < (long)some * hidden; i++) d_state[i] = 0.0f;
        for (int t = rounds - 1; t >= 0; t--) {
            const long lane = (long)t * lanes + first;
            const float *now = states + lane * row, *g = gates + lane * triple, *m = news + lane * hidden;
            const float *from_above = grad + lane * hidden;
            float *dg = d_gates, *dm = d_new, *dh = d_state;
            for (int n = 0; n < some; n++, now += row, g += triple, m += hidden, from_above += hidden, dg += triple,
                     dm += hidden, dh += hidden)
                for (int i = 0; i < hidden; i += WIDTH) {
                    const VEC reset = LOAD(g + i), update = LOAD(g + hidden + i), made = LOAD(m + i);
                    const VEC d = LOAD(dh + i) + LOAD(from_above + i);
                    const VEC d_made = d * (1.0f - update) * (1.0f - made * made);
                    STORE(dg + i, d_made * LOAD(g + 2 * hidden + i) * reset * (1.0f - reset));
                    STORE(dg + hidden + i, d * (LOAD(now + i) - made) * update * (1.0f - update));
                    STORE(dg + 2 * hidden + i, d_made * reset);
                    STORE(dm + i, d_made);
                    STORE(dh + i, d * update);
                }
            now = states + lane * row;
            NAME(product)(some, hidden, triple, d_gates, triple, 1, recurrent, hidden, d_state, hidden, 1);
            NAME(product)(triple, row, some, d_gates, 1, triple, now, row, grad_weights, row, 1);
            NAME(product)(hidden, tail, some, d_new, 1, hidden, now + hidden, row, grad_new_weights, tail, 1);
        }
    }
    (void)inputs;
}

#undef VEC
#undef IVEC
#undef LOAD
#undef STORE
#undef ALL
