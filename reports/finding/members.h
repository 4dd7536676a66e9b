/* What a finding's document says, read out: notes, lists, axes that nothing reads. */
#ifndef TL_REPORTS_FINDING_MEMBERS_H
#define TL_REPORTS_FINDING_MEMBERS_H

#include "reports/members.h"

bool tl_list_holds(const json_t *list, const json_t *value);
bool tl_finding_has_note(const json_t *finding, const char *code);
/* Whether it is that of a search over builds, in which nothing but the build changed. One of a trigger may have "builds"
 * as well, from such a search (db/finding_join.h). */
bool tl_finding_over_builds(const json_t *finding);
/* A build on which the reported variant passes, of those next to one on which it fails if any: the control where no variant is one.
 * NULL: none is known. */
const char *tl_finding_good_build(const json_t *finding);
/* Whether nothing reads the axis, so that its values are no different. */
bool tl_finding_unread(const json_t *finding, const char *axis);

/* Whether it is an error, which says something and has no stack. */
bool tl_finding_is_error(const json_t *finding);

#endif
