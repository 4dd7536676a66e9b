/* An axis that nobody reads makes no variant differ from another: a wrong name of an option, mostly. What can
 * read one is found by the form of a case and not key by key: wherever a string of the document may hold
 * placeholders, {AXIS} in it reads the axis; and where an object is a condition ("when"), its keys do.
 *
 * Symbolic dimensions are looked for in the bytes of the model. ONNX is protobuf: a dimension is a message in
 * the field 1 of its shape, and the name a string in the field 2 of that, so the bytes are
 *
 *     0x0a SIZE 0x12 LENGTH name
 *
 * with one byte for each number, as names of axes have at most 64. A model may be gigabytes of weights that
 * nobody wants to unpack for this. */
#include "cases/reading.h"

#include "cases/family.h"
#include "cases/written_files.h"
#include "harness/base/buffer.h"

#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What of a document names axes without reading them. */
static const char *const names_only[] = {"trapline", "name",   "title",  "source",        "axes",
                                         "failing",  "forbid", "notes",  "expected_text", "impact",
                                         "related",  "tried",  "metrics"};

struct wanted {
    const char *axis;
    bool found;
};

static void on_placeholder(void *arg, const char *name, size_t size, bool bad)
{
    struct wanted *w = arg;
    size_t n = strlen(w->axis);
    bool file = size == n + 1 && name[n] == '@'; /* of the elements of a set */
    w->found = w->found || (!bad && (size == n || file) && !strncmp(name, w->axis, n));
}

static void on_marker(void *arg, const char *name, size_t size, size_t line, bool bad)
{
    (void)line;
    on_placeholder(arg, name, size, bad);
}

/* A document nests at most 64 deep. */
static void look(const json_t *j, struct wanted *w)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_string(j))
        tl_placeholders(json_string_value(j), on_placeholder, w);
    json_object_foreach((json_t *)j, key, value) {
        if (!strcmp(key, "when") && json_object_get(value, w->axis))
            w->found = true;
        look(value, w);
    }
    json_array_foreach(j, i, value)
        look(value, w);
}

bool tl_case_reads_axis(const struct tl_case *c, const char *axis)
{
    const struct tl_family *f = c->model_kind == TL_MODEL_FAMILY ? tl_family_find(c->family) : NULL;
    struct wanted w = {axis, f && tl_family_axis_find(f, axis)};
    const char *key;
    json_t *value;
    json_object_foreach(c->document, key, value) {
        bool skipped = false;
        for (size_t i = 0; i < TL_COUNT(names_only); i++)
            skipped = skipped || !strcmp(key, names_only[i]);
        if (!skipped)
            look(value, &w);
    }
    for (size_t i = 0; i < c->n_files; i++)
        tl_markers(c->files[i].text, on_marker, &w);
    return w.found;
}

bool tl_case_derives_inputs(const struct tl_case *c)
{
    struct wanted inputs = {"inputs", false};
    if (c->model_kind == TL_MODEL_FAMILY || c->model_kind == TL_MODEL_STEPS || c->inputs)
        return false;
    for (size_t i = 0; i < c->generate.n; i++)
        tl_placeholders(c->generate.words[i].text, on_placeholder, &inputs);
    return !inputs.found;
}

/* Whether a dimension of this name is in the bytes; with `any`, the name alone. */
static bool holds(const unsigned char *bytes, size_t size, const char *name, bool any)
{
    size_t n = strlen(name);
    const unsigned char *end = bytes + size, *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), name, n))) {
        if (any || (at - bytes >= 4 && at[-1] == n && at[-2] == 0x12 && at[-3] >= n + 2 && at[-4] == 0x0a))
            return true;
        at++;
    }
    return false;
}

static bool file_holds(const char *path, const char *name, bool any)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool found = false;
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            found = holds(bytes, (size_t)st.st_size, name, any);
            munmap(bytes, (size_t)st.st_size);
        }
    }
    if (fd >= 0)
        close(fd);
    return found;
}

bool tl_model_has_dimension(const char *path, const char *name)
{
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return file_holds(path, name, false);
    char *copy = tl_strdup(path);
    char *roots[] = {copy, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    bool found = false;
    for (FTSENT *f; fts && !found && (f = fts_read(fts));)
        found = f->fts_info == FTS_F && file_holds(f->fts_accpath, name, true);
    if (fts)
        fts_close(fts);
    free(copy);
    return found;
}
