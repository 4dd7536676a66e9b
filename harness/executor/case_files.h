/* Which files of a case somebody else needs to run its commands. */
#ifndef TL_CASE_FILES_H
#define TL_CASE_FILES_H

#include "cases/case.h"

#include <jansson.h>

/* Files that the commands of the case name for these variants, and what goes with them: the modules beside their scripts,
 * what those name, inputs and expected outputs, and of a runner that is a script of the case its own. In "files", each
 * {"path", "top"}: absolute and real; top is what was named, the file itself or a directory that holds it. In "left_out"
 * paths of what stands beside a script as well and is named by none; in "gone" those below the case's directory that a
 * command names and that are not there. Nothing of the system, of interpreters and packages,
 * nor of programs that PATH has. runner: the unit's executable; NULL. The caller's. */
json_t *tl_case_files(const struct tl_case *c, const struct tl_variant *variants, size_t n,
                      const char *runner, const char *database);

#endif
