/* An isolation with real trials: what `isolate` and `nightly` share. Searches for one case, one for each
 * unit, each with a driver of its own (driver.h), go on side by side. */
#ifndef TL_ISOLATION_H
#define TL_ISOLATION_H

#include "harness/base/watch.h"
#include "harness/campaign/driver.h"
#include "harness/campaign/wishes.h"
#include "harness/executor/unit_list.h"

#include <jansson.h>

struct tl_campaign_isolation {
    struct tl_campaign_wishes wishes;
    const struct tl_watch *watch; /* NULL: nobody */
    uint64_t started_ns;          /* of max_seconds */
    struct tl_executor *x;
    const struct tl_case *c;
    struct tl_variant failing;
    const struct tl_variant *minimal; /* over builds: is tried once on each that was; NULL */
    const struct tl_variant
        *stands_for;        /* over builds: the variant that failing was taken instead of; NULL */
    const char *signature;  /* the failure that is meant, by the beginning of its id; NULL: the gravest */
    const char *over;       /* the unit over whose builds is searched; NULL: not over builds */
    const size_t *frontier; /* the two axes of one; NULL */
    const size_t *suspects; /* axes to try first; NULL: what an earlier finding needed */
    size_t n_suspects;
    bool announce;                /* says what it will cost */
    const struct tl_unit **units; /* over builds it is made here, else the caller's; the caller's to free */
    size_t n_units;

    struct tl_driver *drivers; /* while it runs */
    size_t n_drivers;
    /* Of each driver, also after it was begun anew. */
    struct tl_stored_aside *asides;
    struct tl_processes *processes;
    bool last; /* it is not begun anew any more */
};

/* The units of a list. One that cannot be used here is an error. */
int tl_isolation_units(struct tl_campaign_isolation *s, const struct tl_unit_list *names, struct tl_error *e);
uint64_t tl_isolation_deadline(const struct tl_campaign_isolation *s); /* of tl_awake_ns; 0: none */
bool tl_isolation_out_of_time(const struct tl_campaign_isolation *s);
/* Isolates on every unit, to the end, the user's patience or the budget, and stores the findings. *documents,
 * the caller's, lists those that were stored, also on failure; none when it was interrupted before there was
 * anything to say. A unit on which all is as the case expects, or that passes where it expects a failure, has a
 * document whose "finding" is null, which is not stored; and so has one on which the failing variant cannot be
 * tried, without "expected". */
int tl_isolation_run(struct tl_campaign_isolation *s, json_t **documents, struct tl_error *e);

#endif
