/* A case names programs. Some whoever reads about it has as well: those of a system, a language, a tool chain. Others are
 * somebody's own, wherever they stand, and nobody else can run a command without them.
 *
 *   of everybody    in a directory of the system or of a package manager, whatever name found it; found in $PATH by a name that
 *                   people know (uv, xcrun, llama-cli), for the one that is found is only one of many; a script whose first
 *                   line names an interpreter of its own installation, as pip writes them: it runs nowhere else
 *   of somebody     all others
 *
 * A program of somebody's own is installed with other files, which it finds from where it stands: libraries by its RPATH
 * (content_libraries.c), and what it opens. So the directories are looked at that an installation has (bin/../lib, share, …) and
 * where it stands. What is in "share" or "libexec" is of installations alone, and comes whole; of all else the program's texts
 * tell, and which of those files count, who asks for them decides (case_files.c). */
#include "harness/executor/content_tools.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/places.h"
#include "harness/base/tool_name.h"
#include "harness/executor/content_named.h"

#include <ctype.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define PROGRAM_MOST (256 << 20)
#define TEXTS_MOST (8 << 20)
#define TEXT_LEAST 3
#define NAMED_MOST 100
#define CALLED_MOST 300
#define HEAD_MOST 4096
#define SMALL_FILES 200
#define SMALL_BYTES (UINT64_C(64) << 20)

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash != path ? tl_format("%.*s", (int)(slash - path), path) : tl_strdup("/");
}

/* The first bytes of a file; "" when it cannot be read. */
static void read_head(const char *path, char head[HEAD_MOST])
{
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(head, 1, HEAD_MOST - 1, f) : 0;
    if (f)
        fclose(f);
    head[n] = '\0';
}

/* Whether its interpreter is one of the installation that it is in, or all it does is to call an installed package. */
static bool is_of_installation(const char *program)
{
    char head[HEAD_MOST], *directory = tl_real_directory(program),
                          *slash = directory ? strrchr(directory, '/') : NULL;
    read_head(program, head);
    bool is = false;
    if (!strncmp(head, "#!", 2) && slash && slash != directory) {
        *slash = '\0'; /* bin */
        const char *line = head + 2 + strspn(head + 2, " \t");
        size_t n = strlen(directory);
        char *config = tl_format("%s/../pyvenv.cfg", directory);
        is = !strncmp(line, directory, n) && line[n] == '/' && !access(config, F_OK);
        is = is || (strstr(head, "python") && strstr(head, "sys.exit(") && strstr(head, "sys.argv[0]") &&
                    strstr(head, "import main")); /* as pip writes it */
        free(config);
    }
    free(directory);
    return is;
}

/* trapline itself, which a script may start: whoever has the case and runs it has it, and it is no part of the case. */
static bool is_own(const char *real)
{
    char path[4096];
    size_t size = sizeof path;
    char *own = real && !uv_exepath(path, &size) ? realpath(path, NULL) : NULL;
    bool is = own && !strcmp(own, real);
    free(own);
    return is;
}

bool tl_tool_is_everybodys(const char *program, bool by_name)
{
    char *real = realpath(program, NULL), *place = tl_real_directory(program);
    const char *const paths[] = {program, place, real};
    bool is = by_name && tl_tool_is_known(tl_base_name(program));
    for (size_t i = 0; i < TL_COUNT(paths) && !is; i++)
        is = paths[i] && (tl_place_is_of_system(paths[i]) || tl_place_is_of_packages(paths[i]));
    is = is || is_own(real) || is_of_installation(program);
    free(place);
    free(real);
    return is;
}

/* --- what goes with a program --------------------------------------------------------------------------- */

