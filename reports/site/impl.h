/* Shared by the files that write a site. */
#ifndef TL_SITE_IMPL_H
#define TL_SITE_IMPL_H

#include "harness/base/buffer.h"
#include "harness/base/record.h"
#include "reports/redact.h"
#include "reports/site/site.h"

#define TL_SITE_FILE 700000     /* bytes at which a data file is ended; no single row adds more than 250000 */
#define TL_SITE_ROWS 400000     /* bytes of rows at which a table goes on in the next page */
#define TL_SITE_HASH 12         /* digits of the hash of a variant, in links */
#define TL_SITE_PAGES_MOST 5000 /* pages of signatures and of findings: the newest */

struct tl_site_case {
    char *name;      /* as in the database */
    char *text;      /* as shown */
    char *page;      /* without folder and suffix */
    size_t first, n; /* its part of the sums */
    uint64_t trials, failed;
    int64_t last_us;
};

/* Trials of a case on a unit. */
struct tl_site_tally {
    size_t unit;
    uint64_t by_outcome[TL_OUTCOME_COUNT], trials;
    int64_t last_us;
};

struct tl_site_unit {
    char *name, *text;
    uint64_t trials, failed;
};

/* Beginnings of data files, for data/index.js: an array of JSON strings. */
struct tl_site_files {
    size_t n;
    struct tl_buffer firsts;
};

struct tl_site {
    struct tl_store *s;
    const struct tl_site_options *o;
    struct tl_site_result *r;
    char *stage; /* the directory it is put together in */
    struct tl_redaction redaction;
    int64_t now_us, first_us, last_us;
    size_t n_cases, n_units, n_tallies;
    struct tl_site_case *cases; /* by name */
    struct tl_site_unit *units; /* in the order of runner, build, device */
    struct tl_site_tally *tallies;
    json_t *unit_numbers; /* name -> index */
    json_t *signatures;   /* id -> true: those that have a page */
    json_t *findings;     /* documents, newest first, without their paths */
    struct tl_site_files trial_files, stack_files;
    struct tl_buffer line_parts; /* [case, outcome, file, n] of data/lines-N.js, as JSON */
    size_t line_files;
    uint64_t looked_at; /* texts, for names */
};

/* --- place.c: the directory ----------------------------------------------------------------------------- */

/* Refuses a target that is not ours, and makes a directory beside it; *lock is held while it is in use. */
int tl_site_stage(const char *target, char **stage, int *lock, struct tl_error *e);
/* Makes it the target, in place of an older site, which is removed. */
int tl_site_publish(const char *target, const char *stage, int lock, struct tl_error *e);
void tl_site_discard(const char *stage, int lock); /* removes it */

/* Lets two directories change places in one step; -1 where the file system cannot. In exchange_OS.c. */
int tl_site_exchange(const char *a, const char *b);

/* --- text.c: text and files ----------------------------------------------------------------------------- */

/* Text from outside made fit to be shown: names taken out, valid UTF-8, control characters and what turns
 * the direction of text made visible, at most so many bytes (0: all). A new string; NULL for NULL. */
char *tl_site_clean(const struct tl_site *w, const char *text, size_t size, size_t most);
/* The same for cases, units and variants, which stay what they are: only paths are touched. */
char *tl_site_clean_exact(const struct tl_site *w, const char *text, size_t size, size_t most);
/* Adds cleaned text as a JSON string that may stand in a script. */
void tl_site_json(struct tl_buffer *b, const char *clean);
/* The id of a row as a JSON string: hexadecimal digits, unless somebody tampered with the database. */
void tl_site_id(const struct tl_site *w, struct tl_buffer *b, const char *id);
/* Cleans, and escapes for HTML. NULL adds nothing. */
void tl_site_html(const struct tl_site *w, struct tl_buffer *b, const char *text, size_t most);
void tl_site_url(struct tl_buffer *b,
                 const char *text);                 /* percent-encoded for a fragment, from cleaned text */
void tl_site_time(struct tl_buffer *b, int64_t us); /* <time>, UTC to the minute; "never" for 0 */
char *tl_site_number(uint64_t n);                   /* 1 000 000, with narrow spaces */
char *tl_site_slug(const char *name);               /* a file's name, the same every time */

/* Writes a whole file of the site. */
int tl_site_put(struct tl_site *w, const char *name, const char *data, size_t size, struct tl_error *e);
/* Writes data/KIND-NUMBER.js, a script that hands an object of lists to the pages: the members, by their
 * letters. */
struct tl_site_member {
    char letter;
    const struct tl_buffer *list; /* what stands between the brackets */
};
int tl_site_put_data(struct tl_site *w, const char *kind, size_t number, const struct tl_site_member *members,
                     size_t n, struct tl_error *e);
/* Adds the beginning of a new data file to the list. */
void tl_site_file(struct tl_site_files *f, const char *first);
/* Strings of a data file, each once. */
struct tl_site_strings {
    size_t n, slots;
    struct tl_site_string {
        char *raw;
        size_t size, number;
    } * table;
    struct tl_buffer json; /* cleaned, with commas between */
};
/* The number of a string in the file; -1 for NULL. */
long tl_site_intern(const struct tl_site *w, struct tl_site_strings *s, const char *raw, size_t size,
                    size_t most);
