/* Which pages of programs and libraries the children of a fork server want. Inside the library for runners.
 *
 * A fork leaves out the page tables of what is mapped from files, so every child would find the same code
 * again, page by page: some two hundred faults for a small model, a tenth of its trial. Here the first child
 * that comes to its end tells which pages it had, and the server's later children inherit just those. Nothing
 * else goes from a trial to another, and nothing here can fail one: what the kernel refuses is left as it is.
 */
#ifndef TL_PAGES_H
#define TL_PAGES_H

struct tl_pages;

struct tl_pages *tl_pages_new(void);        /* by the server; NULL when there is no memory for it */
void tl_pages_tell(struct tl_pages *pages); /* by a child, at its end; may be NULL */
/* By the server, before a fork. Once a child has told, its pages are mapped, and *pages is freed and NULL. */
void tl_pages_heed(struct tl_pages **pages);

#endif
