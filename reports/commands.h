/* Command lines that a reader copies into a shell. */
#ifndef TL_REPORTS_COMMANDS_H
#define TL_REPORTS_COMMANDS_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>

/* Adds a word as a POSIX shell takes it, after a space where there is something before it. homes: a "~"
 * stands for a home that was taken out, and is left for the shell to fill in; otherwise it is quoted as what
 * it is. */
void tl_shell_word(struct tl_buffer *b, const char *word, bool homes);
/* Adds so many bytes between quotes. */
void tl_shell_quote(struct tl_buffer *b, const char *text, size_t n);
/* Adds " -s AXIS=VALUE" for every axis of a variant. */
void tl_shell_settings(struct tl_buffer *b, const json_t *variant, bool homes);
/* A word with {case_dir}, as it is to be written in that directory: "./probe" for "{case_dir}/probe". The caller's. */
char *tl_word_beside_case(const char *word);
/* Whether a part of a document has it in a text. */
bool tl_names_case_directory(const json_t *part);

/* The command that starts the runner alone for a trial, as a shell takes it; NULL when it is not known. The
 * caller's. */
char *tl_runner_command(const json_t *trial);
/* The commands of a chain of steps, with the one that made their model before them, a line each, to be run in an empty
 * directory, or, beside_case, in that of the case file; NULL when the trial was of something else. The caller's. */
char *tl_steps_commands(const json_t *trial, bool beside_case);

/* For what its steps worked, where they say so: "step 2 (compile): iOS, h18p"; "" where none does. The caller's. */
char *tl_steps_targets(const json_t *request);
/* What was counted, in words: "regions 0, tokens 17". The caller's. */
char *tl_counts_words(const json_t *counts);

#endif
