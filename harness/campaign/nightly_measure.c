/* Do the trials that pass take longer than before, or more memory?
 *
 * Times and memory are of trials that passed, and a fork server's child, which has loaded nothing itself, is compared
 * with such children only. With thousands of cells a night one test in a hundred is no news, and a machine that is busy
 * for an hour shifts whole nights. So nights are compared, not trials (harness/search/level.c): a change of time shows
 * in the second or third night that has it, one of memory in the first or second. It is said when it is a quarter or
 * more, and large enough for somebody to notice.
 *
 * What no busy machine does is said at once: more than four times as long as in the longest of the nights before (two at least, so
 * that it is seen what nights differ by), in so many trials, with none of them among those of before (the rank-sum test of
 * change.c). That something takes a fraction of the time is never said at once: the nights before were perhaps those of a busy
 * machine. Where most other cells of the night take
 * longer, too, the machine is busy, and no time is called longer before its third night, or its fifth where it did
 * not begin with a new build.
 *
 * What looks like a change tonight gets more trials, unless one of them takes long: for a night counts the more the
 * surer its median is. */
#include "harness/base/buffer.h"
#include "harness/base/quantile.h"
#include "harness/campaign/nightly_past.h"
#include "harness/search/change.h"
#include "harness/search/level.h"

#include <stdlib.h>

#define RATIO 1.25         /* of what is said */
#define LOOKS_RATIO 1.2    /* of what gets more trials */
#define AT_ONCE_RATIO 4.0  /* of a time that is said in its first night, to the longest before */
#define AT_ONCE_TRIALS 10  /* trials that it takes */
#define AT_ONCE_NIGHTS 2   /* before it */
#define BUSY_RATIO 1.5     /* of a time by which a cell shows that the machine is busy */
#define BUSY_CELLS 3       /* that are asked at least */
#define BUSY_NIGHTS 3      /* that it has to last from a new build on to be said while the machine is busy */
#define MORE 10            /* trials added at most */
#define MORE_COSTS_S 2     /* a trial that takes longer is not repeated for its time */
#define TIME_LEAST_S 0.005 /* differences below these are not said */
#define MEMORY_LEAST 2097152.0
#define ALL_MOST 1600 /* times of all nights before */

struct measure {
    const struct tl_level_kind *kind;
    double least;
    size_t n;
    struct tl_level_night nights[25]; /* tonight first */
};

static void add(struct measure *m, const double *list, size_t n)
{
    if (n && list[0] > 0 && m->n < TL_COUNT(m->nights))
        m->nights[m->n++] = (struct tl_level_night){list, n};
}

static double median_of(const struct tl_level_night *n)
{
    return tl_median(n->list, n->n);
}

/* The machine is busy: most other cells take longer than before, too. */
static bool busy_machine(const struct tl_nightly_cell *c)
{
    const struct tl_nightly *n = c->nightly;
    size_t known = 0, slow = 0;
    for (size_t i = 0; i < n->n_cells; i++) {
        known += &n->cells[i] != c && n->cells[i].time_ratio > 0;
        slow += &n->cells[i] != c && n->cells[i].time_ratio > BUSY_RATIO;
    }
    return known >= BUSY_CELLS && slow * 2 > known;
}

/* Far longer than in every night before, and sure by the ranks of all trials. */
static bool at_once(const struct measure *m)
{
    double all[ALL_MOST], most = 0;
    size_t n = 0;
    for (size_t i = 1; i < m->n; i++) {
        double median = median_of(&m->nights[i]);
        most = median > most ? median : most;
        for (size_t j = 0; j < m->nights[i].n && n < ALL_MOST; j++)
            all[n++] = m->nights[i].list[j];
    }
    tl_sort(all, n);
    return m->n > AT_ONCE_NIGHTS && m->nights[0].n >= AT_ONCE_TRIALS &&
           median_of(&m->nights[0]) > AT_ONCE_RATIO * most &&
           tl_change_rank_sum(all, n, m->nights[0].list, m->nights[0].n, false) <= TL_CHANGE_LEVEL;
}

