/* Which signatures are one failure.
 *
 * A signature names a place in the code, and so it changes from one build to the next, and one bug may show at several
 * places. What people look at is the failure. Within a case two signatures are one when they agree in what can be compared
 * across builds (signature.coarse_id), or when an isolation judged one to be a place of the other ("places" of a finding,
 * relation "same"). Never across cases: "memory limit" of two models is two failures.
 *
 * The lists are as long as there are signatures, units and builds in each case, not as there are trials. */
#include "reports/site/failures.h"

#include "db/site.h"
#include "reports/members.h"
#include "reports/site/links.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define ID_SHOWN 12 /* digits of an id in the name of a page */

struct reading {
    struct tl_site_failures *f;
    char *case_name; /* of the last row */
    size_t *parent;  /* of each signature: another of its failure, or itself */
    char **cases;    /* of each signature */
    json_t *by_coarse;
};

static char *copy(const char *text)
{
    return text ? tl_strdup(text) : NULL;
}

static char *key_of(const char *id, const char *case_name)
{
    return tl_format("%s\n%s", id, case_name);
}

static size_t root(size_t *parent, size_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static void join(size_t *parent, size_t a, size_t b)
{
    a = root(parent, a);
    b = root(parent, b);
    parent[a > b ? a : b] = a < b ? a : b;
}

/* The place of a signature in a case; SIZE_MAX: it is not in the map. */
static size_t place_of(const json_t *map, const char *id, const char *case_name)
{
    char *key = key_of(id, case_name);
    const json_t *there = json_object_get(map, key);
    free(key);
    return there ? (size_t)json_integer_value(there) : SIZE_MAX;
}

/* The first place of that name, which is this one when there was none. */
static size_t first_place(json_t *map, const char *id, const char *case_name, size_t mine)
{
    size_t there = place_of(map, id, case_name);
    if (there != SIZE_MAX)
        return there;
    char *key = key_of(id, case_name);
    json_object_set_new_nocheck(map, key, json_integer((json_int_t)mine));
    free(key);
    return mine;
}

static int add_place(void *arg, const struct tl_site_place *x, struct tl_error *e)
{
    struct reading *r = arg;
    struct tl_site_failures *f = r->f;
    const char *id = x->signature_id ? x->signature_id : "", *name = x->case_name ? x->case_name : "";
    struct tl_site_signature *s = f->n_signatures ? &f->signatures[f->n_signatures - 1] : NULL;
    (void)e;
    if (!s || strcmp(s->id, id) || strcmp(r->case_name, name)) {
        size_t at = f->n_signatures, n = at;
        s = TL_GROW(f->signatures, f->n_signatures);
        *s = (struct tl_site_signature){.id = tl_strdup(id),
                                        .title = copy(x->title),
                                        .coarse_id = copy(x->coarse_id),
                                        .coarse_title = copy(x->coarse_title),
                                        .outcome = x->outcome,
                                        .phase = x->phase,
                                        .signal = x->signal,
                                        .first = f->n_seen};
        *TL_GROW(r->cases, n) = r->case_name = tl_strdup(name);
        n = at;
        *TL_GROW(r->parent, n) = at;
        first_place(f->by_name, id, name, at);
        join(r->parent, at,
             first_place(r->by_coarse, s->coarse_id && *s->coarse_id ? s->coarse_id : id, name, at));
    }
    *TL_GROW(f->seen, f->n_seen) = (struct tl_site_seen){.signature = f->n_signatures - 1,
                                                         .unit = tl_strdup(x->unit ? x->unit : ""),
                                                         .runtime_version = copy(x->runtime_version),
                                                         .os_build = copy(x->os_build),
                                                         .trials = x->trials,
                                                         .first_us = x->first_us,
                                                         .last_us = x->last_us};
    s->n++;
    s->trials += x->trials;
    s->first_us = !s->first_us || x->first_us < s->first_us ? x->first_us : s->first_us;
    s->last_us = x->last_us > s->last_us ? x->last_us : s->last_us;
    return 0;
}

/* Joins what an isolation judged to be one failure. */
static void join_places(struct reading *r, const json_t *finding)
{
    const char *name = tl_member_text(finding, "case"),
               *id = tl_member_text(json_object_get(finding, "signature"), "id");
    const json_t *place;
    size_t i, mine;
    if (!name || !id || !tl_member_true(finding, "reproduced") ||
        (mine = place_of(r->f->by_name, id, name)) == SIZE_MAX)
        return;
    json_array_foreach(json_object_get(finding, "places"), i, place) {
        const char *other = tl_member_text(place, "signature"), *relation = tl_member_text(place, "relation");
        size_t at =
            other && relation && !strcmp(relation, "same") ? place_of(r->f->by_name, other, name) : SIZE_MAX;
        if (at != SIZE_MAX)
            join(r->parent, mine, at);
    }
}

static int by_unit(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t count_distinct(char **list, size_t n)
{
    size_t different = 0;
    if (n)
        qsort(list, n, sizeof *list, by_unit);
    for (size_t i = 0; i < n; i++)
        different += i == 0 || strcmp(list[i], list[i - 1]) != 0;
    return different;
}

/* Sums of its signatures, which are put in order. */
static void sum_up(struct tl_site_failures *f, struct tl_site_failure *x)
{
    char **units = NULL, **builds = NULL;
    size_t n = 0, n_builds = 0;
    for (size_t i = 0; i < x->n; i++) {
        const struct tl_site_signature *s = &f->signatures[x->signatures[i]];
        for (size_t k = i;
             k > 0 && f->signatures[x->signatures[k - 1]].last_us < f->signatures[x->signatures[k]].last_us;
             k--) {
            size_t swap = x->signatures[k];
            x->signatures[k] = x->signatures[k - 1];
            x->signatures[k - 1] = swap;
        }
        x->trials += s->trials;
        x->first_us = !x->first_us || s->first_us < x->first_us ? s->first_us : x->first_us;
        x->last_us = s->last_us > x->last_us ? s->last_us : x->last_us;
        for (size_t k = s->first; k < s->first + s->n; k++) {
            const struct tl_site_seen *p = &f->seen[k];
            *TL_GROW(units, n) = p->unit;
            if (p->runtime_version || p->os_build)
                *TL_GROW(builds, n_builds) = p->runtime_version ? p->runtime_version : p->os_build;
        }
    }
    x->n_units = count_distinct(units, n);
    x->n_builds = count_distinct(builds, n_builds);
    free(units);
    free(builds);
}

static int newest_first(const void *a, const void *b)
{
    const struct tl_site_failure *x = a, *y = b;
    int order = (x->last_us < y->last_us) - (x->last_us > y->last_us);
    order = order ? order : strcmp(x->case_name, y->case_name);
    return order ? order : (x->signatures[0] > y->signatures[0]) - (x->signatures[0] < y->signatures[0]);
}

/* A page is named by the case and by the signature that was seen first: so it keeps its name when more places come. */
static char *name_page(const struct tl_site_failures *f, const struct tl_site_failure *x)
{
    const struct tl_site_signature *first = &f->signatures[x->signatures[0]];
    for (size_t i = 1; i < x->n; i++) {
        const struct tl_site_signature *s = &f->signatures[x->signatures[i]];
        first = s->first_us < first->first_us ? s : first;
    }
    char *a = tl_site_slug(x->case_name),
         *b = tl_site_slug(first->coarse_id && *first->coarse_id ? first->coarse_id : first->id),
         *page = tl_format("%s.%.*s", a, ID_SHOWN, b);
    free(a);
    free(b);
    return page;
}

static void put_together(struct reading *r)
{
    struct tl_site_failures *f = r->f;
    json_t *ids = json_object();
    size_t *of = tl_calloc(f->n_signatures + 1, sizeof *of);
    for (size_t i = 0; i < f->n_signatures; i++) {
        size_t top = root(r->parent, i);
        json_object_set_new_nocheck(ids, f->signatures[i].id, json_true());
        if (top == i) {
            of[i] = f->n;
            *TL_GROW(f->list, f->n) = (struct tl_site_failure){.case_name = tl_strdup(r->cases[i])};
        }
        struct tl_site_failure *x = &f->list[of[top]]; /* the root comes first, for it is the smallest */
        *TL_GROW(x->signatures, x->n) = i;
    }
    f->n_distinct = json_object_size(ids);
    json_decref(ids);
    free(of);
    for (size_t i = 0; i < f->n; i++)
        sum_up(f, &f->list[i]);
    if (f->n)
        qsort(f->list, f->n, sizeof *f->list, newest_first);
    for (size_t i = 0; i < f->n; i++) {
        struct tl_site_failure *x = &f->list[i];
        x->page = i < TL_SITE_PAGES_MOST ? name_page(f, x) : NULL;
        for (size_t k = 0; k < x->n; k++)
            f->signatures[x->signatures[k]].failure = i;
    }
}

int tl_site_read_failures(struct tl_site *w, struct tl_error *e)
{
    struct tl_site_failures *f = w->failures = tl_calloc(1, sizeof *f);
    struct reading r = {.f = f, .by_coarse = json_object()};
    const json_t *finding;
    size_t i;
    f->by_name = json_object();
    int rc = tl_site_places(w->s, add_place, &r, e);
    if (!rc) {
        json_array_foreach(w->findings, i, finding)
            join_places(&r, finding);
        put_together(&r);
    }
    for (i = 0; i < f->n_signatures; i++)
        free(r.cases[i]);
    free(r.cases);
    free(r.parent);
    json_decref(r.by_coarse);
    return rc;
}

void tl_site_free_failures(struct tl_site_failures *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_signatures; i++) {
        free(f->signatures[i].id);
        free(f->signatures[i].title);
        free(f->signatures[i].coarse_id);
        free(f->signatures[i].coarse_title);
    }
    for (size_t i = 0; i < f->n_seen; i++) {
        free(f->seen[i].unit);
        free(f->seen[i].runtime_version);
        free(f->seen[i].os_build);
    }
    for (size_t i = 0; i < f->n; i++) {
        free(f->list[i].case_name);
        free(f->list[i].page);
        free(f->list[i].signatures);
    }
    json_decref(f->by_name);
    free(f->signatures);
    free(f->seen);
    free(f->list);
    free(f);
}

const struct tl_site_failure *tl_site_failure_of(const struct tl_site *w, const char *case_name,
                                                 const char *signature_id)
{
    if (!case_name || !signature_id)
        return NULL;
    size_t at = place_of(w->failures->by_name, signature_id, case_name);
    return at == SIZE_MAX ? NULL : &w->failures->list[w->failures->signatures[at].failure];
}

const struct tl_site_signature *tl_site_failure_newest(const struct tl_site *w,
                                                       const struct tl_site_failure *f)
{
    return &w->failures->signatures[f->signatures[0]];
}

/* Of a stripped module what holds across builds is its name alone: then it is better to read where the failure was last. */
static bool says_module_only(const char *coarse, const char *title)
{
    size_t n = strlen(coarse);
    return title && !strncmp(title, coarse, n) && title[n] == '!';
}

const char *tl_site_failure_title(const struct tl_site *w, const struct tl_site_failure *f)
{
    const struct tl_site_signature *s = tl_site_failure_newest(w, f);
    const char *title =
        f->n > 1 && s->coarse_title && *s->coarse_title && !says_module_only(s->coarse_title, s->title)
            ? s->coarse_title
            : s->title;
    return title && *title ? title : s->id;
}
