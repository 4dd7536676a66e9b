/* Pairs are covered greedily: while one is missing, variants that hold it are drawn at random and the one
 * that covers most missing pairs is taken. A pair for which nothing that makes sense can be drawn is
 * impossible. Then variants are drawn freely until there are enough. */
#include "tests/integration/decoder_reference.h"

#include "cases/decoder/decoder.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define MOST_VALUES 6

/* Small values on both sides of every limit that the operators have. */
static const struct {
    const char *axis;
    int64_t values[MOST_VALUES]; /* of an integer axis; a string axis takes all of its own */
    int n;
} integers[] = {
    {"layers", {1, 2, 3, 5}, 4},
    {"begin", {0, 1, 5, 9}, 4},
    {"begin_error", {0, 0, 0, 1, 7}, 5},
    {"block_size", {16, 32, 64, 128, 256}, 5},
    {"accuracy_level", {0, 1, 2, 3, 4}, 5},
    {"seq", {1, 0, 2, 5, 16}, 5},
    {"context", {32, 14, 65}, 3},
    {"batch", {1, 2, 3}, 3},
    {"hidden", {32, 30, 48, 96}, 4},
    {"heads", {2, 4, 8}, 3},
    {"kv_heads", {1, 2, 4}, 3},
    {"head_dim", {16, 8, 24, 32}, 4},
    {"full_every", {1, 2, 3, 9}, 4},
    {"window", {8, 1, 3}, 3},
    {"full_head_dim", {0, 32, 48}, 3},
    {"full_heads", {0, 4}, 2},
    {"weight_seed", {1, 7}, 2},
    {"input_seed", {1, 7}, 2},
};

struct axis {
    const struct tl_family_axis *family;
    int64_t values[MOST_VALUES]; /* of a string axis: the index */
    int n;
};

struct set {
    struct axis *axes;
    size_t n_axes, n_values;
    size_t *first;  /* number of the first value of each axis */
    uint8_t *state; /* of each pair of values: MISSING, COVERED, IMPOSSIBLE */
    uint64_t random;
};
enum { MISSING, COVERED, IMPOSSIBLE };

static uint64_t draw(struct set *s, uint64_t below)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (s->random >> 33) % below;
}

static void take_axes(struct set *s)
{
    s->n_axes = tl_family_decoder.n_axes;
    s->axes = tl_calloc(s->n_axes, sizeof *s->axes);
    s->first = tl_calloc(s->n_axes, sizeof *s->first);
    for (size_t i = 0; i < s->n_axes; i++) {
        struct axis *a = &s->axes[i];
        a->family = &tl_family_decoder.axes[i];
        s->first[i] = s->n_values;
        for (size_t k = 0; k < sizeof integers / sizeof integers[0]; k++)
            if (strcmp(integers[k].axis, a->family->name) == 0) {
                a->n = integers[k].n;
                memcpy(a->values, integers[k].values, sizeof a->values);
            }
        for (; a->family->type == TL_VALUE_STRING && a->family->values[a->n]; a->n++)
            a->values[a->n] = a->n;
        s->n_values += (size_t)a->n;
    }
    s->state = tl_calloc(s->n_values * s->n_values, 1);
}

static uint8_t *pair(struct set *s, size_t a, int va, size_t b, int vb)
{
    return &s->state[(s->first[a] + (size_t)va) * s->n_values + s->first[b] + (size_t)vb];
}

static json_t *variant_of(const struct set *s, const int *choice)
{
    json_t *v = json_object();
    for (size_t i = 0; i < s->n_axes; i++) {
        int64_t value = s->axes[i].values[choice[i]];
        const struct tl_family_axis *f = s->axes[i].family;
        json_object_set_new(v, f->name,
                            f->type == TL_VALUE_STRING ? json_string(f->values[value]) : json_integer(value));
    }
    return v;
}

