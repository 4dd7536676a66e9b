/* What summary and tally are sums of (schema.sql): a query for the same rows, counted from trial. For the
 * inside of db/: a merge adds them up, a check compares them. trial_write.c adds one trial at a time. */
#ifndef TL_SUMS_H
#define TL_SUMS_H

#define TL_SUMMARY_OF(where)                                                                                 \
    "SELECT case_hash, variant_hash, unit, ifnull(environment_id, ''), outcome, ifnull(signature_id, ''), "  \
    "count(*), sum(fresh), min(started_us), max(started_us) FROM main.trial " where                          \
    " GROUP BY 1, 2, 3, 4, 5, 6"
#define TL_TALLY_OF(where)                                                                                   \
    "SELECT case_name, case_hash, unit, outcome, ifnull(signature_id, ''), count(*), min(started_us), "      \
    "max(started_us) FROM main.trial " where " GROUP BY 1, 2, 3, 4, 5"

#endif