struct found {
    int direction;                       /* 1: more, -1: less, 0: neither */
    bool looks;                          /* like one, tonight */
    double odds, ratio, before, tonight; /* tonight: its ratio to the nights before */
    size_t nights;
};

static struct found judge(const struct measure *m)
{
    struct found f = {0};
    if (m->n < 2 || m->nights[0].n < TL_CHANGE_LEAST)
        return f;
    struct tl_level_change c = tl_level_judge(m->kind, m->nights, m->n, RATIO);
    double now = median_of(&m->nights[0]), medians[TL_COUNT(m->nights)];
    size_t from = c.nights ? c.nights : 1, n = 0;
    for (size_t i = from; i < m->n; i++)
        medians[n++] = median_of(&m->nights[i]);
    tl_sort(medians, n);
    f.before = tl_median(medians, n);
    bool much = now - f.before > m->least || f.before - now > m->least;
    f.looks = much && (now > LOOKS_RATIO * f.before || now * LOOKS_RATIO < f.before);
    f.tonight = f.before > 0 ? now / f.before : 0;
    f.ratio = c.nights ? c.ratio : now / f.before;
    f.odds = c.odds;
    f.nights = c.nights;
    if (much && c.nights)
        f.direction = c.ratio > 1 ? 1 : -1;
    else if (much && m->kind == &tl_level_time)
        f.direction = at_once(m) ? 1 : 0;
    return f;
}

/* In words: for the report. */
static char *evidence(const struct found *f, const struct measure *m)
{
    if (!f->direction)
        return NULL;
    if (!f->nights)
        return tl_format("%.3g times as much in %zu trials as before, beyond each of %zu nights", f->ratio,
                         m->nights[0].n, m->n - 1);
    return tl_format("%.3g times as much in %s%.0zu%s as in %zu before; odds for a change %s%.3g to 1",
                     f->ratio, f->nights > 1 ? "the last " : "this night", f->nights > 1 ? f->nights : 0,
                     f->nights > 1 ? " nights" : "", m->n - f->nights, f->odds > 1e6 ? "more than " : "",
                     f->odds > 1e6 ? 1e6 : f->odds);
}

void tl_nightly_measure(struct tl_nightly_cell *c, const struct tl_nightly_past *past)
{
    bool fresh, time = true, memory = true;
    const struct tl_samples *s = tl_nightly_seconds(c, &fresh), *sizes = &c->memory[fresh];
    struct measure t = {.kind = &tl_level_time, .least = TIME_LEAST_S},
                   m = {.kind = &tl_level_memory, .least = MEMORY_LEAST};
    add(&t, s->list, s->n);
    add(&m, sizes->list, sizes->n);
    for (size_t i = 0; i < past->n && (time || memory); i++) {
        const struct tl_night_cell *p = past->list[i];
        if (time && t.n && p->fresh == fresh)
            add(&t, p->seconds, p->n_seconds);
        if (memory && m.n && p->fresh == fresh)
            add(&m, p->memory, p->n_memory);
        time = time && !(p->changed & TL_NIGHT_TIME);
        memory = memory && !(p->changed & TL_NIGHT_MEMORY);
    }
    struct found in_time = judge(&t), in_memory = judge(&m);
    c->time_ratio = in_time.tonight;
    size_t lasts = tl_nightly_of_build(c, past) == in_time.nights ? BUSY_NIGHTS : TL_LEVEL_NIGHTS;
    if (in_time.direction > 0 && in_time.nights < lasts && busy_machine(c))
        in_time.direction = 0;
    c->slower = in_time.direction > 0;
    c->faster = in_time.direction < 0;
    c->hungrier = in_memory.direction > 0;
    c->leaner = in_memory.direction < 0;
    free(c->measured[0]);
    free(c->measured[1]);
    c->measured[0] = evidence(&in_time, &t);
    c->measured[1] = evidence(&in_memory, &m);
    c->was_seconds = in_time.before;
    c->was_memory = in_memory.before;
    bool open = (in_time.looks && !in_time.direction) || (in_memory.looks && !in_memory.direction);
    c->wants_times = open && c->added < MORE && tl_median(s->list, s->n) < MORE_COSTS_S;
}
