/* Staging (staging.h) where nothing may ever be staged again: beside what somebody names once, a site or a bundle, say. What a killed
 * process left there would stay, so that each such place is noted before, and any later command looks there. */
#ifndef TL_STAGING_NOTE_H
#define TL_STAGING_NOTE_H

#include "harness/base/staging.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* As tl_staging_begin, for tl_staging_end_noted. Where nothing can be noted it is only not found by others. */
int tl_staging_begin_noted(struct tl_staging *s, const char *directory, const char *prefix);
/* As tl_staging_end. */
void tl_staging_end_noted(struct tl_staging *s);
/* As tl_replace_file, of a place that is somebody's own: what a killed process began is found by others. */
int tl_replace_file_noted(const char *path, const void *data, size_t size, mode_t mode, bool sync);
/* Removes what killed processes of this user left in places that they noted. What cannot be removed is tried again the next time. */
void tl_staging_sweep_noted(void);

#endif
