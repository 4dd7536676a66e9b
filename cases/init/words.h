/* What words of a command line become in a case; between the files of this folder. */
#ifndef TL_INIT_WORDS_H
#define TL_INIT_WORDS_H

#include "cases/init/init.h"

/* Lists to which is added; the caller's. */
struct tl_init_guesses {
    json_t *axes, *failing;
    json_t *files; /* that the command is to write */
    json_t *argv;  /* words as a case has them */
    bool given;    /* axes were given: none is guessed */
};
/* Whether all words are UTF-8, which a case has to be: -1 with *e, before anything is made of them. */
int tl_init_check_words(const struct tl_init_words *w, struct tl_error *e);
/* Adds what words become to the lists, and files that they name to the plan, which has its directory. Nothing fails: where a
 * path behind a word is not UTF-8, p->not_text is set. */
void tl_init_add_words(struct tl_init *p, const char *const *words, size_t n, struct tl_init_guesses *g);
/* Adds the axes that were given, each of which some word has to name. -1 with *e; the lists have some of them then. */
int tl_init_given_axes(const struct tl_init_words *w, json_t *axes, json_t *failing, struct tl_error *e);

/* New strings. */
char *tl_init_escape(const char *text); /* with braces that are no placeholders */
/* What a word is in the case; *is_file: it names a file or directory. What is not the system's, a package's, large, or around
 * the case itself, is added to the plan. */
char *tl_init_word(struct tl_init *p, const char *word, bool *is_file);
/* A name that no file of the plan has: this one with the ending, or with a number before it. */
char *tl_init_free_name(const struct tl_init *p, const char *name, const char *ending);
/* Values of an axis up to a number from 1 on, which is the last, and its kind; the caller's. */
json_t *tl_init_numbers(json_int_t n, const char **kind);
/* Replaces a path in all words, also in those that are there under a condition. */
void tl_init_replace_words(json_t *words, const char *path, const char *with);
char *tl_init_placeholders(const char *word, const json_t *axes); /* with those of these axes alone */

/* How many words come before the script that a program is to run (*script), or before the program's first argument. */
size_t tl_init_wrapped(const char *const *words, size_t n, bool *script);

#endif
