/* Who and where somebody is, taken out of what is published: home directories become "~", names of users and
 * hosts USER and HOST, and what tells a device of this machine from all others DEVICE. */
#ifndef TL_REPORT_REDACT_H
#define TL_REPORT_REDACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct tl_redaction {
    char *home;      /* of this user; NULL for none */
    size_t n_places; /* directories of this machine that tell how it is laid out, the longest first */
    struct tl_redacted_place {
        char *path, *instead;
    } * places;
    size_t n; /* names */
    struct tl_redacted_name {
        char *name;
        const char *instead;
        bool everywhere; /* also where a value stands that is to stay what it is */
        bool weak;       /* a word like any other, unless what stands beside it says that it is a name */
    } * names;
    bool forms; /* texts may be of a report of a system: what tells by its form alone is taken out too */
};
/* Words that every redaction takes out from now on, wherever they stand, as its user wishes (a list of strings; NULL: none).
 * The reference stays the caller's, and outlives them. */
void tl_redaction_also(const json_t *words);
/* With this process's user, home and host. Release with tl_redaction_free. */
void tl_redaction_init(struct tl_redaction *r);
/* One more name to take out as a whole word. Names that say nothing (root, localhost, …) are passed over; short ones, and
 * those that are words of the trade, are taken out only where they are told to be names. */
void tl_redaction_add(struct tl_redaction *r, const char *name, const char *instead);
/* The name of a host, with and without its domain. */
void tl_redaction_add_host(struct tl_redaction *r, const char *name);
/* Of each in an array of texts; NULL: of none. */
void tl_redaction_add_hosts(struct tl_redaction *r, const json_t *names);
/* One more directory, which everywhere begins with these words instead. The root of the system and those that everybody has
 * (/tmp, /usr/bin) are passed over. */
void tl_redaction_add_place(struct tl_redaction *r, const char *path, const char *instead);
/* The same for what is worse to be seen than a value to be changed. */
void tl_redaction_add_everywhere(struct tl_redaction *r, const char *name, const char *instead);
/* Adds every user that text names by the path of a home, and who or what stands beside a known name as in "user@host". */
void tl_redaction_learn(struct tl_redaction *r, const char *text);
/* The same of a report of a system, which is of another machine (report.c): users and hosts that its fields and texts
 * name, and from then on what tells by its form alone is taken out of every text. */
void tl_redaction_learn_report(struct tl_redaction *r, const char *text);
void tl_redaction_free(struct tl_redaction *r);

/* A new string. Below any directory of homes (/home, /Users, \Users), in any spelling, every name is taken for a user, and
 * what is added for everywhere, and UDIDs, are taken out too. */
char *tl_redact_paths(const struct tl_redaction *r, const char *text);
char *tl_redact(const struct tl_redaction *r, const char *text); /* paths, then names */

/* A new document. Users that paths in it name are taken out everywhere in it; in variants, axes and what
 * repeats them only paths are touched, so that a value stays what it is. What trapline names things by stays too. */
json_t *tl_redact_json(struct tl_redaction *r, const json_t *document);

#endif
