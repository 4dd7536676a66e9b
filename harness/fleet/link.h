/* The connection to a fleet, held by a process of its own (harness/fleet/link/), which is told what to do in frames.
 *
 * Theory of operation. The library of NATS works in threads, and waits in its calls for a server that may be gone for an hour. Who runs
 * trials traces from one thread, forks, and must never wait like that. So trapline never has that library in itself: the program
 * trapline-fleet-link has it, which a build without the library lacks. It is no child of who opened it (a supervisor takes all of its
 * children for those of trials), leaves the terminal's signals to trapline, and ends when its socket does.
 *
 * That program also makes keys, certificates and the server's files, and starts and stops the server: trapline itself never holds a key.
 * {"server": {"do": "up"|"make"|"down"|"invite"|"revoke"|"look", "directory", "listen", "name"}} is answered by {"done": {"url", "runs", "key":
 * PATH, "submit_key", "admin_key"}} or {"failed": ERROR}, and nothing else follows. Called with the words serve DIRECTORY it becomes that server.
 *
 * Otherwise the first frame is {"open": {"url", "key": PATH, "role"}}, answered by {"ready": NAME} or {"failed": ERROR}. After
 * that, by role:
 *
 *   admin    {"setup": {"replicas"}}            {"done": 1} or {"failed": ERROR}
 *            {"control": {"machine", "want": "well"|"held"|"drained", "why"}}  {"done": 1} or {"failed": ERROR}: it is told so
 *            {"status": 1}                      {"status": {"waiting", "machines": [{"machine", "announcement", "at_us", "silent_us"}, …],
 *                                               "queues": [{"queue", "subject", "waiting", "running"}, …]}}
 *   submit   {"listen": SUBMITTER, "since_us", "low"}  records for that database are wanted from now on; low: its jobs are those of a night
 *            {"machines": 1}                    {"machines": [{"machine", "announcement", "at_us"}, …]}
 *            {"file": SHA256, "path", "size"}   nothing, or {"failed": ERROR}: the server has it before any job that follows
 *            {"job": ID, "kind", "device", "machine", "trial"}
 *                                               {"accepted": ID, "known": BOOL} or {"refused": ID, "failed": ERROR}; the bytes are the job's. With "again" a
 *                                               message of it that is there is none any more. machine, here and below: that alone may run it
 *            {"look": ID, "kind", "device", "machine"}
 *                                               {"looked": ID, "there": BOOL}: whether the job is on the server still, and somebody runs it or will
 *            {"withdraw": ID, "kind", "device", "machine"}
 *                                               {"withdrawn": ID, "begun": BOOL}: it is not to be run; begun: somebody does, and his record is going to
 *                                               come. Nothing where the server cannot tell
 *            {"recorded": N}                    nothing: records with this number and those before it are in the database for good
 *            at any time                        {"record": ID, "machine": NAME, "number": N}; the bytes are the record; {"caught_up": 1} when all have come that
 *                                               were there since since_us
 *            at any time, also to a worker      {"waiting": ERROR}: the server has not taken something for a while; it is tried until it does
 *   worker   {"announce": 1}                    the bytes are published now and every ten seconds from then on
 *            {"serve": [{"kind", "device"}, …]} what is taken from now on; and
 *            {"open": N}                        so many jobs at a time from now on, and
 *            {"free": N}                        so many jobs more
 *            at any time                        {"job": 1, "token": N, "before": [NAME, …], "delivered": N, "last": BOOL}; the bytes are the job's. before: machines that
 *                                               were about to run it, and have not answered. last: nobody else is going to try it
 *            {"close": 1}                       nothing is taken any more, until {"open"}; what was on its way may come still
 *            at any time after "serve"          {"control": "well"|"held"|"drained", "why"}: what the owner wants of this machine
 *            {"record": ID, "token", "submitter"}  {"stored": TOKEN}: the server has the record, whose bytes these are, and the job is done
 *            {"get": SHA256, "path", "size"}    {"got": SHA256}: the file is there; or with "failed", and "here" where this machine cannot keep it
 *            {"give_back": TOKEN}               somebody else is to have it; with "free_ms" its place is free again after that. With "begun" it was tried
 *                                               here before, and is given out after a while only
 *            {"drop": TOKEN}                    nobody is: it is no job, and nobody can be told */
#ifndef TL_FLEET_LINK_H
#define TL_FLEET_LINK_H

#include "harness/base/error.h"
#include "harness/fleet/frame.h"
#include "harness/fleet/role.h"

struct tl_fleet_link;

struct tl_fleet_link_wish {
    const char *url;      /* tls://HOST:PORT */
    const char *key_path; /* of a key file */
    enum tl_fleet_role role;
};

/* Starts the process and waits until it is connected; before a supervisor is made. -1 with *e, which says what to install where this
 * build has no such program. */
int tl_fleet_link_open(const struct tl_fleet_link_wish *wish, struct tl_fleet_link **link,
                       struct tl_error *e);
/* Has it do something about the server of a fleet: "up", "make" (its files alone), "down", "invite", "revoke", "look"; listen and name may be NULL. What it came to is
 * the caller's in *done. */
int tl_fleet_link_server(const char *what, const char *directory, const char *listen, const char *name,
                         json_t **done, struct tl_error *e);
/* Sends a frame; the reference is taken. What the process does not read now, since it waits for the server, is kept, and goes when something
 * is sent or asked for the next time: nobody waits here. -1: the process has ended. */
int tl_fleet_link_send(struct tl_fleet_link *link, json_t *head, const void *body, size_t size,
                       struct tl_error *e);
/* The next frame, as tl_frame_next; -1 with *e. */
int tl_fleet_link_next(struct tl_fleet_link *link, int wait_ms, struct tl_frame_in *f, struct tl_error *e);
/* Waits for the next frame that has this key, where nothing else can come, or that says "failed": -1 with *e then. At most wait_ms. */
int tl_fleet_link_answer(struct tl_fleet_link *link, const char *key, int wait_ms, struct tl_frame_in *f,
                         struct tl_error *e);
/* Whether something that was sent has not gone yet: tl_fleet_link_next is to be called when the descriptor can be written. */
bool tl_fleet_link_is_behind(const struct tl_fleet_link *link);
/* Readable when there may be a frame. */
int tl_fleet_link_fd(const struct tl_fleet_link *link);
void tl_fleet_link_close(struct tl_fleet_link *link); /* NULL is fine */

#endif
