/* The database as a directory of static pages that a browser opens from a disk: no server, nothing fetched.
 *
 * What is read before anything is looked for is plain HTML: the overview, a page for each case, failure, finding
 * and night. Trials are too many for that. They are in data files that two pages load as scripts, by need:
 *
 *   page                   what is on it                     data file          what is in it
 *   index.html             units across, cases down          data/index.js      what is in which file
 *   case/NAME.html         variants by units, builds         data/trials-N.js   trials whole, by id
 *   failure/CASE.ID.html   where, since when, a stack        data/lines-N.js    a line for each, newest first
 *   finding/ID.html        the report of a finding           data/stacks-N.js   every stack once, by id
 *   night/ID.html          what a nightly run saw            data/pages-N.js    the words of all other pages
 *   trials.html            all trials, and the search        data/site.json     the mark of a site of ours
 *   trial.html#ID          everything about one
 *
 * and site.css, site.js and search.js beside them.
 *
 * Every file stays under 500 KB; a long table goes on in NAME-2.html. The directory appears complete or
 * not at all (place.c).
 */
#ifndef TL_REPORT_SITE_H
#define TL_REPORT_SITE_H

#include "db/store.h"
#include "harness/base/error.h"
#include "harness/base/watch.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct tl_site_options {
    const char *target;           /* a directory that does not exist, is empty, or holds a site of trapline */
    bool keep_paths;              /* leave paths, user and host names as they are */
    const char *trapline;         /* its version, for the foot of the pages */
    const struct tl_watch *watch; /* NULL for nobody */
};

struct tl_site_result {
    uint64_t trials, bytes, largest; /* bytes: of all files; largest: of the largest of them */
    uint64_t pages, files;           /* pages: those that are HTML */
    uint64_t cases, units, signatures, failures, findings, nights;
};

/* Whether the target may be written to; what tl_site_write would refuse at once is refused. */
int tl_site_check(const char *target, struct tl_error *e);

/* Writes the site. On failure what was at the target before is still there. */
int tl_site_write(struct tl_store *s, const struct tl_site_options *o, struct tl_site_result *result,
                  struct tl_error *e);

#endif
