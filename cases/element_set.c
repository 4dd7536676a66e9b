/* Parts of a list of elements.
 *
 * A part is written in three ways. In a case file it is a list of elements, or "all". On a command line it is elements
 * with a plus sign between them, numbers also as ranges: q_proj+k_proj, 3+7..9, all, and none for the empty one. Where a
 * name has a plus sign itself, the longest name that fits is taken. A long part is ranges of places in the list behind
 * a number sign, #3+7..9: it stays short where a list of names would not. What is stored is one of these texts, and the
 * same one for the same part.
 *
 * Elements of a set may be given in any order. A part has none: a sequence keeps the order of its list, and is given
 * in it. */
#include "cases/element_set.h"

#include "cases/suggest.h"
#include "harness/base/buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WHAT_PART "not a part of the elements"
#define SHOWN 8     /* elements that a message lists */
#define FEW_NAMES 3 /* so many are named, also when they are all there are */

/* --- The elements -------------------------------------------------------------------------------------- */

struct place {
    const char *name;
    uint32_t place;
};

static int by_name(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : x->place < y->place ? -1 : x->place > y->place;
}

/* Whether a name means something else where elements are written. */
static bool is_taken(const char *name)
{
    return strcmp(name, "all") == 0 || strcmp(name, "none") == 0 ||
           (name[0] == '#' && name[1] >= '0' && name[1] <= '9');
}

int tl_elements_init(struct tl_elements *all, const char *const *names, size_t n, size_t *wrong,
                     struct tl_error *e)
{
    static const char what[] = "not a list of elements";
    *all = (struct tl_elements){.n = n, .names = names};
    *wrong = SIZE_MAX;
    if (n == 0 || n > TL_ELEMENTS_MAX)
        return tl_fail(e, TL_ERROR_INPUT, what, NULL, "expected 1 to %d elements, found %zu", TL_ELEMENTS_MAX,
                       n);
    if (names == NULL)
        return 0;
    struct place *list = tl_calloc(n, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct place){names[i], (uint32_t)i};
    qsort(list, n, sizeof *list, by_name);
    all->sorted = tl_calloc(n, sizeof *all->sorted);
    int status = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        all->sorted[i] = list[i].place;
        size_t size = strlen(list[i].name);
        all->longest = size > all->longest ? size : all->longest;
        *wrong = list[i].place;
        if (list[i].name[0] == '\0')
            status = tl_fail(e, TL_ERROR_INPUT, what, NULL, "expected a name, found \"\"");
        else if (is_taken(list[i].name))
            status = tl_fail(e, TL_ERROR_INPUT, what, list[i].name,
                             "expected another name: \"all\" means all elements, \"none\" none of them, and "
                             "#NUMBER a place in the list");
        else if (i > 0 && strcmp(list[i].name, list[i - 1].name) == 0)
            status =
                tl_fail(e, TL_ERROR_INPUT, what, list[i].name,
                        "expected a name that is not listed before (at [%" PRIu32 "])", list[i - 1].place);
    }
    free(list);
    if (status == 0)
        *wrong = SIZE_MAX;
    else
        tl_elements_free(all);
    return status;
}

void tl_elements_free(struct tl_elements *all)
{
    free(all->sorted);
    *all = (struct tl_elements){0};
}

