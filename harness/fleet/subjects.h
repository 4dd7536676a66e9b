/* Names on the server: streams, subjects, and what each role may do with them. Both the server's configuration and the program that
 * holds the connection go by these. */
#ifndef TL_FLEET_SUBJECTS_H
#define TL_FLEET_SUBJECTS_H

#define TL_FLEET_PROTOCOL 1 /* in every job, record and announcement; another one is refused in words */

/* Jobs: a work queue, each is taken by one worker. jobs.kind.KIND.DEVICE.JOB, of the consumer KIND-DEVICE:
 * by its subject it is told whether a job is there still. Those of nights are jobs.night.KIND.DEVICE.JOB, of the consumer night-KIND-DEVICE: all others go before. */
#define TL_FLEET_JOBS "JOBS"
#define TL_FLEET_LOW "night"
/* The same for one machine alone: on.MACHINE.DEVICE.JOB, of the consumer MACHINE, which no other machine may use. */
#define TL_FLEET_ON "ON"
/* Records: results.MACHINE.SUBMITTER.JOB; a worker may publish below its own name only. */
#define TL_FLEET_RESULTS "RESULTS"
/* That a machine is about to run a job: intents.JOB.MACHINE; empty where it has given it back. */
#define TL_FLEET_INTENTS "INTENTS"
/* Files by their content, in parts: files.SHA256.INDEX. */
#define TL_FLEET_FILES "FILES"
#define TL_FLEET_FILES_MOST (INT64_C(4) << 30)           /* bytes of all; the oldest go first */
#define TL_FLEET_FILE_MOST (TL_FLEET_FILES_MOST / 8 * 7) /* of one: parts have names, and there are others */
#define TL_FLEET_PART (512 << 10) /* bytes; the last part may have fewer, and an empty file has one */
/* What each machine last said of itself: machines.MACHINE. */
#define TL_FLEET_MACHINES "MACHINES"
/* What the owner last wanted of each machine: control.MACHINE. */
#define TL_FLEET_CONTROL "CONTROL"

#define TL_FLEET_INBOX                                                                                       \
    "_INBOX_" /* with the name of the key behind it: nobody listens to the answers of others */

/* JetStream's subjects begin so for everybody but the owner (config.c), and with "$JS.API" for that. */
#define TL_FLEET_API "FLEET.API"

#define TL_FLEET_PAYLOAD_MOST (8 << 20) /* bytes of one message */
#define TL_FLEET_RECORD_MOST                                                                                 \
    (4 << 20)                  /* of a record that is one; of what has more the parts are (link/large.c) */
#define TL_FLEET_ACK_WAIT_S 30 /* a job whose worker is silent for so long is given to another */
#define TL_FLEET_DELIVER_MOST                                                                                \
    8 /* so often a job is given out; of those that took two machines with them the third says that they are lost */
#define TL_FLEET_TRIED_MOST 2 /* a trial that took one machine with it is tried on one more */
#define TL_FLEET_RUNNING_MOST                                                                                \
    100000 /* jobs that all machines of a class have at a time; the server's own limit is a thousand */
/* A connection over which nothing came for so many pings is none, and another one is made: of a cable that was pulled nobody is told, and what is
 * sent again waits longer and longer, minutes after it is back. */
#define TL_FLEET_PING_S 10
#define TL_FLEET_PINGS_MOST 2
#define TL_FLEET_HEARTBEAT_S 10 /* between two announcements of a machine */

#endif
