/* The limit of the disk, which nothing holds but looking. */
#ifndef TL_DISK_WATCH_H
#define TL_DISK_WATCH_H

struct tl_trial;

/* Kills a trial whose scratch directory has grown beyond its limit: what is below it, and what was removed from there and takes
 * room for as long as it is open. */
void tl_disk_watch(struct tl_trial *t);

#endif
