/* A build that outputs are compared with. */
#ifndef TL_REPORTS_REFERENCE_BUILD_H
#define TL_REPORTS_REFERENCE_BUILD_H

#include <jansson.h>
#include <stdbool.h>

/* Whether outputs are compared with those of this build in the same way: that it passes says nothing then. */
bool tl_build_is_reference(const json_t *finding, const char *build);

#endif