char *tl_texts_of_program(const char *path)
{
    size_t size = 0;
    char *data = tl_read_file(path, PROGRAM_MOST, &size);
    struct tl_buffer texts = TL_BUFFER_INIT;
    if (!data || !memchr(data, '\0', size)) {
        free(data);
        return NULL;
    }
    tl_buffer_add_string(&texts, "");
    for (size_t i = 0; i < size && texts.size < TEXTS_MOST;) {
        size_t n = 0;
        while (i + n < size && (isprint((unsigned char)data[i + n]) || (unsigned char)data[i + n] >= 128))
            n++;
        if (n >= TEXT_LEAST) {
            tl_buffer_add(&texts, data + i, n);
            tl_buffer_add_string(&texts, "\n");
        }
        i += n + 1;
    }
    free(data);
    return tl_buffer_take(&texts);
}

json_t *tl_named_by_texts(const char *texts, const char *program)
{
    json_t *named = json_object();
    char *real = realpath(program, NULL), *directory = real ? directory_of(real) : NULL;
    for (const char *at = directory ? texts : NULL;
         at && (at = strstr(at, "../")) && json_object_size(named) < NAMED_MOST;) {
        size_t n = strcspn(at, "\n\"'`:;,<>|*?%");
        char *path = tl_format("%s/%.*s", directory, (int)(n < HEAD_MOST ? n : HEAD_MOST), at),
             *there = realpath(path, NULL);
        size_t length = there ? strlen(there) : 0;
        bool holds =
            there && !strncmp(directory, there, length) && (directory[length] == '/' || !directory[length]);
        if (there && !holds && length > 1 && !tl_place_is_of_system(there) && !tl_place_is_broad(there))
            json_object_set_new_nocheck(named, there, json_true());
        free(there);
        free(path);
        at += n ? n : 1;
    }
    free(directory);
    free(real);
    return named;
}

