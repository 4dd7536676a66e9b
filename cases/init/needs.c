/* Files that a command reads without being told of them: a table, a configuration, a module beside a script. What a program
 * names in its own text and stands in the working directory is taken along. A guess, which costs a copy where it is wrong. */
#include "cases/init/words.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM_MOST ((size_t)64 << 20)
#define NEEDED_MOST ((off_t)64 << 20)
#define TEXT_MOST ((size_t)4 << 20) /* of a file whose own text is looked at as well */

static bool part_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* What may name a file: its name, or of a module of Python's the name without its ending. It is looked for by its first run of
 * letters, digits and the like, so that the bytes are gone through once for all of them. */
struct wanted {
    const char *text;
    size_t size;    /* of the text */
    size_t at, key; /* where in it the run begins, and its size */
    size_t of;      /* which entry of the directory it is */
    bool is_module;
};

/* The visible entries of the working directory. */
struct here {
    struct dirent **list;
    size_t n;
    struct wanted *wanted; /* by their runs */
    size_t n_wanted;
    bool *named;     /* of each entry */
    bool may[65536]; /* whether there is a run of that first character and size */
};

/* The next run from *at on: its size without dots at its end. 0: there is none; *end is where it ends with them. */
static size_t next_run(const char *bytes, size_t size, size_t *at, size_t *end)
{
    for (; *at < size; *at = *end) {
        while (*at < size && !part_of_name(bytes[*at]) && bytes[*at] != '.')
            ++*at;
        size_t n = 0;
        for (*end = *at; *end < size && (part_of_name(bytes[*end]) || bytes[*end] == '.'); ++*end)
            n = bytes[*end] == '.' ? n : *end - *at + 1;
        if (n)
            return n;
    }
    return 0;
}

static size_t kind_of_run(const char *run, size_t size)
{
    return ((size_t)(unsigned char)*run << 8) | (size < 255 ? size : 255);
}

static int compare_runs(const char *a, size_t n_a, const char *b, size_t n_b)
{
    int order = memcmp(a, b, n_a < n_b ? n_a : n_b);
    return order ? order : (n_a > n_b) - (n_a < n_b);
}

static int by_run(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    return compare_runs(x->text + x->at, x->key, y->text + y->at, y->key);
}

static bool begins_at(const char *bytes, size_t at)
{
    return !at || (!part_of_name(bytes[at - 1]) && bytes[at - 1] != '.');
}

/* Whether it stands by itself where its run was found. */
static bool stands(const struct wanted *w, const char *bytes, size_t size, size_t run)
{
    if (run < w->at || size - (run - w->at) < w->size)
        return false;
    size_t from = run - w->at, to = from + w->size;
    if (memcmp(bytes + from, w->text, w->size) != 0 || (to < size && part_of_name(bytes[to])) ||
        (to + 1 < size && bytes[to] == '.' && part_of_name(bytes[to + 1])))
        return false;
    if (!w->is_module)
        return begins_at(bytes, from);
    return (from >= 7 && !memcmp(bytes + from - 7, "import ", 7) && begins_at(bytes, from - 7)) ||
           (from >= 5 && !memcmp(bytes + from - 5, "from ", 5) && begins_at(bytes, from - 5));
}