/* The element whose name is the first `size` bytes of a text. */
static bool find(const struct tl_elements *all, const char *text, size_t size, uint32_t *place)
{
    size_t low = 0, high = all->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *name = all->names[all->sorted[middle]];
        int order = strncmp(name, text, size);
        if (order == 0 && name[size] != '\0')
            order = 1;
        if (order == 0) {
            *place = all->sorted[middle];
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

int tl_elements_find(const struct tl_elements *all, const char *name, uint32_t *place)
{
    return all->names != NULL && find(all, name, strlen(name), place) ? 0 : -1;
}

/* What would have been right. */
static char *expected(const struct tl_elements *all, const char *found)
{
    if (all->names == NULL)
        return tl_format("expected numbers from 0 to %zu", all->n - 1);
    const char *suggested = tl_suggest(found, all->names, all->n);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "expected names of elements: ");
    for (size_t i = 0; i < all->n && i < SHOWN; i++)
        tl_buffer_printf(&b, "%s%.200s", i > 0 ? ", " : "", all->names[i]);
    if (all->n > SHOWN)
        tl_buffer_printf(&b, ", … (%zu elements)", all->n);
    if (suggested != NULL)
        tl_buffer_printf(&b, " (did you mean \"%.200s\"?)", suggested);
    return tl_buffer_take(&b);
}

static int no_element(const struct tl_elements *all, const char *found, struct tl_error *e)
{
    char *text = expected(all, found);
    tl_fail(e, TL_ERROR_INPUT, WHAT_PART, NULL, "%s, found \"%.200s\"", text, found);
    free(text);
    return -1;
}

static int no_place(const struct tl_elements *all, const char *found, struct tl_error *e)
{
    return tl_fail(e, TL_ERROR_INPUT, WHAT_PART, NULL,
                   "expected places in the list, from #0 to #%zu, found \"%.200s\"", all->n - 1, found);
}

/* --- Parts --------------------------------------------------------------------------------------------- */

void tl_element_set_free(struct tl_element_set *set)
{
    free(set->ranges);
    *set = (struct tl_element_set){0};
}

void tl_element_set_add(struct tl_element_set *set, uint32_t first, uint32_t last)
{
    if (set->n_ranges > 0 && set->ranges[set->n_ranges - 1].last + 1 == first)
        set->ranges[set->n_ranges - 1].last = last;
    else
        *TL_GROW(set->ranges, set->n_ranges) = (struct tl_element_range){first, last};
}

size_t tl_element_set_count(const struct tl_element_set *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n_ranges; i++)
        n += (size_t)(set->ranges[i].last - set->ranges[i].first) + 1;
    return n;
}

bool tl_element_set_has(const struct tl_element_set *set, uint32_t place)
{
    size_t low = 0, high = set->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->n_ranges && set->ranges[low].first <= place;
}

bool tl_element_set_equal(const struct tl_element_set *a, const struct tl_element_set *b)
{
    return a->n_ranges == b->n_ranges &&
           (a->n_ranges == 0 || memcmp(a->ranges, b->ranges, a->n_ranges * sizeof *a->ranges) == 0);
}

static void everything(const struct tl_elements *all, struct tl_element_set *set)
{
    tl_element_set_add(set, 0, (uint32_t)all->n - 1);
}

/* Elements that were named in any order, before they are ranges. */
struct named {
    bool *is;
    bool ordered;     /* they have to come in the order of the list */
    uint32_t further; /* behind all that were named */
};

static int name_one(struct named *named, uint32_t first, uint32_t last, const char *text, struct tl_error *e)
{
    for (uint32_t i = first; i <= last; i++) {
        if (named->ordered && i < named->further && !named->is[i])
            return tl_fail(e, TL_ERROR_INPUT, WHAT_PART, NULL,
                           "expected the elements of a sequence in the order of its list, found \"%.200s\" "
                           "behind one that comes after it",
                           text);
        if (named->is[i])
            return tl_fail(e, TL_ERROR_INPUT, WHAT_PART, NULL,
                           "expected each element once, found \"%.200s\" again", text);
        named->is[i] = true;
        named->further = i + 1 > named->further ? i + 1 : named->further;
    }
    return 0;
}

static void make_ranges(const struct tl_elements *all, const struct named *named, struct tl_element_set *set)
{
    for (uint32_t i = 0; i < all->n; i++) {
        uint32_t first = i;
        while (i < all->n && named->is[i])
            i++;
        if (i > first)
            tl_element_set_add(set, first, i - 1);
    }
}

