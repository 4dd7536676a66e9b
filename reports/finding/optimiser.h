/* What a reduction found of the runtime's optimisers, in words. */
#ifndef TL_FINDING_OPTIMISER_H
#define TL_FINDING_OPTIMISER_H

#include <jansson.h>
#include <stdbool.h>

/* One or two sentences of the "optimiser" of a reduction (docs/reduce.md); marked: names as code, for a page. The caller's; NULL
 * where there is nothing to say. */
char *tl_optimiser_words(const json_t *reduction, bool marked);
/* Whether what is left fails for another optimiser than the original does, so that it may be another failure. */
bool tl_optimiser_is_other(const json_t *reduction);

#endif
