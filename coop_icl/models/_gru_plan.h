/* Roll-outs inside a model that is a GRU, for one width of vectors; included after _gru_rounds.h, see gru_plan. */

/* One of `count` by inverting the distribution with these scores at u; `p` is room to work in. May read and write a
 * vector beyond `count`. */
INLINE int NAME(draw)(int count, const float *scores, float u, float *p) {
    float most = scores[0], total = 0.0f, below = 0.0f;
    int drawn = 0;
    for (int i = 1; i < count; i++) most = scores[i] > most ? scores[i] : most;
    for (int i = 0; i < count; i += WIDTH) STORE(p + i, NAME(exp)(LOAD(scores + i) - most));
    for (int i = 0; i < count; i++) total += p[i];
    u *= total;
    for (int i = 0; i < count - 1; i++) {
        below += p[i];
        drawn += u >= below;
    }
    return drawn;
}

void NAME(plan)(long decisions, int rollouts, int horizon, double discount, const struct model *model,
                const float *states, const float *told, const float *uniforms, float *scratch, double *values) {
    const int hidden = model->policy.hidden, quad = 4 * hidden, width = model->width;
    const int actions = model->actions, outcomes = model->outcomes, each = actions * rollouts;
    const int of_reward = actions + actions * outcomes;
    struct policy core = model->policy; /* its heads are read here */
    core.outputs = core.swish = 0;
    float *now = scratch, *gates = now + BLOCK * hidden, *news = gates + BLOCK * 3 * hidden;
    float *features = news + BLOCK * hidden, *rows = features + BLOCK * hidden, *pairs = rows + BLOCK * quad;
    float *out = pairs + BLOCK * hidden / 2;
    (void)pairs;
    const float *inputs[BLOCK], *biases[BLOCK];
    for (int n = 0; n < BLOCK; n++) inputs[n] = rows + (long)n * quad, biases[n] = model->bias;
    for (long first = 0; first < decisions * each; first += BLOCK) {
        const int some = decisions * each - first < BLOCK ? decisions * each - first : BLOCK;
        double weight = 1.0;
        for (int n = 0; n < some; n++) {
            const float *from = states + (first + n) / each * hidden;
            for (int i = 0; i < hidden; i += WIDTH) STORE(now + (long)n * hidden + i, LOAD(from + i));
        }
        for (int ahead = 0; ahead < horizon; ahead++, weight *= discount) {
            const float *read = now;
            if (model->policy.swish) {
                for (long i = 0; i < (long)some * hidden; i += WIDTH)
                    STORE(features + i, LOAD(now + i) * NAME(sigmoid)(LOAD(now + i)));
                read = features;
            }
#ifdef HALF
            if (core.half) {
                NAME(narrow)(some, hidden, read, hidden, pairs);
                NAME(paired)(some, width, hidden / 2, pairs, hidden / 2, 1, model->out, width, out, width, biases, 0);
            } else
#endif
                NAME(product)(some, width, hidden, read, hidden, 1, model->out, width, out, width, biases, 0);
            for (int n = 0; n < some; n++) {
                const long lane = first + n, decision = lane / each, begun = lane / rollouts % actions;
                const float *u = uniforms + (lane * horizon + ahead) * 2;
                const float *scores = out + (long)n * width;
                float p[MOST + 16];
                const int action = ahead ? NAME(draw)(actions, scores, u[0], p) : (int)begun;
                const int seen = NAME(draw)(outcomes, scores + actions + action * outcomes, u[1], p);
                const float *rewards = scores + of_reward + action * outcomes;
                values[decision * actions + begun] += weight * rewards[seen];
                if (ahead + 1 == horizon) continue;
                const float *from = core.table + (long)(action * outcomes + seen) * quad;
                float *row = rows + (long)n * quad;
                for (int i = 0; i < quad; i += WIDTH) {
                    NAME(vec) sum = LOAD(from + i) + rewards[seen] * LOAD(model->reward + i);
                    if (told) sum += LOAD(told + decision * quad + i);
                    STORE(row + i, sum);
                }
            }
            if (ahead + 1 < horizon) NAME(advance)(some, &core, inputs, now, now, gates, news, out, 0);
        }
    }
}
