/* What holds where a command line says nothing: the database, the units, the number of jobs, colour, and what is taken
 * out of what is published. docs/commands.md#configuration is the user's side of it.
 *
 * There are five places for each setting, and the first that has it wins, setting by setting: the option, the variable,
 * the nearest trapline.json (of the working directory, or above it), the user's config.json, the default. */
#ifndef TL_CLI_CONFIG_H
#define TL_CLI_CONFIG_H

#include "cases/load.h"
#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct tl_options;

enum tl_config_setting {
    TL_SETTING_DATABASE,   /* a string: the absolute path, but as it was given of an option */
    TL_SETTING_UNITS,      /* a list of strings */
    TL_SETTING_JOBS,       /* an integer from 1 to 1024 */
    TL_SETTING_COLOR,      /* "auto", "always" or "never" */
    TL_SETTING_KEEP_PATHS, /* true or false */
    TL_SETTING_WORDS,      /* a list of strings */
    TL_SETTING_COUNT,
};

/* Where a value is from; the lesser one wins. */
enum tl_config_place {
    TL_PLACE_OPTION,
    TL_PLACE_VARIABLE,
    TL_PLACE_PROJECT, /* trapline.json */
    TL_PLACE_USER,    /* config.json */
    TL_PLACE_DEFAULT,
    TL_PLACE_COUNT,
};

struct tl_config {
    struct tl_config_value {
        json_t *value; /* NULL: this place does not say */
        char *where;   /* the option, the variable, or FILE:LINE; NULL of a default */
    } values[TL_SETTING_COUNT][TL_PLACE_COUNT];
    struct tl_config_file {
        char *path;  /* NULL: there is none, or nowhere to look for one */
        bool read;   /* otherwise it is not there, or left aside */
        char *aside; /* why it is left aside; NULL */
    } project, user;
};

extern const struct tl_setting_name {
    const char *name;     /* in a file; a '.' leads into an object */
    const char *option;   /* NULL: none */
    const char *variable; /* an empty one counts as none */
    const char *unset;    /* what a default is, where that is no value */
} tl_setting_names[TL_SETTING_COUNT];

/* Finds and reads the two files, and takes variables and options. Prints what is wrong with a file or a variable and
 * returns the exit status, or -1 to go on. k is to be released in any case. */
int tl_config_load(struct tl_config *k, const struct tl_options *o);
void tl_config_free(struct tl_config *k);
/* Where the value that holds is from. */
enum tl_config_place tl_config_place_of(const struct tl_config *k, enum tl_config_setting s);
/* Has the options of a command say what holds; k is to outlive them. */
void tl_config_apply(const struct tl_config *k, struct tl_options *o);

/* Without -u: units of the configuration; those of a case of steps are command:host. */
void tl_cli_usual_units(struct tl_options *o, bool steps);
/* The words that are taken out of what is published, as TRAPLINE_REDACT has them; NULL: none. The caller's. */
char *tl_config_words(const struct tl_config *k);

/* Reads a file into its place (config_file.c). 0, or -1 with all mistakes in *m, or *e alone. */
int tl_config_read(struct tl_config *k, enum tl_config_place place, const char *path, struct tl_mistakes *m,
                   struct tl_error *e);
/* One value: replaces what was there, takes both references. */
void tl_config_set(struct tl_config *k, enum tl_config_setting s, enum tl_config_place place, json_t *value,
                   char *where);

#define TL_CONFIG_JOBS_MAX 1024
#define TL_CONFIG_WORD_LEAST 3 /* characters of a word that is taken out: a shorter one is in every text */

#endif
