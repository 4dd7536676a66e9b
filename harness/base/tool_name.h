/* What people call the program that a command line runs. */
#ifndef TL_TOOL_NAME_H
#define TL_TOOL_NAME_H

#include <jansson.h>
#include <stdbool.h>

/* "coreai-build", "compile" of `xcrun --sdk iphoneos coreai-build compile model --output x`; "export.py", NULL of
 * `uv run --with torch python3 export.py`. variant: what is a value of it is no command of the tool; NULL. Each is a new
 * string or NULL. */
struct tl_tool_name {
    char *name, *command;
};
struct tl_tool_name tl_tool_name_find(const json_t *argv, const json_t *variant);
void tl_tool_name_free(struct tl_tool_name *t);

/* The version in what a tool says of itself, "1.0" of "coreai-build 1.0 (a stand-in)": a new string; NULL where nothing in
 * it looks like one. */
char *tl_tool_version(const char *text);

/* Whether it is the name of a program that is installed with a system, a language or a tool chain and that people know by its
 * name: python3, uv, xcrun, coreai-build, llama-cli. */
bool tl_tool_is_known(const char *name);
/* Whether it only starts another program, which its words name. */
bool tl_tool_is_wrapper(const char *name);

#endif
