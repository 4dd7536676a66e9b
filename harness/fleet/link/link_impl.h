/* Inside the process that holds the connection: what its files share. Nobody else includes this.
 *
 * main.c reads frames and hands each to the role's file; what NATS tells in threads of its own goes out under one lock. */
#ifndef TL_FLEET_LINK_IMPL_H
#define TL_FLEET_LINK_IMPL_H

#include "harness/base/error.h"
#include "harness/fleet/frame.h"
#include "harness/fleet/key_file.h"

#include <nats/nats.h>
#include <stdatomic.h>
#include <stdint.h>

struct tl_connection {
    struct tl_fleet_key key;
    char *url;
    char **servers; /* each of the URL */
    int n_servers;
    natsOptions *options;
    natsConnection *nats;
    atomic_bool
        broken; /* what the server kept for this connection alone may be gone: it was away, or one of several died */
    jsCtx *js;
};

/* --- connection.c */
int tl_connect(struct tl_connection *c, const json_t *wish, struct tl_error *e);
/* Sends a frame to trapline, from any thread; the reference is taken. Where trapline is gone the process ends. */
void tl_tell(json_t *head, const void *body, size_t size);
void tl_tell_failure(const char *key, json_t *value, const struct tl_error *e); /* key NULL: just "failed" */
/* That a call failed, in words: what NATS and the server said of it. Returns -1. */
int tl_nats_fail(natsStatus status, const char *what, const char *where, struct tl_error *e);
/* Whether it may work later: the server is away, or is choosing a leader. */
bool tl_nats_is_passing(natsStatus status);
/* The same of a question to JetStream, whose own code says it where one of several servers died. */
bool tl_jetstream_is_passing(natsStatus s, jsErrCode code);
/* After so many seconds of silence a job is given to another worker: TL_FLEET_ACK_WAIT_S, or $TRAPLINE_FLEET_ACK_WAIT_S, which has to be the same on
 * all machines. */
int tl_ack_wait_s(void);
/* One part of a subject, which others may have written: letters, digits, '-' and '_', at most 64. */
bool tl_is_token(const char *text);
/* Whether a message is an answer of the server's that somebody has had sent to its subject: whoever asks names the subject of the answer, and it
 * need be none that he may publish on. What was read out of a stream so often has that many headers of the server's; times: how often it
 * was rightly, once where it was read with js_DirectGetMsg. */
bool tl_is_relayed(natsMsg *message, int times);
/* Records, announcements and intents are published without any headers, and jobs with an id: a job that is a record is none. */
bool tl_has_headers(natsMsg *message);

/* --- machines.c */
/* What all machines last said of themselves, [{"machine", "announcement": TEXT, "at_us"}, …]; NULL with *e. */
json_t *tl_machines(struct tl_connection *c, struct tl_error *e);

/* --- intents.c */
/* Calls seen for the last word of each machine on a job; empty: it has given it back. The message is lent. -1: the server cannot be asked. */
typedef void (*tl_intent_seen)(void *arg, natsMsg *message);
int tl_intents_each(struct tl_connection *c, const char *job, tl_intent_seen seen, void *arg);
/* Machines that were about to run a job and have not given it back, ["NAME", …]. NULL: the server cannot be asked. */
json_t *tl_intents(struct tl_connection *c, const char *job);

/* --- control.c */
/* Of the owner: tells a machine what is wanted of it; it is answered. */
void tl_control_put(struct tl_connection *c, const json_t *wish);
/* Of a machine: trapline is told what is wanted of it, once as soon as that is known, and at each change. */
void tl_control_begin(struct tl_connection *c);
void tl_control_turn(struct tl_connection *c);

/* --- patience.c */
/* Something that is passing failed, and is going to be tried again; for the main thread. When that takes long trapline is told. */
void tl_patience(natsStatus s, jsErrCode code, const char *what);
void tl_patience_end(void); /* it worked */

/* --- low.c */
struct tl_low;
struct tl_low *tl_low_new(struct tl_connection *c, const char *kind,
                          const char *device); /* as long as the process */
/* From which queue the next job is to come: first (NULL: it is not there), or that of nights. */
natsSubscription *tl_low_choose(struct tl_low *l, natsSubscription *first);
void tl_low_forget(struct tl_low *l); /* asking it failed: it is looked for anew */

/* --- queues.c */
/* What waits in each queue of jobs: [{"queue", "subject", "waiting", "running"}, …]; NULL with *e. */
json_t *tl_queues(struct tl_connection *c, struct tl_error *e);

/* --- owner.c: what is asked for instead of a connection */
void tl_owner_frame(const json_t *wish);
/* Becomes the server of a directory. Returns the exit status, having said on stderr why it cannot. */
int tl_owner_serve(const char *directory);

/* --- files.c */
/* Brings a file to the server, unless it has been there for less than a week; or fetches one to a path where nothing is, which is whole or not there.
 * Both wait for a server that is away. One fetch of a path at a time. -1 with *e. *here: it is this machine that cannot keep it. */
int tl_file_put(struct tl_connection *c, const char *sha256, const char *path, int64_t size,
                struct tl_error *e);
int tl_file_get(struct tl_connection *c, const char *sha256, const char *path, int64_t size, bool *here,
                struct tl_error *e);

/* --- recorded.c */
/* A message of a record has come, which is there in the stream; the number that it has here from now on. From any thread. */
uint64_t tl_recorded_number(uint64_t sequence);
void tl_recorded_until(
    uint64_t number);          /* who asked has these for good: they are deleted when there is a turn */
void tl_recorded_forget(void); /* the server may be another one: what is where, is not known any more */
void tl_recorded_turn(struct tl_connection *c);
void tl_recorded_end(struct tl_connection *c); /* the last turn */

/* --- under_way.c */
/* Whether a job whose message was read from its stream waits to be given out, or is in somebody's hands. In doubt it is. */
bool tl_job_is_under_way(struct tl_connection *c, const char *stream, const char *consumer, const char *job,
                         natsMsg *message);

/* --- large.c */
/* From how many bytes on a record goes in parts: TL_FLEET_RECORD_MOST, or $TRAPLINE_FLEET_MESSAGE_BYTES where that is less. */
size_t tl_large_most(void);
/* Publishes a record in parts; *pointer, the caller's, is the record that says where they are. */
natsStatus tl_large_put(struct tl_connection *c, const char *job, const char *body, size_t size,
                        char **pointer);
/* What a record of a machine says where it is; the caller's, of *whole bytes. NULL: it says nothing of that, or it is not there, or another one. */
char *tl_large_get(struct tl_connection *c, const char *machine, const char *data, size_t size,
                   size_t *whole);

/* Frames of each role. An unknown one is no failure: trapline and this program are of one build. */
void tl_admin_frame(struct tl_connection *c, const struct tl_frame_in *f);  /* admin.c */
void tl_submit_frame(struct tl_connection *c, const struct tl_frame_in *f); /* submit.c */
void tl_submit_turn(struct tl_connection *c);
void tl_submit_end(struct tl_connection *c);                              /* trapline is gone */
void tl_work_frame(struct tl_connection *c, const struct tl_frame_in *f); /* work.c */
void tl_work_turn(struct tl_connection *c);                               /* at least every 200 ms */

#endif
