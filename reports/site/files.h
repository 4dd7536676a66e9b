/* Files of a site. */
#ifndef TL_SITE_FILES_H
#define TL_SITE_FILES_H

#include "reports/site/impl.h"

/* Writes a whole file of the site. */
int tl_site_put(struct tl_site *w, const char *name, const char *data, size_t size, struct tl_error *e);
/* Writes data/KIND-NUMBER.js, a script that hands an object of lists to the pages: the members, by their
 * letters. */
struct tl_site_member {
    char letter;
    const struct tl_buffer *list; /* what stands between the brackets */
};
int tl_site_put_data(struct tl_site *w, const char *kind, size_t number, const struct tl_site_member *members,
                     size_t n, struct tl_error *e);
/* Adds the beginning of a new data file to the list. */
void tl_site_file(struct tl_site_files *f, const char *first);
/* Tells what is being done and how far it is (total 0: unknown); -1 with *e when it is to stop. */
int tl_site_tell(const struct tl_site *w, const char *doing, uint64_t done, uint64_t total,
                 struct tl_error *e);

#endif
