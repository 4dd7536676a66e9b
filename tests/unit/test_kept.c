/* Directories of the cache: what a run that was killed was making goes, and what is not whole gives way. */
#include "harness/executor/kept.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char cache[] = "/tmp/kept-XXXXXX";

static void begin(void)
{
    cr_assert(mkdtemp(cache));
}

static void end(void)
{
    cr_expect(!tl_remove_tree(cache));
}

static char *at(const char *name)
{
    return tl_format("%s/%s", cache, name);
}

static void make(const char *directory, const char *text)
{
    char *file = tl_format("%s/model", directory);
    cr_assert(!tl_make_directories(directory, 0700));
    cr_assert(!tl_write_new_file(file, text, strlen(text), 0600, false));
    free(file);
}

Test(kept, what_was_being_made_a_day_ago_goes, .init = begin, .fini = end)
{
    char *place = at("place"), *first = tl_kept_making(place), *second = tl_kept_making(place),
         *other = at("something");
    const struct timespec old[2] = {{time(NULL) - 90000, 0}, {time(NULL) - 90000, 0}};
    cr_assert_str_neq(first, second);
    make(first, "a");
    make(second, "b");
    make(other, "c");
    cr_assert(!utimensat(AT_FDCWD, first, old, 0) && !utimensat(AT_FDCWD, other, old, 0));
    char *third = tl_kept_making(place);
    cr_expect(access(first, F_OK), "it is abandoned");
    cr_expect(!access(second, F_OK), "somebody may still be at it");
    cr_expect(!access(other, F_OK), "it is none of those");
    free(place);
    free(first);
    free(second);
    free(third);
    free(other);
}

Test(kept, what_is_not_whole_gives_way, .init = begin, .fini = end)
{
    char *place = at("place"), *making = tl_kept_making(place), *file = tl_format("%s/model", place);
    make(making, "right");
    cr_assert(!tl_kept_put(making, place));
    cr_expect(tl_kept_is_whole(place, NULL));
    cr_assert(!truncate(file, 0));
    cr_expect(!tl_kept_is_whole(place, NULL));
    make(making, "right");
    cr_assert(!tl_kept_put(making, place));
    cr_expect(tl_kept_is_whole(place, NULL));
    size_t size;
    char *text = tl_read_file(file, 100, &size);
    cr_expect(text && size == 5 && !memcmp(text, "right", 5));
    make(making, "other");
    cr_assert(!tl_kept_put(making, place), "what is there and whole stays");
    cr_expect(access(making, F_OK));
    free(text);
    free(file);
    free(making);
    free(place);
}
