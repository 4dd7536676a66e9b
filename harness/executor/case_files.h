/* Which files of a case somebody else needs to run its commands. */
#ifndef TL_CASE_FILES_H
#define TL_CASE_FILES_H

#include "cases/case.h"

#include <jansson.h>

/* Files that the commands of the case name for these variants, and what goes with them: the modules beside their scripts,
 * what those name, inputs and expected outputs, libraries and data of programs that are somebody's own (content_tools.h), and of
 * a runner that is a script of the case its own. Nothing of the system, of interpreters and packages, nor of programs that
 * everybody has. runner: the unit's executable; NULL. The caller's, an object:
 *
 *   files         each {"path", "top", "named", "outside"}: absolute and real; top is what was named, the file itself or a
 *                 directory that holds it; named: a command, or the case, names the file itself; outside: of the case's directory
 *   links         each {"path", "to"}: a link on the way to one of them, and the real path behind it
 *   in_path       paths of those that are programs which a bare name found in $PATH
 *   library_path  directories of LD_LIBRARY_PATH that hold some of them
 *   tools         paths of the programs that everybody has
 *   left_out      paths of what stands beside a script as well and is named by none
 *   too_many      {DIRECTORY: how many}: data of it that only scripts name, as a whole; it is not in files
 *   gone          paths below the case's directory that a command names and that are not there */
json_t *tl_case_files(const struct tl_case *c, const struct tl_variant *variants, size_t n,
                      const char *runner, const char *database);

/* What those files and tools hold now: the SHA-256 of each, by its path, or of a large one its size and time (tl_content_state).
 * The caller's. */
json_t *tl_case_contents(const json_t *files);

#endif
