/* What a killed process left beside something that nobody writes to again. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/staging_note.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];
static char *place, *notes;

static void setup(void)
{
    strcpy(directory, "/tmp/tl-staging-XXXXXX");
    cr_assert(mkdtemp(directory));
    setenv("XDG_STATE_HOME", directory, 1);
    place = tl_format("%s/of\n \xff us", directory);
    notes = tl_format("%s/trapline/staging", directory);
    cr_assert(!mkdir(place, 0700));
}

static void teardown(void)
{
    tl_remove_tree(directory);
    free(place);
    free(notes);
}

TestSuite(staging_note, .init = setup, .fini = teardown, .timeout = 60);

static size_t entries(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    for (struct dirent *x; d && (x = readdir(d));)
        n += *x->d_name != '.' || strlen(x->d_name) > 2;
    if (d)
        closedir(d);
    return n;
}

/* A process that stages something there, named as it stands in its working directory, and waits. */
static pid_t begin(void)
{
    int told[2];
    char byte;
    cr_assert(!pipe(told));
    pid_t pid = fork();
    if (!pid) {
        struct tl_staging s;
        bool made = !chdir(place) && !tl_staging_begin_noted(&s, ".", ".site.trapline-");
        char *file = made ? tl_format("%s/file", s.path) : NULL;
        int fd = made ? open(file, O_CREAT | O_WRONLY, 0600) : -1;
        if (fd < 0 || write(told[1], "", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    cr_assert_eq(read(told[0], &byte, 1), 1);
    close(told[0]);
    close(told[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(staging_note, what_was_left_is_found_and_removed)
{
    tl_staging_sweep_noted(); /* there is no note yet */
    pid_t first = begin(), second = begin();
    cr_assert_eq(entries(place), 2);
    tl_staging_sweep_noted();
    cr_assert_eq(entries(place), 2, "they are at work");
    end(first);
    tl_staging_sweep_noted();
    cr_assert_eq(entries(place), 1, "the other one is at work");
    cr_assert_eq(entries(notes), 1);
    end(second);
    tl_staging_sweep_noted();
    cr_assert_eq(entries(place), 0);
    cr_assert_eq(entries(notes), 0);
}

Test(staging_note, one_that_ends_leaves_no_note)
{
    struct tl_staging s;
    cr_assert(!tl_staging_begin_noted(&s, place, ".site.trapline-"));
    cr_assert_eq(entries(notes), 1);
    tl_staging_end_noted(&s);
    cr_assert_eq(entries(place), 0);
    cr_assert_eq(entries(notes), 0);
    char *missing = tl_format("%s/missing", directory);
    cr_assert(tl_staging_begin_noted(&s, missing, ".site.trapline-"));
    cr_assert_eq(entries(notes), 0);
    tl_staging_end_noted(&s);
    free(missing);
}

Test(staging_note, a_file_is_replaced_and_nothing_is_left_beside_it)
{
    char *path = tl_format("%s/file", place);
    for (int i = 0; i < 2; i++) {
        char text[2] = {(char)('a' + i), '\0'};
        cr_assert(!tl_replace_file_noted(path, text, 1, 0600, true));
        char *is = tl_read_file(path, 10, NULL);
        cr_assert_str_eq(is, text);
        free(is);
        cr_assert_eq(entries(place), 1);
        cr_assert_eq(entries(notes), 0);
    }
    cr_assert(!chdir(place) && !tl_replace_file_noted("beside", "", 0, 0600, false));
    cr_assert_eq(entries(place), 2);
    /* What stands there is no file. */
    cr_assert(!mkdir("taken", 0700) && tl_replace_file_noted("taken", "", 0, 0600, false));
    cr_assert_eq(errno, EISDIR);
    cr_assert_eq(entries(place), 3);
    cr_assert(tl_replace_file_noted("missing/file", "", 0, 0600, false));
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(entries(notes), 0);
    free(path);
}

/* Notes that somebody else wrote are no leave to remove anything. */
Test(staging_note, a_note_removes_nothing_by_itself)
{
    static const char *const texts[] = {"relative", "/", "//", "/nowhere/.site.trapline-", "/tmp/"};
    char *kept = tl_format("%s/.site.trapline-kept", place), *own = tl_format("%s/.site.trapline-", place);
    cr_assert(!mkdir(kept, 0700) && !tl_make_directories(notes, 0700));
    for (size_t i = 0; i <= TL_COUNT(texts); i++) {
        char *note = tl_format("%s/%d-%zu", notes, 2147483646, i);
        cr_assert(!symlink(i < TL_COUNT(texts) ? texts[i] : own, note));
        free(note);
    }
    char *file = tl_format("%s/2147483646-file", notes);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    tl_staging_sweep_noted();
    cr_assert_eq(access(kept, F_OK), 0);
    cr_assert_eq(entries(notes), 1, "what is no link is no note");
    free(file);
    free(kept);
    free(own);
}

Test(staging_note, where_nothing_can_be_noted_it_is_staged_all_the_same)
{
    struct tl_staging s;
    setenv("XDG_STATE_HOME", "/dev/null", 1);
    cr_assert(!tl_staging_begin_noted(&s, place, ".site.trapline-"));
    cr_assert_eq(entries(place), 1);
    tl_staging_end_noted(&s);
    cr_assert_eq(entries(place), 0);
    tl_staging_sweep_noted();
}
