/* A simulated world for nights: cases whose builds break, are mended, flake, get slower and larger, on a machine
 * that is busy now and then. The nights are the product's own, from the suite's file to the document in the
 * database; only the executor is replaced, by one that draws the outcome of each trial (nights_world.c). */
#ifndef TL_TEST_NIGHTS_WORLD_H
#define TL_TEST_NIGHTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What is random besides the planted events. Sigmas are of logarithms. */
struct noise {
    const char *name;
    double trial;                  /* sigma of the time of a trial */
    double night;                  /* of all times of a night together: the machine is warm, or shared */
    double cell;                   /* of the times of one cell in one night */
    double busy_trial, busy_night; /* chances that a trial, that all of a night take busy_factor as long */
    double busy_cell;              /* that the trials of one cell in one night do */
    double busy_factor;
    double memory;      /* sigma of peak memory */
    double memory_jump; /* chance that a trial's peak is a quarter to half more: an allocator's mood */
    double odd;         /* chance that a trial fails for reasons of the machine */
};

struct plan {
    uint64_t seed;
    unsigned nights, repeat;
    unsigned quiet_least, quiet_most; /* nights between two events of a case */
    double flake;                     /* rate of a flaky failure */
    double factor;                    /* of what gets slower or larger */
    bool clean_is_expected;           /* a clean error after a crash is what the case expects: it passes */
};

enum event {
    EVENT_BREAK,  /* passes, or is refused, and then crashes */
    EVENT_REFUSE, /* passes, and then is a clean error */
    EVENT_OTHER,  /* crashes in another way than before */
    EVENT_FIX,    /* passes */
    EVENT_CLEAN,  /* a crash becomes a clean error */
    EVENT_FLAKE,  /* begins to crash now and then */
    EVENT_STEADY, /* no longer does */
    EVENT_SLOWER,
    EVENT_FASTER,
    EVENT_LARGER,
    EVENT_SMALLER,
    EVENT_COUNT
};
extern const char *const event_names[EVENT_COUNT];

#define DELAYS 12 /* 0: never said before the next event; n: in the nth night; the last: later */
struct result {
    unsigned case_nights, cells, trials;
    unsigned planted[EVENT_COUNT], delays[EVENT_COUNT][DELAYS + 1];
    unsigned false_alarms; /* of the classes that are news */
    unsigned false_by_class[32];
    unsigned untried, interrupted, elsewhere; /* nights that were so */
    unsigned wrong_cells; /* of those: a cell of such a night whose class is not what it must be */
};

/* Runs all nights in a directory of its own. Aborts where the product fails. log: a line for each event, each
 * change said and each false alarm; NULL for none. */
void simulate(const struct plan *p, const struct noise *n, struct result *r, FILE *log);
void result_print(const char *name, const struct result *r, FILE *to);
unsigned event_late(const struct result *r, enum event what,
                    unsigned nights); /* said later than that, or never */

#endif