/* Marks the entries that the bytes name. */
static void look(struct here *h, const char *bytes, size_t size)
{
    memset(h->named, 0, h->n * sizeof *h->named);
    for (size_t at = 0, end = 0, n; (n = next_run(bytes, size, &at, &end)); at = end) {
        size_t low = 0, high = h->n_wanted;
        if (!h->may[kind_of_run(bytes + at, n)])
            continue;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            const struct wanted *w = &h->wanted[middle];
            if (compare_runs(w->text + w->at, w->key, bytes + at, n) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        for (; low < h->n_wanted && h->wanted[low].key == n &&
               !memcmp(h->wanted[low].text + h->wanted[low].at, bytes + at, n);
             low++)
            if (stands(&h->wanted[low], bytes, size, at))
                h->named[h->wanted[low].of] = true;
    }
}

/* Of what a program was made of, which it names in what it tells a debugger, and what it is itself. */
static bool is_source(const char *name)
{
    static const char *const endings[] = {".c",  ".cc",    ".cpp", ".cxx", ".h", ".hpp", ".rs",
                                          ".go", ".swift", ".m",   ".mm",  ".o", ".a"};
    const char *dot = strrchr(name, '.');
    return dot && tl_is_one_of(dot, endings, TL_COUNT(endings));
}

static int visible(const struct dirent *one)
{
    return one->d_name[0] != '.' && strlen(one->d_name) >= 3;
}

static void want(struct here *h, size_t of, size_t size, bool is_module)
{
    struct wanted w = {.text = h->list[of]->d_name, .size = size, .of = of, .is_module = is_module};
    size_t end;
    w.key = next_run(w.text, size, &w.at, &end);
    if (!w.key)
        return;
    h->may[kind_of_run(w.text + w.at, w.key)] = true;
    *TL_GROW(h->wanted, h->n_wanted) = w;
}

static struct here *look_around(void)
{
    struct here *h = tl_calloc(1, sizeof *h);
    int n = scandir(".", &h->list, visible, alphasort);
    h->n = n > 0 ? (size_t)n : 0;
    h->named = tl_calloc(h->n + 1, sizeof *h->named);
    for (size_t i = 0; i < h->n; i++) {
        size_t size = strlen(h->list[i]->d_name);
        json_t *text = json_string(h->list[i]->d_name);
        if (text) /* a case can name no other */
            want(h, i, size, false);
        if (text && size > 3 && !strcmp(h->list[i]->d_name + size - 3, ".py"))
            want(h, i, size - 3, true);
        json_decref(text);
    }
    if (h->n_wanted)
        qsort(h->wanted, h->n_wanted, sizeof *h->wanted, by_run);
    return h;
}

static void look_no_more(struct here *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->list[i]);
    free(h->list);
    free(h->wanted);
    free(h->named);
    free(h);
}

/* binary: the bytes are a program's, and not a text. program: what is run, absolute; NULL. */
static bool adds_one(struct tl_init *p, struct here *h, const char *bytes, size_t size, bool binary,
                     const char *program)
{
    struct stat st;
    bool found = false;
    look(h, bytes, size);
    for (size_t i = 0; i < h->n; i++) {
        const char *name = h->list[i]->d_name;
        char *real = NULL;
        if (h->named[i] && !(binary && is_source(name)) && !stat(name, &st) && S_ISREG(st.st_mode) &&
            st.st_size <= NEEDED_MOST)
            real = realpath(name, NULL);
        if (real && (!program || strcmp(real, program) != 0) && !tl_init_has(p, real)) {
            const char *to = tl_init_add_file(p, real);
            p->files[p->n_files - 1].implied = true;
            tl_init_note(
                p, "%s stands in the working directory, and what is run names it: copied beside the case",
                to);
            found = true;
        }
        free(real);
    }
    return found;
}

static bool is_binary(const char *bytes, size_t size)
{
    return memchr(bytes, 0, size < 4096 ? size : 4096) != NULL;
}

void tl_init_add_needs(struct tl_init *p, const char *program)
{
    struct here *h = look_around();
    size_t size;
    char *bytes = program ? tl_read_file(program, PROGRAM_MOST, &size) : NULL;
    if (bytes)
        adds_one(p, h, bytes, size, is_binary(bytes, size), program);
    free(bytes);
    /* What was copied may name more, and that more again. */
    for (size_t i = 0; i < p->n_files; i++) {
        bytes = p->files[i].from ? tl_read_file(p->files[i].from, TEXT_MOST, &size) : NULL;
        if (bytes && !is_binary(bytes, size))
            adds_one(p, h, bytes, size, false, program);
        free(bytes);
    }
    look_no_more(h);
}

bool tl_init_add_named(struct tl_init *p, const char *message)
{
    struct here *h = message ? look_around() : NULL;
    bool found = h && adds_one(p, h, message, strlen(message), false, NULL);
    if (h)
        look_no_more(h);
    return found;
}

void tl_init_put_in_scratch(struct tl_init *p)
{
    json_t *steps = json_object_get(json_object_get(p->document, "model"), "steps"),
           *argv = json_pack("[s,s]", "cp", "-R"), *first = json_array_get(steps, 0);
    const char *program = json_string_value(json_array_get(json_object_get(first, "argv"), 0));
    for (size_t i = 0; i < p->n_files; i++) {
        char *name = tl_init_escape(p->files[i].to), *word = tl_format("{case_dir}/%s", name);
        if (p->files[i].implied)
            json_array_append_new(argv, json_string(word));
        free(word);
        free(name);
    }
    json_array_append_new(argv, json_string("{scratch}"));
    if (json_array_size(argv) < 4 || !steps) {
        json_decref(argv);
        return;
    }
    if (program && !strcmp(program, "cp") && json_array_size(steps) > 1)
        json_object_set(first, "argv", argv);
    else
        json_array_insert_new(steps, 0, json_pack("{s:s,s:O}", "phase", "generate", "argv", argv));
    json_decref(argv);
}
