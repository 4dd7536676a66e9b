/* Inside content.h: the command that is looked at, and what content.c (programs and scripts) and content_words.c (the words of
 * the command) ask of each other. A program that a script names may have words of its own, so the two call each other in a
 * circle. Nobody else includes this. */
#ifndef TL_CONTENT_IMPL_H
#define TL_CONTENT_IMPL_H

#include "harness/executor/content.h"

struct command {
    struct tl_content *x;
    const char *directory;
    const char *const *settings;
    const char *path, *libraries; /* $PATH of the command, $LD_LIBRARY_PATH */
    const char *started; /* the word of it that may be the name of a program which its program runs; NULL */
    int depth;
};

struct command tl_content_command_of(struct tl_content *x, const char *directory,
                                     const char *const *settings);

typedef void (*tl_content_adder)(const struct command *c, struct tl_hash *h, const char *what);
/* Adds something by a function, whose digest is computed once in a second; kind: a letter of this function's own. */
void tl_content_add_known(const struct command *c, struct tl_hash *h, char kind, const char *what,
                          tl_content_adder add);
void tl_content_forget_old(struct tl_content *x); /* digests that were computed before this second */

/* content.c */
bool tl_content_is_of_system(const char *directory);
/* The program of a command, or a script that it is given: with what stands beside it. */
void tl_content_add_own(const struct command *c, struct tl_hash *h, const char *path);
void tl_content_add_by_name(const struct command *c, struct tl_hash *h,
                            const char *name); /* that PATH may have */
/* Tells a program where somebody asks for files: that everybody has it, or what goes with it. */
void tl_content_tell(const struct command *c, struct tl_hash *h, const char *path, bool by_name);

/* content_words.c */
bool tl_content_is_bare(const char *word); /* it may be a name that PATH has */
void tl_content_add_module_paths(const struct command *c, struct tl_hash *h); /* of the shell's variables */
void tl_content_add_settings(const struct command *c, struct tl_hash *h); /* paths in variables of the case */

#endif
