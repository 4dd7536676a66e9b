/* Configuration files of a command: which values stand in one and where, and what each becomes in a case. Between the files of this
 * folder, but for what tells a configuration by its name. */
#ifndef TL_INIT_CONFIG_H
#define TL_INIT_CONFIG_H

#include "cases/init/words.h"

/* A value that stands in a text. */
struct tl_init_config_value {
    char *name;      /* with dots between the parts of where it is: "model.layers.0" */
    size_t at, size; /* in the text, without quotes */
    bool quoted;     /* between quotes: the value is a text whatever it looks like */
};
struct tl_init_config {
    struct tl_init_config_value *list;
    size_t n;
    bool is_json, has_null; /* has_null: the form of the file has a word for no value ("null") */
};

#define TL_CONFIG_MOST 4096 /* values of a file: more are data */

/* Whether a file is a configuration by the end of its name. */
bool tl_init_config_is(const char *path);
/* Finds the values of a text: in JSON all, in other forms those that stand alone on a line behind their key. What cannot be told for
 * sure is left out; so are texts with escapes in them. -1 with why it is not read, for people, the caller's: it is then empty.
 * Release it with tl_init_config_free. */
int tl_init_config_read(const char *path, const char *text, size_t size, struct tl_init_config *c,
                        char **why);
void tl_init_config_free(struct tl_init_config *c);

/* What else a word may be: those that stand beside it in the scripts of a plan, in a list, as keys, or compared with the same
 * variable. A list of at most so many, without the word itself; the caller's. In alternatives.c. */
json_t *tl_init_alternatives(const struct tl_init *p, const char *word, size_t most);

/* Whether a configuration that a word names has a value of that name; *text: it, the caller's. In config_read.c. */
bool tl_init_config_has(const struct tl_init_words *w, const char *name, char **text);
/* Has the values of configurations among the files of the plan be axes: all of them, or, where axes were given, those. Adds to the
 * lists, and makes templates of the files; the words that name them are changed. Notes what is left as it is. */
void tl_init_vary_configs(struct tl_init *p, struct tl_init_guesses *g);
/* For a plan whose files cannot vary: notes which configurations have values that could be axes otherwise. */
void tl_init_note_configs(struct tl_init *p);

#endif
