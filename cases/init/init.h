/* The first case of somebody who has a model, or a command line that fails: what is written, before anything is. Nothing is run
 * here. A plan is put together from what was given (model.c, command.c, python.c), and files that it needs are added to it
 * (needs.c). write.c makes a directory of it. */
#ifndef TL_INIT_H
#define TL_INIT_H

#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TL_INIT_CASE "case.json"

/* One that the directory of the case is to have. */
struct tl_init_file {
    char *from; /* absolute; NULL: text is what it holds */
    char *to;   /* its name in the directory of the case */
    char *text;
    mode_t mode;  /* of a text */
    bool implied; /* no word names it: it is wanted where the command runs */
};

/* What becomes of a directory. Owns everything; tl_init_free releases it. */
struct tl_init {
    char *name;      /* of the case */
    char *directory; /* where the case is to be; may be relative */
    json_t *document;
    size_t n_files;
    struct tl_init_file *files;
    json_t *notes;       /* list of lines for people: what was guessed, and what they may want to change */
    char *model;         /* a model that `reduce` makes smaller, as it was given; NULL */
    char *unit;          /* on which it can be run at all: "coreml:all"; NULL: it is to be chosen */
    bool is_onnx;        /* a runtime for ONNX's models takes it */
    json_t *argv;        /* words of the command as the document, or a runner's text, has them; NULL: none */
    json_t *written;     /* "files" of the case, whose templates are among the files; NULL: it has none */
    json_t *config_axes; /* axes of values of configurations: the text that each has in its file; NULL */
    json_t *implied;     /* of a runner: names of files that the script wants where it runs; NULL */
    char *program;       /* in PATH, that may tell its version; NULL */
    char *script;        /* that is run, absolute, where a copy of it is among the files; NULL */
    bool not_text;       /* a path that the case would name is not UTF-8 */
};

void tl_init_free(struct tl_init *p);

/* Each of the three puts a plan into an empty *p, of files that are read where the working directory has them, and writes
 * nothing. -1 with *e: what *p holds then is no plan, and still to be released. Strings that are given are copied. */
/* From a model: a file or package of ONNX, GGUF, Core ML or PyTorch. directory NULL: NAME-case, in the working directory. */
int tl_init_of_model(struct tl_init *p, const char *path, const char *directory, struct tl_error *e);
/* Then: has the model be fed with files, each [NAME=]FILE.npy or a directory with NAME.npy, which are copied beside the case. -1 with
 * *e: it is no model of ONNX, has no such input, or takes another type or shape. Notes which inputs are made. In given.c. */
int tl_init_feed(struct tl_init *p, const char *const *given, size_t n, struct tl_error *e);

/* What was said of an axis: NAME=V1,V2 or NAME=FIRST..LAST. */
struct tl_init_words {
    const char *const *argv;
    size_t n;
    const char *const *axes;
    size_t n_axes;
    bool fixed; /* configurations that words name stay what they are */
};
/* From a command line that fails, of at least one word. With axes, {NAME} in its words stands for them, and nothing is guessed. */
int tl_init_of_command(struct tl_init *p, const struct tl_init_words *w, const char *directory,
                       struct tl_error *e);
/* From a Python script and its arguments, with a runner of its own; library: the file that it imports (trapline.py). */
int tl_init_of_python(struct tl_init *p, const struct tl_init_words *w, const char *library,
                      const char *directory, struct tl_error *e);

/* Adds a file that is copied beside the case; the name that it has there, which is the plan's. */
const char *tl_init_add_file(struct tl_init *p, const char *from);
void tl_init_add_text(struct tl_init *p, const char *to, char *text, mode_t mode); /* takes the text */
void tl_init_note(struct tl_init *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool tl_init_has(const struct tl_init *p, const char *from); /* whether a file is among those */

/* Files of the working directory that a program or script names in its own text: they are copied, too. */
void tl_init_add_needs(struct tl_init *p, const char *program);
/* Those that a message names: true when there was one that is new. */
bool tl_init_add_named(struct tl_init *p, const char *message);
/* Has the script run where it stands, and not a copy of it: it may look for files around itself. Whether there is a copy. In
 * write.c: one that was written goes. */
bool tl_init_leave_script(struct tl_init *p);
/* Has the files of the working directory put where the command runs; again after more of them came. */
void tl_init_put_in_scratch(struct tl_init *p);

/* What can be left out of the command, by the names of the axes: a list, the caller's. And has one of them always there. */
json_t *tl_init_optional(const struct tl_init *p);
void tl_init_require(struct tl_init *p, const char *axis);
/* The same for all of them that are more than a flag: most commands refuse without those. Whether there were some. */
bool tl_init_keep_valued(struct tl_init *p);
/* Of an axis that is a value of a configuration: has the file's own value always be there; and leaves out the first of its values,
 * where it has an order. In config.c, as the next. */
void tl_init_fix(struct tl_init *p, const char *axis);
void tl_init_narrow(struct tl_init *p, const char *axis, size_t first);
/* Has what the configurations say be the baseline: what was given passes, and is looked at from there. */
void tl_init_turn_configs(struct tl_init *p);
/* Has the runner's text say what the words are now; nothing where there is none. In python.c. */
void tl_init_renew_runner(struct tl_init *p);

/* The values of an axis as a case file has them, from text; NULL with *e. In axis.c, as the next. */
json_t *tl_init_axis(const char *text, struct tl_error *e);
/* A name that an axis can have, and that none of them has. A new string. */
char *tl_init_axis_name(const json_t *axes, const char *option);

/* A name as cases have it. A new string. */
char *tl_init_name(const char *path);
/* A path as it is from a directory on that may not be there yet; absolute where they have nothing in common. A new string. */
char *tl_init_from(const char *directory, const char *path);

/* Makes the directory, whole or not at all; one that is there is refused. Adds notes of what could not be copied, and takes
 * slashes from the end of its name; changes nothing else of the plan. -1 with *e. */
int tl_init_write(struct tl_init *p, struct tl_error *e);
/* Writes the document and files that came later to the directory that tl_init_write made. -1 with *e: the directory stays, with
 * some of it. */
int tl_init_write_again(struct tl_init *p, struct tl_error *e);

#endif
