/* How many trials run at a time where nobody says it. */
#ifndef TL_JOBS_H
#define TL_JOBS_H

#include <stdbool.h>

/* Of a machine with that many processors. aside: what becomes of a trial is also the work of processes that are not
 * its own (crash reports, samples, the compilers of the system), for which a quarter is left free, one at least. */
unsigned tl_jobs_for(long processors, bool aside);
/* Here. */
unsigned tl_jobs_default(void);

#endif
