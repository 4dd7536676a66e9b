/* Whose a directory is: the system's, a package manager's, or somebody's own; and the links on the way of a path. */
#ifndef TL_PLACES_H
#define TL_PLACES_H

#include <stdbool.h>

/* Whether a path is in what an operating system fills: /usr, /bin, /System and their like. */
bool tl_place_is_of_system(const char *path);
/* Whether a directory holds things of all kinds, as a system, a home or /tmp does. */
bool tl_place_is_broad(const char *directory);
/* Whether a program was put where it is by a package manager: conda, Homebrew, pipx, cargo and their like. */
bool tl_place_is_of_packages(const char *program);

/* Is told each link on the way of a path: where it stands, without a link above it, and the real path behind it. */
typedef void (*tl_link_found)(void *arg, const char *link, const char *real);
void tl_follow_links(const char *path, tl_link_found found, void *arg);
/* A path with only its last part as it is: a link there stays one. The caller's; NULL where its directory is not there. */
char *tl_real_directory(const char *path);

#endif
