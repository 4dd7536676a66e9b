/* On Linux what a trial takes is done by its own processes and by trapline, which is idle most of the time: a trial for
 * each processor. On macOS reports of crashes are written, processes are sampled and models are compiled by services
 * of the system; where every processor is busy their work comes late, and a report that comes late is missing. */
#include "harness/base/jobs.h"

#include <unistd.h>

unsigned tl_jobs_for(long processors, bool aside)
{
    unsigned n = processors > 0 ? (unsigned)processors : 1;
    if (!aside || n == 1)
        return n;
    return n - (n / 4 ? n / 4 : 1);
}

unsigned tl_jobs_default(void)
{
#ifdef __APPLE__
    bool aside = true;
#else
    bool aside = false;
#endif
    return tl_jobs_for(sysconf(_SC_NPROCESSORS_ONLN), aside);
}
