/* Directories in which something is put together, out of sight, before one rename gives it its place; and
 * those that are there only while a process is at work.
 *
 * Such a directory is named after its process, PREFIX, the process's number, '-' and six letters, and is
 * locked (flock, on itself) for as long as it is used. What a killed process left behind is removed by the
 * next one that begins a directory of that prefix beside it: one whose lock is free, and whose process is
 * gone. The lock tells of processes in other pid namespaces, whose numbers mean nothing here. A number may
 * also have come to be another process's, so that after a minute the free lock alone is enough; until then a
 * directory may not have been locked yet. */
#ifndef TL_STAGING_H
#define TL_STAGING_H

struct tl_staging {
    char *path; /* NULL: there is none */
    int lock;
    char *left; /* what could not be removed of those that killed processes left, in words; NULL: nothing */
    char *note; /* of staging_note.h; NULL */
};

/* Removes what killed processes left behind, without making one. NULL, or what could not be removed, in words; the caller's. */
char *tl_staging_sweep(const char *directory, const char *prefix);
/* Makes one in a directory that is there, only for this user. -1 with errno. */
int tl_staging_begin(struct tl_staging *s, const char *directory, const char *prefix);
/* Lets it take the place of a directory that is not empty, which others see whole or not at all where the file system can
 * exchange them; elsewhere there is none between two renames. All that is in it is on the disk before. -1 with errno: all is as
 * it was. */
int tl_staging_replace(struct tl_staging *s, const char *path);
/* Removes such a directory, of which nobody makes use any more, with what somebody mounted in it. -1 with errno. */
int tl_staging_remove(const char *path);
/* That a directory cannot be removed for a reason (errno), and what becomes of it. A new string. */
char *tl_staging_left_text(const char *path, int why);
/* Removes what is left of it, which is nothing when it was renamed. */
void tl_staging_end(struct tl_staging *s);

#endif
