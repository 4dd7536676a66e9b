/* By /proc/self/mountinfo, which lists mounts in the order in which they were made: one lies on what was there before it. Its fifth
 * word is the place, with blanks, ends of lines and backslashes in octal. */
#include "harness/base/unmount.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#define LIST_MOST (16u << 20)

/* In place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned code;
        int n = 0;
        if (*from == '\\' && sscanf(from + 1, "%3o%n", &code, &n) == 1 && n == 3) {
            *to = (char)code;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* The place that a line tells, in it; NULL. */
static char *place_of(char *line)
{
    char *rest = NULL, *word = strtok_r(line, " ", &rest);
    for (int i = 0; i < 4 && word; i++)
        word = strtok_r(NULL, " ", &rest);
    if (word)
        unescape(word);
    return word;
}

bool tl_unmount_below(const char *directory)
{
    char *list = tl_read_file("/proc/self/mountinfo", LIST_MOST, NULL),
         *end = list ? list + strlen(list) : NULL;
    size_t n = strlen(directory);
    bool gone = false;
    while (end && end > list) {
        char *line = end - 1;
        *line = '\0'; /* of the line that ends here */
        while (line > list && line[-1] != '\n')
            line--;
        end = line;
        const char *place = place_of(line);
        if (place && !strncmp(place, directory, n) && place[n] == '/')
            gone = !umount2(place, MNT_DETACH | UMOUNT_NOFOLLOW) || gone;
    }
    free(list);
    return gone;
}