/* Whether a directory holds so little that all of it may go with a program. */
static bool is_small(const char *directory)
{
    char *copy = tl_strdup(directory);
    char *const roots[] = {copy, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int n = 0;
    while (fts && n <= SMALL_FILES && fts_read(fts))
        n++;
    if (fts)
        fts_close(fts);
    free(copy);
    return n <= SMALL_FILES && tl_tree_bytes(directory, SMALL_BYTES) < SMALL_BYTES;
}

/* The directories of an installation, from that of a program on. What only an installation has comes whole where that is little:
 * a name may be put together by the program. */
static void add_installation(struct tl_content *x, struct tl_hash *h, const char *directory)
{
    static const char *const homes[] = {"bin", "sbin", "libexec", "MacOS"};
    static const struct {
        const char *name;
        enum tl_content_mode mode;
        bool whole;
    } parts[] = {{"lib", TL_CONTENT_BESIDE, false},       {"lib64", TL_CONTENT_BESIDE, false},
                 {"Frameworks", TL_CONTENT_BESIDE, true}, {"plugins", TL_CONTENT_BESIDE, true},
                 {"libexec", TL_CONTENT_BESIDE, true},    {"share", TL_CONTENT_NAMED, true},
                 {"etc", TL_CONTENT_NAMED, true},         {"Resources", TL_CONTENT_NAMED, true},
                 {"data", TL_CONTENT_NAMED, false},       {"resources", TL_CONTENT_NAMED, false},
                 {"models", TL_CONTENT_NAMED, false},     {"config", TL_CONTENT_NAMED, false}};
    char *prefix = directory_of(directory);
    bool is = tl_is_one_of(tl_base_name(directory), homes, TL_COUNT(homes)) && !tl_place_is_broad(prefix);
    for (size_t i = 0; i < TL_COUNT(parts) && is; i++) {
        char *part = tl_format("%s/%s", prefix, parts[i].name), *real = realpath(part, NULL);
        if (real && !tl_place_is_of_system(real) && !tl_place_is_of_packages(part) &&
            !tl_place_is_broad(real))
            tl_content_walk(x, h, parts[i].whole && is_small(real) ? TL_CONTENT_TREE : parts[i].mode, part);
        free(real);
        free(part);
    }
    free(prefix);
}

void tl_content_around(struct tl_content *x, struct tl_hash *h, const char *program, bool compiled)
{
    char *texts = compiled ? tl_texts_of_program(program) : NULL, *real = realpath(program, NULL),
         *places[] = {directory_of(program), real ? directory_of(real) : NULL};
    json_t *named = texts ? tl_named_by_texts(texts, program) : json_object(), *unused;
    const char *path;
    for (size_t i = 0; i < TL_COUNT(places); i++) {
        if (!places[i] || tl_place_is_of_system(places[i]) || (i && !strcmp(places[0], places[1])))
            continue;
        if (compiled)
            tl_content_walk(x, h, tl_place_is_broad(places[i]) ? TL_CONTENT_FLAT : TL_CONTENT_NAMED,
                            places[i]);
        add_installation(x, h, places[i]);
    }
    json_object_foreach(named, path, unused) {
        struct stat st;
        if (stat(path, &st))
            continue;
        if (S_ISDIR(st.st_mode))
            tl_content_walk(x, h, TL_CONTENT_NAMED, path);
        else if (S_ISREG(st.st_mode))
            tl_content_walk(x, h, TL_CONTENT_FILE, path);
    }
    json_decref(named);
    free(places[0]);
    free(places[1]);
    free(real);
    free(texts);
}

/* --- words ---------------------------------------------------------------------------------------------- */

bool tl_tool_is_command_at(const char *text, const char *at)
{
    static const char *const before[] = {"exec",  "then", "do",      "else", "elif", "if",   "while",
                                         "until", "time", "command", "!",    "{",    "eval", "run"};
    const char *end = at;
    while (end > text && strchr(" \t\"'", end[-1]))
        end--;
    if (end == text || strchr("\n;&|(`", end[-1]))
        return true;
    const char *begin = end;
    while (begin > text && !strchr(" \t\n;&|(`\"'", begin[-1]))
        begin--;
    char *word = tl_format("%.*s", (int)(end - begin), begin);
    bool is = tl_is_one_of(word, before, TL_COUNT(before)) || tl_tool_is_wrapper(tl_base_name(word)) ||
              (strchr(word, '=') && (isalpha((unsigned char)*word) || *word == '_'));
    free(word);
    return is;
}

/* Whether what is called before a '(' starts programs, by its name. */
static bool starts_programs(const char *text, const char *bracket)
{
    static const char *const parts[] = {"run",    "open",    "call",    "exec",  "spawn",
                                        "system", "Process", "Command", "check", "which"};
    const char *begin = bracket;
    while (begin > text && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_'))
        begin--;
    char *name = tl_format("%.*s", (int)(bracket - begin), begin);
    bool is = false;
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        is = is || (strstr(name, parts[i]) && strcmp(name, "open") != 0);
    free(name);
    return is;
}

json_t *tl_tools_called(const char *text)
{
    json_t *called = json_object();
    for (const char *at = text; (at = strpbrk(at, "([")) && json_object_size(called) < CALLED_MOST;) {
        bool starts = *at == '[' || starts_programs(text, at);
        at++;
        const char *quote = at + strspn(at, " \t\n");
        size_t n = *quote && strchr("\"'`", *quote) ? strcspn(quote + 1, "\"'` \t\n;|&") : 0;
        if (!starts || n < 2 || n > 255)
            continue;
        char *word = tl_format("%.*s", (int)n, quote + 1);
        if (!strchr(word, '/') && isalnum((unsigned char)*word))
            json_object_set_new_nocheck(called, word, json_true());
        free(word);
    }
    return called;
}

size_t tl_tool_started(char *const *words)
{
    json_t *argv = json_array();
    for (size_t i = 0; words[i]; i++)
        json_array_append_new(argv, json_string(words[i]));
    struct tl_tool_name tool = tl_tool_name_find(argv, NULL);
    size_t started = 0;
    for (size_t i = 1; words[i] && tool.name && !started; i++)
        started = !strcmp(words[i], tool.name) ? i : 0;
    for (size_t i = 1; words[i] && !started; i++)
        started = words[i][0] != '-' ? i : 0;
    tl_tool_name_free(&tool);
    json_decref(argv);
    return started;
}