int tl_element_set_of_json(const struct tl_elements *all, const json_t *value, struct tl_element_set *set,
                           size_t *wrong, struct tl_error *e)
{
    *set = (struct tl_element_set){0};
    *wrong = SIZE_MAX;
    if (json_is_string(value) && strcmp(json_string_value(value), "all") == 0) {
        everything(all, set);
        return 0;
    }
    if (!json_is_array(value))
        return tl_fail(e, TL_ERROR_INPUT, WHAT_PART, NULL, "expected a list of elements, or \"all\"");
    if (json_array_size(value) > all->n)
        return tl_fail(e, TL_ERROR_INPUT, WHAT_PART, NULL, "expected at most %zu elements, found %zu", all->n,
                       json_array_size(value));
    struct named named = {.is = tl_calloc(all->n, sizeof *named.is), .ordered = all->ordered};
    size_t i;
    json_t *one;
    int status = 0;
    json_array_foreach(value, i, one) {
        *wrong = i;
        char *text =
            json_is_string(one) ? tl_strdup(json_string_value(one)) : json_dumps(one, JSON_ENCODE_ANY);
        uint32_t place = 0;
        bool found;
        if (all->names != NULL) {
            found = json_is_string(one) && tl_elements_find(all, text, &place) == 0;
        } else {
            found = json_is_integer(one) && json_integer_value(one) >= 0 &&
                    (uint64_t)json_integer_value(one) < all->n;
            place = found ? (uint32_t)json_integer_value(one) : 0;
        }
        status =
            found ? name_one(&named, place, place, text, e) : no_element(all, text != NULL ? text : "", e);
        free(text);
        if (status != 0)
            break;
    }
    if (status == 0) {
        *wrong = SIZE_MAX;
        make_ranges(all, &named, set);
    }
    free(named.is);
    return status;
}

/* A number in decimal, as it is written; *text is put behind it. */
static bool parse_number(const char **text, size_t below, uint32_t *number)
{
    const char *s = *text;
    uint64_t n = 0;
    if (*s < '0' || *s > '9' || (*s == '0' && s[1] >= '0' && s[1] <= '9'))
        return false;
    for (; *s >= '0' && *s <= '9' && n < below; s++)
        n = 10 * n + (uint64_t)(*s - '0');
    *text = s;
    *number = (uint32_t)n;
    return n < below;
}

/* One element of a text, up to a plus sign or the end; numbers may be a range. *end is put behind it. */
static bool parse_one(const struct tl_elements *all, bool places, const char *text, const char **end,
                      uint32_t *first, uint32_t *last)
{
    if (places) {
        *end = text;
        if (!parse_number(end, all->n, first))
            return false;
        *last = *first;
        if (strncmp(*end, "..", 2) == 0) {
            *end += 2;
            if (!parse_number(end, all->n, last) || *last < *first)
                return false;
        }
        return **end == '+' || **end == '\0';
    }
    /* The longest name that fits: a name may have a plus sign itself. */
    bool found = false;
    for (const char *s = text;; s++) {
        if (*s != '+' && *s != '\0')
            continue;
        if (find(all, text, (size_t)(s - text), first)) {
            *end = s;
            *last = *first;
            found = true;
        }
        if (*s == '\0' || (size_t)(s - text) > all->longest)
            return found;
    }
}

int tl_element_set_parse(const struct tl_elements *all, const char *text, struct tl_element_set *set,
                         struct tl_error *e)
{
    *set = (struct tl_element_set){0};
    if (strcmp(text, "all") == 0)
        everything(all, set);
    if (strcmp(text, "all") == 0 || strcmp(text, "none") == 0 || *text == '\0')
        return 0;
    struct named named = {.is = tl_calloc(all->n, sizeof *named.is), .ordered = all->ordered};
    int status = 0;
    bool places = all->names == NULL || (text[0] == '#' && text[1] >= '0' && text[1] <= '9');
    for (const char *s = text + (*text == '#' && places), *end; status == 0; s = end + 1) {
        uint32_t first, last;
        bool one = parse_one(all, places, s, &end, &first, &last);
        char *word = tl_format("%.*s", one ? (int)(end - s) : (int)strcspn(s, "+"), s);
        status = one                    ? name_one(&named, first, last, word, e)
                 : places && all->names ? no_place(all, word, e)
                                        : no_element(all, word, e);
        free(word);
        if (status != 0 || *end == '\0')
            break;
    }
    if (status == 0)
        make_ranges(all, &named, set);
    free(named.is);
    return status;
}