/* For variants: see tl_site_clean_exact. */
long tl_site_intern_exact(const struct tl_site *w, struct tl_site_strings *s, const char *raw, size_t size,
                          size_t most);
void tl_site_strings_clear(struct tl_site_strings *s);
void tl_site_strings_free(struct tl_site_strings *s);
/* Adds a document as it may stand in a script, names taken out. */
void tl_site_json_document(struct tl_site *w, struct tl_buffer *b, const json_t *document);
/* Tells how far it is; -1 with *e when it is to stop. */
int tl_site_turns(const struct tl_site *w, const char *doing, uint64_t done, uint64_t total,
                  struct tl_error *e);

/* --- page.c: the frame of a page ------------------------------------------------------------------------ */

struct tl_site_frame {
    const char *title;   /* plain text from inside or cleaned; escaped here */
    const char *section; /* of the navigation: "index", "signatures", "findings", "trials"; or NULL */
    const char *up;      /* "" or "../" */
    const char *script;  /* the name of what site.js is to do here, or NULL */
};
void tl_site_head(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_frame *f);
/* Adds the foot, writes the page and frees the buffer. */
int tl_site_page_end(struct tl_site *w, struct tl_buffer *b, const char *file, struct tl_error *e);
/* A form that filters the table after it, for those with scripts. */
void tl_site_filter(struct tl_buffer *b, const struct tl_site *w, bool units);
/* The letter of an outcome in its colour, with its name for those who do not see it. */
void tl_site_mark(struct tl_buffer *b, enum tl_outcome o);
char tl_site_letter(enum tl_outcome o);
void tl_site_legend(struct tl_buffer *b);
/* The outcome that stands for many: the most frequent of the failures; else pass, else unsupported. */
enum tl_outcome tl_site_worst(const uint64_t by_outcome[TL_OUTCOME_COUNT], uint64_t *failed);
/* "3 crash, 37 pass" */
void tl_site_counts(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT]);
/* A table cell of such sums; link: what it leads to, already escaped. */
void tl_site_cell(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT], const char *link);
void tl_site_bar(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT]); /* shares, as a picture */

/* Begins a part that may be wider than the screen and then scrolls by itself; by: the id of its heading. */
void tl_site_wide(struct tl_buffer *b, const char *by);
/* Begins a list with a column for each word, up to NULL: "#trials" is one of numbers, "" is left out. */
void tl_site_list(struct tl_buffer *b, const char *const columns[]);

/* A table that goes on in further pages. Everything is the caller's to fill, rows one by one. */
struct tl_site_table {
    struct tl_site *w;
    const char *base; /* the page's name without ".html"; further ones are base-2.html, … */
    struct tl_site_frame frame;
    struct tl_buffer before, head, after; /* of the first page; the table's beginning; of the first page */
    struct tl_buffer rows;
    size_t page;
    bool filter_units;
    const char *label;
};
/* Ends the page when it is long; to be called before every row. */
int tl_site_table_row(struct tl_site_table *t, struct tl_error *e);
int tl_site_table_end(struct tl_site_table *t, struct tl_error *e);

/* Finds by name; SIZE_MAX when it is none. */
size_t tl_site_case_of(const struct tl_site *w, const char *name);
size_t tl_site_unit_of(const struct tl_site *w, const char *name);
bool tl_site_has_signature(const struct tl_site *w, const char *id);
void tl_site_case_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *name);
void tl_site_signature_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *id,
                            const char *title);

/* --- the parts ------------------------------------------------------------------------------------------ */

int tl_site_write_trials(struct tl_site *w, struct tl_error *e); /* data/trials-N.js */
int tl_site_write_lines(struct tl_site *w, struct tl_error *e);  /* data/lines-N.js */
int tl_site_write_stacks(struct tl_site *w, struct tl_error *e); /* data/stacks-N.js */
int tl_site_write_overview(struct tl_site *w, struct tl_error *e);
int tl_site_write_cases(struct tl_site *w, struct tl_error *e);
int tl_site_write_signatures(struct tl_site *w, struct tl_error *e);
int tl_site_write_findings(struct tl_site *w, struct tl_error *e);
/* What the last nightly run saw change. */
int tl_site_changes(struct tl_site *w, struct tl_buffer *b, struct tl_error *e);
bool tl_site_has_finding(const struct tl_site *w, const char *id);
void tl_site_newest_findings(const struct tl_site *w, struct tl_buffer *b, size_t most);
void tl_site_unit_head(struct tl_buffer *b, const char *unit); /* cleaned */
/* Trials as a table; "Nothing." when there are none. */
struct tl_filter;
int tl_site_newest_trials(struct tl_site *w, struct tl_buffer *b, const char *up, const struct tl_filter *f,
                          struct tl_error *e);
void tl_site_findings_of(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *case_name,
                         const char *signature_id); /* a list of those; nothing when there is none */

#endif
