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
#define ENTRIES_MOST 2000
#define TEXT_MOST ((size_t)4 << 20) /* of a file whose own text is looked at as well */

static bool part_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Whether the bytes name a file: its name stands by itself in them. */
static bool names(const char *bytes, size_t size, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = bytes, *end = bytes + size; (at = memmem(at, (size_t)(end - at), name, n)); at++)
        if ((at == bytes || (!part_of_name(at[-1]) && at[-1] != '.')) &&
            (at + n == end ||
             (!part_of_name(at[n]) && !(at[n] == '.' && at + n + 1 < end && part_of_name(at[n + 1])))))
            return true;
    return false;
}

/* A module of Python's is named without its ending. */
static bool imports(const char *bytes, size_t size, const char *name)
{
    size_t n = strlen(name);
    if (n < 4 || strcmp(name + n - 3, ".py") != 0)
        return false;
    char *stem = tl_format("%.*s", (int)(n - 3), name);
    char *forms[] = {tl_format("import %s", stem), tl_format("from %s", stem)};
    bool found = names(bytes, size, forms[0]) || names(bytes, size, forms[1]);
    free(forms[0]);
    free(forms[1]);
    free(stem);
    return found;
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

/* binary: the bytes are a program's, and not a text. program: what is run, absolute; NULL. */
static bool adds_one(struct tl_init *p, const char *bytes, size_t size, bool binary, const char *program)
{
    struct dirent **list = NULL;
    struct stat st;
    bool found = false;
    int n = scandir(".", &list, visible, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        char *real = NULL;
        if (i < ENTRIES_MOST && !(binary && is_source(name)) && !stat(name, &st) && S_ISREG(st.st_mode) &&
            st.st_size <= NEEDED_MOST && (names(bytes, size, name) || imports(bytes, size, name)))
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
        free(list[i]);
    }
    free(list);
    return found;
}

static bool is_binary(const char *bytes, size_t size)
{
    return memchr(bytes, 0, size < 4096 ? size : 4096) != NULL;
}

void tl_init_add_needs(struct tl_init *p, const char *program)
{
    size_t size;
    char *bytes = program ? tl_read_file(program, PROGRAM_MOST, &size) : NULL;
    if (bytes)
        adds_one(p, bytes, size, is_binary(bytes, size), program);
    free(bytes);
    /* What was copied may name more, and that more again. */
    for (size_t i = 0; i < p->n_files; i++) {
        bytes = p->files[i].from ? tl_read_file(p->files[i].from, TEXT_MOST, &size) : NULL;
        if (bytes && !is_binary(bytes, size))
            adds_one(p, bytes, size, false, program);
        free(bytes);
    }
}

bool tl_init_add_named(struct tl_init *p, const char *message)
{
    return message && adds_one(p, message, strlen(message), false, NULL);
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
