/* Page faults that the children of a fork server are spared. Inside the library for runners.
 *
 * A fork leaves out the page tables of what is mapped from files, so every child would find the same code
 * again, page by page: some two hundred faults for a small model, a tenth of its trial. Here the first child
 * that comes to its end records which pages it had, and the server's later children inherit just those.
 * Nothing else goes from a trial to another, and nothing here can fail one: what the kernel refuses is left
 * as it is. */
#ifndef TL_PREFAULT_H
#define TL_PREFAULT_H

struct tl_prefault;

struct tl_prefault *tl_prefault_new(void); /* by the server; NULL when there is no memory for it */
void tl_prefault_record(struct tl_prefault *prefault); /* by a child, at its end; may be NULL */
/* By the server, before a fork. Once a child has recorded its pages, they are mapped, and *prefault is freed
 * and NULL. */
void tl_prefault_apply(struct tl_prefault **prefault);

#endif
