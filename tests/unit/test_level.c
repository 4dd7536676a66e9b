/* Whether a time or a size has moved to another level, by thousands of simulated nights. */
#include "harness/search/level.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state;

static double draw(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(random_state >> 11) + 0.5) / 9007199254740992.0;
}

static double draw_normal(void)
{
    return sqrt(-2 * log(draw())) * cos(2 * 3.14159265358979323846 * draw());
}

struct noise {
    const char *name;
    double trial, night, busy_trial, busy_night; /* sigmas; chances that it takes three times as long */
    unsigned rare;                               /* a false change in so many nights at most */
    double in_three;                             /* share that is said within three nights */
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#define HISTORY 21

struct series {
    double lists[HISTORY][13];
    struct tl_level_night nights[HISTORY]; /* the newest first */
    size_t n;
};

static double measurement(const struct noise *n, double level, double load)
{
    return level * exp(load + n->trial * draw_normal()) * (draw() < n->busy_trial ? 3 : 1);
}

/* One more night of three trials, and ten more where it looks changed, as nights have it. */
static struct tl_level_change next(struct series *s, const struct noise *n, double level,
                                   const struct tl_level_kind *kind)
{
    double load = n->night * draw_normal() + (draw() < n->busy_night ? log(3) : 0), list[13];
    size_t keep = s->n < HISTORY ? s->n : HISTORY - 1, m = 3;
    for (size_t i = keep; i > 0; i--) {
        for (size_t j = 0; j < s->nights[i - 1].n; j++)
            s->lists[i][j] = s->lists[i - 1][j];
        s->nights[i] = (struct tl_level_night){s->lists[i], s->nights[i - 1].n};
    }
    for (size_t j = 0; j < 13; j++)
        list[j] = measurement(n, level, load);
    s->n = keep + 1;
    for (;; m++) {
        for (size_t j = 0; j < m; j++)
            s->lists[0][j] = list[j];
        qsort(s->lists[0], m, sizeof(double), by_size);
        s->nights[0] = (struct tl_level_night){s->lists[0], m};
        struct tl_level_change c = tl_level_judge(kind, s->nights, s->n, 1.25);
        double before[HISTORY] = {0}, middle = s->lists[0][m / 2];
        for (size_t i = 1; i < s->n; i++)
            before[i - 1] = s->nights[i].list[s->nights[i].n / 2];
        qsort(before, s->n - 1, sizeof(double), by_size);
        double ratio = s->n > 1 ? middle / before[(s->n - 1) / 2] : 1;
        if (c.nights) {
            s->n = 1; /* it is said, and a new count begins */
            return c;
        }
        if (m == 13 || (ratio < 1.2 && ratio > 1 / 1.2))
            return c;
    }
}

static const struct noise noises[] = {{"calm", 0.02, 0.01, 0, 0, 20000, 1},
                                      {"usual", 0.08, 0.06, 0.05, 0.01, 8000, 0.85},
                                      {"busy", 0.1, 0.07, 0.05, 0.04, 2000, 0.6},
                                      {"loud", 0.2, 0.1, 0.1, 0.03, 1500, 0.3}};

Test(level, what_stays_is_not_said_to_change)
{
    for (size_t k = 0; k < 4; k++) {
        unsigned said = 0, nights = 0;
        for (uint64_t seed = 1; seed <= 24; seed++) {
            struct series s = {.n = 0};
            random_state = seed * 7919;
            for (unsigned i = 0; i < 1000; i++, nights++)
                said += next(&s, &noises[k], 1, &tl_level_time).nights > 0;
        }
        printf("%s: %u false changes in %u nights of a cell\n", noises[k].name, said, nights);
        cr_assert_leq(said * noises[k].rare, nights, "%s", noises[k].name);
    }
}

Test(level, half_as_much_again_is_said_in_its_third_night)
{
    for (size_t k = 0; k < 4; k++)
        for (int down = 0; down < 2; down++) {
            unsigned said[8] = {0}, all = 200;
            for (uint64_t seed = 1; seed <= all; seed++) {
                struct series s = {.n = 0};
                random_state = seed * 104729;
                for (int i = 0; i < 15; i++)
                    next(&s, &noises[k], down ? 1.5 : 1, &tl_level_time);
                unsigned i = 1;
                while (i < 7 && !next(&s, &noises[k], down ? 1 : 1.5, &tl_level_time).nights)
                    i++;
                said[i]++;
            }
            printf("%s %s: said in night 1: %u, 2: %u, 3: %u, 4: %u, 5: %u, 6: %u, later: %u\n",
                   noises[k].name, down ? "faster" : "slower", said[1], said[2], said[3], said[4], said[5],
                   said[6], said[7]);
            cr_assert_geq(said[1] + said[2] + said[3], noises[k].in_three * all, "%s", noises[k].name);
        }
}
