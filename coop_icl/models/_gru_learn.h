/* One gradient of a loss of two actions: forward, loss and backward, block by block; algorithms/losses.py in closed form.
 *
 * See _gru_rounds.h for the names that must be defined.
 */

#define SELECT(holds, x, y) ((VEC)(((IVEC)(x) & (holds)) | ((IVEC)(y) & ~(holds))))

/* log(1 + exp(-|x|)) by 2 atanh(e / (2 + e)), relative error 1e-7. */
INLINE VEC NAME(soft)(VEC x, VEC *e) {
    *e = NAME(exp)(MIN(x, -x));
    const VEC z = *e / (*e + 2.0f), w = z * z;
    VEC p = ALL(1.0f / 13);
    p = p * w + 1.0f / 11;
    p = p * w + 1.0f / 9;
    p = p * w + 1.0f / 7;
    p = p * w + 1.0f / 5;
    p = p * w + 1.0f / 3;
    p = p * w + 1.0f;
    return 2.0f * z * p;
}

/* The log-probability of an action whose score leads the other's by x. */
INLINE VEC NAME(logp)(VEC x) {
    VEC e;
    return MIN(ALL(0.0f), x) - NAME(soft)(x, &e);
}

/* Log-probabilities [count] of actions whose lead is known; count is a multiple of 16. */
void NAME(logps)(long count, const float *leads, float *out) {
    for (long i = 0; i < count; i += WIDTH) STORE(out + i, NAME(logp)(LOAD(leads + i)));
}

/* The loss of `count` decisions (a multiple of 16; those of no weight are padding) and its gradient.
 * out, d_out: [3, plane], scores and value. side: 1 where the first action was taken, else -1. Adds to sums [SUMS]. */
INLINE void NAME(loss)(const struct coefficients *c, long count, long plane, const float *out, const float *side,
                       const float *logp, const float *advantages, const float *returns, const float *weights,
                       float *d_out, double *sums) {
    VEC sum[SUMS][16 / WIDTH];
    VEC largest = ALL(0.0f);
    for (int s = 0; s < SUMS; s++)
        for (int v = 0; v < 16 / WIDTH; v++) sum[s][v] = ALL(0.0f);
    for (long first = 0; first < count; first += 16)
        for (int v = 0; v < 16 / WIDTH; v++) {
            const long i = first + v * WIDTH;
            const VEC w = LOAD(weights + i), sign = LOAD(side + i), a = LOAD(advantages + i);
            const VEC lead = LOAD(out + i) - LOAD(out + plane + i), x = lead * sign;
            VEC e;
            const VEC soft = NAME(soft)(x, &e), now = MIN(ALL(0.0f), x) - soft, other = now - x;
            const VEC less = e / (1.0f + e), more = 1.0f - less; /* the smaller probability, and the larger */
            const VEC p = SELECT(x < 0.0f, less, more), q = SELECT(x < 0.0f, more, less);
            const VEC entropy = -(p * now + q * other);
            const VEC log_ratio = now - LOAD(logp + i), ratio = NAME(exp)(log_ratio), off = ratio - 1.0f;
            VEC surrogate, d_logp;
            if (c->clipped) {
                const VEC inside = MAX(ALL(1.0f - c->clip), MIN(ALL(1.0f + c->clip), ratio)) * a;
                const VEC plain = ratio * a;
                d_logp = SELECT(plain > inside, ALL(0.0f), plain); /* a number that is none passes */
                surrogate = SELECT(plain > inside, inside, plain);
            } else {
                surrogate = now * a;
                d_logp = a;
            }
            const VEC error = LOAD(out + 2 * plane + i) - LOAD(returns + i), target = LOAD(returns + i);
            const VEC share = w * c->share;
            /* of the lead of the action taken: d logp = q, d entropy = -p q x */
            const VEC d_lead = share * q * sign * (c->entropy * p * x - d_logp);
            STORE(d_out + i, d_lead);
            STORE(d_out + plane + i, -d_lead);
            const VEC d_value = share * c->value * error;
            STORE(d_out + 2 * plane + i, d_value);
            const VEC distance = w * SELECT(off < 0.0f, -off, off);
            largest = MAX(largest, distance);
            sum[0][v] += w * surrogate;
            sum[1][v] += w * error * error;
            sum[2][v] += w * entropy;
            sum[3][v] += w * (off - log_ratio);
            sum[4][v] += SELECT(distance > c->clip, w, ALL(0.0f));
            sum[5][v] += w * target;
            sum[6][v] += w * target * target;
            sum[7][v] += d_lead;
            sum[8][v] += d_value;
        }
    for (int s = 0; s < SUMS - 1; s++) sums[s] += NAME(total)(sum[s]);
    for (int i = 0; i < WIDTH; i++)
        if (!(largest[i] <= sums[SUMS - 1])) sums[SUMS - 1] = largest[i];
}

/* See gru_learn. */
void NAME(learn)(int rounds, int lanes, const struct policy *p, int rows, const int *codes, const long *which,
                 const struct targets *targets, const struct coefficients *c, float *scratch, float *grad_recurrent,
                 float *grad_table, float *grad_heads, double *sums) {
    const long hidden = p->hidden, most = ((long)rounds * BLOCK + 15) / 16 * 16;
    float *states = scratch, *gates = states + (rounds + 1L) * BLOCK * hidden;
    float *news = gates + (long)rounds * BLOCK * 3 * hidden, *out = news + (long)rounds * BLOCK * hidden;
    float *d_out = out + 3 * most, *side = d_out + 3 * most, *logp = side + most, *advantages = logp + most;
    float *returns = advantages + most, *weights = returns + most, *work = weights + most;
    int seen[rounds * BLOCK];
    for (int first = 0; first < lanes; first += BLOCK) {
        const int some = lanes - first < BLOCK ? lanes - first : BLOCK;
        const long plane = (long)rounds * some, count = (plane + 15) / 16 * 16;
        for (long i = 0; i < some * hidden; i++) states[i] = 0.0f;
        for (int t = 0; t < rounds; t++)
            for (int n = 0; n < some; n++) {
                const long from = t * targets->columns + which[first + n], to = (long)t * some + n;
                seen[to] = codes[from];
                side[to] = targets->actions[from] ? -1.0f : 1.0f;
                logp[to] = targets->logp[from];
                advantages[to] = targets->advantages[from];
                returns[to] = targets->returns[from];
                weights[to] = targets->weights[from];
            }
        NAME(forward)(rounds, some, p, seen, states, some * hidden, gates, some * 3 * hidden, news, some * hidden, out);
        if (count > plane) { /* the loss is taken of whole vectors: planes move apart, and padding weighs nothing */
            for (int o = 2; o > 0; o--)
                for (long i = plane - 1; i >= 0; i--) out[o * count + i] = out[o * plane + i];
            for (long i = plane; i < count; i++) {
                for (int o = 0; o < 3; o++) out[o * count + i] = 0.0f;
                side[i] = logp[i] = advantages[i] = returns[i] = weights[i] = 0.0f;
            }
        }
        NAME(loss)(c, count, count, out, side, logp, advantages, returns, weights, d_out, sums);
        NAME(backward)(rounds, some, p, seen, rows, states, gates, news, d_out, count, work, grad_recurrent, grad_table,
                       grad_heads);
    }
}
