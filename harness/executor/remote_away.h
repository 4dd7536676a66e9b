/* Machines of a fleet that are known, and cannot be asked for a trial now. */
#ifndef TL_REMOTE_AWAY_H
#define TL_REMOTE_AWAY_H

#include <jansson.h>

/* Why a machine cannot be asked, as words that follow its name; the caller's. NULL: it can. told: as the link tells of it; said: its announcement,
 * NULL where that is none. */
char *tl_remote_why_away(const json_t *told, const json_t *said);
/* Those of [{"machine", "said", "why"}, …] that have a unit of this name, as a text that ends a sentence; the caller's, "" where there is none. */
char *tl_remote_away_text(const json_t *away, const char *unit);

#endif
