/* What the files of the loader share, and nobody else includes.
 *
 * jansson reads the text and knows no lines; position.c walks the same text and knows nothing but lines. Both
 * list the members of an object in the order of the file, so a place (a value, where it hangs, its number in
 * the walk) is followed down both at once. A mistake is kept with the number of its place, by which mistakes
 * are sorted. */
#ifndef TL_CASES_INTERNAL_H
#define TL_CASES_INTERNAL_H

#include "cases/arena.h"
#include "cases/family.h"
#include "cases/load.h"

#define TL_CASE_SIZE_MAX ((size_t)4 << 20) /* bytes of a case file */
#define TL_CASE_DEPTH_MAX 64               /* nested lists and objects */
#define TL_MISTAKES_MAX 1000               /* after that many the rest is only counted */

/* Every value of a JSON text in the order of the text, the outermost first. */
struct tl_position {
    int line;   /* of the value; of a member of an object, of its key */
    size_t end; /* number of the first value after this one and what is in it */
};
struct tl_positions {
    size_t n;
    struct tl_position *list;
};
/* text must be JSON that jansson accepted. Returns 0, or the line where it nests deeper than
 * TL_CASE_DEPTH_MAX. */
int tl_positions_scan(const char *text, size_t size, struct tl_positions *p);

struct tl_place {
    const struct tl_place *up; /* NULL: the document */
    const char *key;           /* member of up, or NULL: */
    size_t index;              /* element of up */
    json_t *value;             /* NULL: there is nothing here */
    size_t node;               /* number in the positions */
};

struct tl_noted;
struct tl_check {
    struct tl_positions positions;
    struct tl_case *c; /* being filled */
    struct tl_arena *arena;
    const struct tl_family *family; /* NULL: none, or unknown */
    struct tl_noted *noted;
    size_t n_noted, dropped;
    size_t forbidden; /* values in "forbid" so far */
};

/* read.c. kind is "case" or "suite", for messages.
 * The text of a file of at most 4 MiB, the caller's; NULL with *e. */
char *tl_check_read(const char *path, const char *kind, size_t *size, struct tl_error *e);
/* Reads a text as JSON: *document, a new reference, and ck with its places and a new arena, both the
 * caller's. On a mistake it is in *m, and nothing else is left. */
int tl_check_begin(struct tl_check *ck, const char *text, size_t size, const char *path, const char *kind,
                   json_t **document, struct tl_mistakes *m, struct tl_error *e);
/* Fills *e from the mistakes, of which there is one at least. Returns -1. */
int tl_check_failed(const char *path, const char *kind, const struct tl_mistakes *m, struct tl_error *e);
/* The absolute directory that a file is in; the file itself need not exist. */
const char *tl_check_directory(struct tl_arena *a, const char *path);

/* A mistake at a place. */
void tl_note(struct tl_check *ck, const struct tl_place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, ending in ", found …" */
void tl_note_found(struct tl_check *ck, const struct tl_place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Moves the mistakes to *m, in the order of the file, and releases the check (not the case). */
void tl_check_end(struct tl_check *ck, struct tl_mistakes *m);

/* The key of an object: filled by tl_check_keys, which reports unknown and missing ones. */
struct tl_key {
    const char *name;
    bool required;
    struct tl_place at; /* at.value is NULL when it is not there */
};
/* Returns false, after reporting `expected`, when at is no object. */
bool tl_check_keys(struct tl_check *ck, const struct tl_place *at, struct tl_key *keys, size_t n,
                   const char *expected);

/* for (tl_first(...); it.value; tl_next(...)): the members or elements of a place, in the order of the file.
 */
struct tl_place tl_first(const struct tl_check *ck, const struct tl_place *up);
void tl_next(const struct tl_check *ck, struct tl_place *it);

/* Values; each reports what is wrong. A place without a value gives NULL or false silently. */
const char *tl_check_string(struct tl_check *ck, const struct tl_place *at, size_t least, size_t most);
/* A unit, RUNNER[@BUILD]:DEVICE or "reference"; paths in it are taken relative to directory. NULL when the
 * text is none. In the arena. */
const char *tl_check_unit(struct tl_check *ck, const char *text, const char *directory);
bool tl_check_number(struct tl_check *ck, const struct tl_place *at, double more_than, double most,
                     bool or_equal, double *out);
bool tl_check_integer(struct tl_check *ck, const struct tl_place *at, int64_t least, int64_t most,
                      int64_t *out);
bool tl_check_list(struct tl_check *ck, const struct tl_place *at, size_t least, size_t most, const char *of);
bool tl_check_name(const char *s); /* [a-z0-9][a-z0-9._-]*, at most 128 bytes */

/* check.c: everything but the model and inputs. check_model.c: those. Both fill ck->c. */
void tl_check_document(struct tl_check *ck, json_t *document);
void tl_check_model(struct tl_check *ck, const struct tl_place *at);
void tl_check_commands(struct tl_check *ck, const struct tl_place *model,
                       bool has_inputs); /* once axes are known */
void tl_check_inputs(struct tl_check *ck, const struct tl_place *at);
void tl_check_axis_list(struct tl_check *ck, const struct tl_place *at); /* check_axes.c */
bool tl_check_value(struct tl_check *ck, const struct tl_place *at, struct tl_value *v);

#endif