static bool makes_sense(const struct set *s, const int *choice)
{
    struct tl_decoder_config c;
    struct tl_error e;
    json_t *v = variant_of(s, choice);
    bool sense = tl_decoder_config_parse(v, &c, &e) == 0 && !tl_decoder_no_answer(&c);
    json_decref(v);
    return sense;
}

/* Fills in the axes that are -1 in wanted. Tries with ever more of them at their first value. */
static bool complete(struct set *s, const int *wanted, int *choice)
{
    for (int attempt = 0; attempt < 400; attempt++) {
        for (size_t i = 0; i < s->n_axes; i++) {
            bool simple = draw(s, 400) < (uint64_t)attempt;
            int any = (int)draw(s, (uint64_t)s->axes[i].n);
            choice[i] = wanted[i] >= 0 ? wanted[i] : simple ? 0 : any;
        }
        if (makes_sense(s, choice))
            return true;
    }
    return false;
}

static size_t cover(struct set *s, const int *choice, bool count_only)
{
    size_t n = 0;
    for (size_t a = 0; a < s->n_axes; a++)
        for (size_t b = a + 1; b < s->n_axes; b++) {
            uint8_t *p = pair(s, a, choice[a], b, choice[b]);
            n += *p == MISSING;
            if (!count_only)
                *p = COVERED;
        }
    return n;
}

/* The best of a few variants that hold the wanted values; false when there is none. */
static bool best(struct set *s, const int *wanted, int tries, int *choice)
{
    int *candidate = tl_calloc(s->n_axes, sizeof *candidate);
    size_t most = 0;
    bool found = false;
    for (int i = 0; i < tries; i++) {
        if (!complete(s, wanted, candidate))
            break;
        size_t n = cover(s, candidate, true);
        if (!found || n > most) {
            memcpy(choice, candidate, s->n_axes * sizeof *choice);
            most = n;
            found = true;
        }
    }
    free(candidate);
    return found;
}

static void take(struct set *s, const int *choice, json_t *list)
{
    cover(s, choice, false);
    json_array_append_new(list, variant_of(s, choice));
}

static void cover_pair(struct set *s, size_t a, int va, size_t b, int vb, int *wanted, int *choice,
                       json_t *list)
{
    if (*pair(s, a, va, b, vb) != MISSING)
        return;
    wanted[a] = va;
    wanted[b] = vb;
    if (best(s, wanted, 12, choice))
        take(s, choice, list);
    else
        *pair(s, a, va, b, vb) = IMPOSSIBLE;
    wanted[a] = wanted[b] = -1;
}

json_t *tl_decoder_covering_set(size_t at_least, struct tl_decoder_coverage *coverage)
{
    struct set s = {.random = 1};
    take_axes(&s);
    int *wanted = tl_calloc(s.n_axes, sizeof *wanted), *choice = tl_calloc(s.n_axes, sizeof *choice);
    json_t *list = json_array();
    for (size_t i = 0; i < s.n_axes; i++)
        wanted[i] = -1;
    for (size_t a = 0; a < s.n_axes; a++)
        for (size_t b = a + 1; b < s.n_axes; b++)
            for (int va = 0; va < s.axes[a].n; va++)
                for (int vb = 0; vb < s.axes[b].n; vb++)
                    cover_pair(&s, a, va, b, vb, wanted, choice, list);
    while (json_array_size(list) < at_least && best(&s, wanted, 1, choice))
        take(&s, choice, list);
    *coverage = (struct tl_decoder_coverage){0};
    for (size_t a = 0; a < s.n_axes; a++)
        for (size_t b = a + 1; b < s.n_axes; b++)
            for (int va = 0; va < s.axes[a].n; va++)
                for (int vb = 0; vb < s.axes[b].n; vb++) {
                    coverage->pairs++;
                    coverage->covered += *pair(&s, a, va, b, vb) == COVERED;
                    coverage->impossible += *pair(&s, a, va, b, vb) == IMPOSSIBLE;
                }
    free(wanted);
    free(choice);
    free(s.axes);
    free(s.first);
    free(s.state);
    return list;
}