int tl_element_set_of_ranges(const struct tl_elements *all, const json_t *ranges, struct tl_element_set *set,
                             struct tl_error *e)
{
    *set = (struct tl_element_set){0};
    size_t i;
    json_t *one;
    bool ok = json_is_array(ranges);
    int64_t least = 0;
    if (ok)
        json_array_foreach(ranges, i, one) {
            const json_t *first = json_array_get(one, 0), *last = json_array_get(one, 1);
            ok = json_array_size(one) == 2 && json_is_integer(first) && json_is_integer(last) &&
                 json_integer_value(first) >= least &&
                 json_integer_value(last) >= json_integer_value(first) &&
                 json_integer_value(last) < (int64_t)all->n;
            if (!ok)
                break;
            tl_element_set_add(set, (uint32_t)json_integer_value(first), (uint32_t)json_integer_value(last));
            least = json_integer_value(last) + 1;
        }
    if (ok)
        return 0;
    tl_element_set_free(set);
    return tl_fail(e, TL_ERROR_INPUT, WHAT_PART, NULL,
                   "expected ascending ranges of places from 0 to %zu, [[FIRST, LAST], …]", all->n - 1);
}

json_t *tl_element_set_json(const struct tl_elements *all, const struct tl_element_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < set->n_ranges; i++)
        for (uint32_t k = set->ranges[i].first; k <= set->ranges[i].last; k++)
            if (json_array_append_new(list,
                                      all->names != NULL ? json_string(all->names[k]) : json_integer(k)) != 0)
                abort();
    return list;
}

json_t *tl_element_set_ranges(const struct tl_element_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < set->n_ranges; i++) {
        json_t *range = json_array();
        if (json_array_append_new(range, json_integer(set->ranges[i].first)) != 0 ||
            json_array_append_new(range, json_integer(set->ranges[i].last)) != 0 ||
            json_array_append_new(list, range) != 0)
            abort();
    }
    return list;
}

static char *ranges_text(const struct tl_element_set *set, const char *before)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < set->n_ranges; i++) {
        const struct tl_element_range *r = &set->ranges[i];
        tl_buffer_printf(&b, "%s%" PRIu32, i > 0 ? "+" : before, r->first);
        if (r->first < r->last)
            tl_buffer_printf(&b, "..%" PRIu32, r->last);
    }
    return tl_buffer_take(&b);
}

char *tl_element_set_text(const struct tl_elements *all, const struct tl_element_set *set)
{
    /* Of a few names the names say more than that they are all there are. */
    if (set->n_ranges == 0 ||
        (tl_element_set_count(set) == all->n && (all->names == NULL || all->n > FEW_NAMES)))
        return tl_strdup(set->n_ranges == 0 ? "none" : "all");
    if (all->names == NULL)
        return ranges_text(set, "");
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < set->n_ranges; i++)
        for (uint32_t k = set->ranges[i].first; k <= set->ranges[i].last; k++) {
            tl_buffer_printf(&b, "%s%s", b.size > 0 ? "+" : "", all->names[k]);
            if (b.size > TL_ELEMENT_SET_TEXT_MAX) {
                tl_buffer_free(&b);
                return ranges_text(set, "#");
            }
        }
    /* Where names have plus signs themselves, those of two elements may be that of a third. */
    struct tl_element_set again;
    struct tl_error ignored;
    bool same = tl_element_set_parse(all, b.data, &again, &ignored) == 0 && tl_element_set_equal(&again, set);
    tl_element_set_free(&again);
    if (same)
        return tl_buffer_take(&b);
    tl_buffer_free(&b);
    return ranges_text(set, "#");
}
