/* Files of a bundle as it is put together, and what its report says of them. */
#include "reports/bundle/parts.h"

#include "harness/base/files.h"
#include "harness/base/text_file.h"
#include "reports/json_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JSON_MOST (64u << 20)

static const char doing[] = "cannot write the bundle";

void tl_bundle_leave_out(struct tl_bundle *b, char *sentence)
{
    char *text = b->source->keep_paths ? tl_strdup(sentence) : tl_redact(&b->redaction, sentence);
    json_array_append_new(b->left_out, tl_string_json(text));
    free(text);
    free(sentence);
}

void tl_bundle_have(struct tl_bundle *b, const char *name, const char *about)
{
    json_array_append_new(b->files, json_pack("{s:s,s:s}", "name", name, "about", about));
}

/* The same for a file whose name and words are made; both are taken over. */
void tl_bundle_have_made(struct tl_bundle *b, char *name, char *about)
{
    tl_bundle_have(b, name, about);
    free(name);
    free(about);
}

int tl_bundle_write_text(struct tl_bundle *b, const char *name, const char *text, const char *about,
                         struct tl_error *e)
{
    char *path = tl_format("%s/%s", b->stage, name);
    int rc = tl_replace_text(path, text, false);
    if (rc)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "the disk may be full");
    if (rc == 0 && about)
        tl_bundle_have(b, name, about);
    free(path);
    return rc;
}

int tl_bundle_write_script(struct tl_bundle *b, const char *text, const json_t *needs, const char *about,
                           struct tl_error *e)
{
    if (tl_bundle_write_text(b, "repro.sh", text, about, e))
        return -1;
    json_t *bundle = json_object_get(b->report, "bundle"), *names = json_array();
    const char *name;
    json_t *unused;
    json_object_foreach((json_t *)needs, name, unused) {
        char *shown = b->source->keep_paths ? tl_strdup(name) : tl_redact_paths(&b->redaction, name);
        if (strcmp(name, "sh") != 0)
            json_array_append_new(names, json_string(shown));
        free(shown);
    }
    json_object_set_new(bundle, "script", json_string("repro.sh"));
    json_object_set_new(bundle, "needs", names);
    return 0;
}

int tl_bundle_write_json(struct tl_bundle *b, const char *name, const json_t *document, const char *about,
                         struct tl_error *e)
{
    char *text = json_dumps(document, JSON_INDENT(2));
    char *line = tl_format("%s\n", text ? text : "null");
    int rc = tl_bundle_write_text(b, name, line, about, e);
    free(line);
    free(text);
    return rc;
}

void tl_bundle_measure(struct tl_bundle *b)
{
    json_t *file;
    size_t i;
    json_array_foreach(b->files, i, file) {
        char *path = tl_format("%s/%s", b->stage, json_string_value(json_object_get(file, "name")));
        struct stat st;
        if (!lstat(path, &st))
            json_object_set_new(file, "size", json_integer((json_int_t)st.st_size));
        free(path);
    }
}

json_t *tl_bundle_read_json(const char *directory, const char *name)
{
    size_t size;
    char *path = tl_format("%s/%s", directory, name), *text = tl_read_file(path, JSON_MOST, &size);
    json_t *j = text ? json_loadb(text, size, 0, NULL) : NULL;
    free(text);
    free(path);
    return j;
}
