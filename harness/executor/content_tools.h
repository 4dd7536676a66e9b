/* Programs of commands: whether everybody has them, and what goes with one that is somebody's own. */
#ifndef TL_CONTENT_TOOLS_H
#define TL_CONTENT_TOOLS_H

#include "harness/executor/content.h"

/* Whether whoever has the same tools has it: a program of the system or of a package manager; one that people know by its name
 * and that $PATH finds (by_name); one that only works where it was installed. program: a path. */
bool tl_tool_is_everybodys(const char *program, bool by_name);

/* Tells what a program may open in the directories of its installation, and a compiled one beside it. What a script finds beside
 * it, it names. */
void tl_content_around(struct tl_content *x, struct tl_hash *h, const char *program, bool compiled);

/* Whether a word of a shell's text, which is at `at`, stands where a command is named. */
bool tl_tool_is_command_at(const char *text, const char *at);
/* What a script that is none of a shell's may start: the first words of lists, and of what functions are given whose names are of
 * such that start programs, as in run(["tool", x]) and system('tool x'). In the keys. */
json_t *tl_tools_called(const char *text);
/* Which word of a command may be the name of a program that another one is to run: the first behind what only starts
 * others, or that behind the program itself. 0: none. */
size_t tl_tool_started(char *const *words);

#endif
