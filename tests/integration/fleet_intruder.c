/* Somebody in a fleet who has a key and does with it whatever he likes: calls that trapline never makes. Each is one run of this program, with
 * what is sent on stdin; what came of it is one line on stdout, and "denied: …" where the server refused it.
 *
 *   fleet_intruder URL KEY store SUBJECT         publishes into a stream: "stored" or "nobody"
 *   fleet_intruder URL KEY send SUBJECT REPLY    publishes, and has whatever answers that answer to a subject of his choice: "sent"
 *   fleet_intruder URL KEY ask SUBJECT           asks, and prints the answer: "answer: …" or "nobody"
 *   fleet_intruder URL KEY hear SUBJECT          listens to a subject for half a second: "heard N"
 *   fleet_intruder URL KEY take CONSUMER [ack]   takes a job, and prints what it is: "took: …" or "nobody"; ack: it is done with
 */
#include "harness/base/buffer.h"
#include "harness/fleet/certificate.h"
#include "harness/fleet/key_file.h"
#include "harness/fleet/subjects.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MOST (8u << 20)
#define LISTENS_MS 500
#define ANSWER_MS 1500
#define SAYS_SO_MS 40 /* until what the server complained of is told in a thread of the library */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char denied[512];

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *arg)
{
    const char *text = NULL;
    (void)sub;
    (void)arg;
    natsConnection_GetLastError(nc, &text);
    pthread_mutex_lock(&lock);
    snprintf(denied, sizeof denied, "%s", text && *text ? text : natsStatus_GetText(status));
    pthread_mutex_unlock(&lock);
}

static natsStatus sign(char **error, unsigned char **signature, int *length, const char *nonce, void *arg)
{
    const struct tl_fleet_key *key = arg;
    struct tl_error e;
    *signature = malloc(TL_NKEY_SIGNATURE);
    if (!*signature || tl_nkey_sign(key->key.seed, nonce, strlen(nonce), *signature, &e)) {
        *error = strdup("the key cannot sign");
        return NATS_ERR;
    }
    *length = TL_NKEY_SIGNATURE;
    return NATS_OK;
}

static void fail(const char *what, natsStatus s)
{
    const char *detail = nats_GetLastError(NULL);
    fprintf(stderr, "fleet_intruder: %s: %s%s%s\n", what, natsStatus_GetText(s), detail ? ": " : "",
            detail ? detail : "");
    exit(2);
}

static natsConnection *come_in(const char *url, struct tl_fleet_key *key)
{
    natsOptions *o = NULL;
    natsConnection *nc = NULL;
    char *inbox = tl_format("%s%s", TL_FLEET_INBOX, key->name);
    natsStatus s = natsOptions_Create(&o);
    s = s ? s : natsOptions_SetURL(o, url);
    s = s ? s : natsOptions_SetSecure(o, true);
    s = s ? s : natsOptions_SetCATrustedCertificates(o, key->authority);
    s = s ? s : natsOptions_SetExpectedHostname(o, TL_FLEET_SERVER_NAME);
    s = s ? s : natsOptions_SetNKey(o, key->key.public_key, sign, key);
    s = s ? s : natsOptions_SetCustomInboxPrefix(o, inbox);
    s = s ? s : natsOptions_SetErrorHandler(o, on_error, NULL);
    /* A server that has only just been started, or reads a new configuration, may know nobody. */
    for (unsigned turn = 0; !s && !nc && turn < 10; turn++)
        if (natsConnection_Connect(&nc, o))
            nats_Sleep(200);
    if (!s && !nc)
        s = natsConnection_Connect(&nc, o);
    free(inbox);
    if (s)
        fail("it does not come in", s);
    return nc;
}

/* What the server thinks of what was sent comes behind it. */
static bool was_denied(natsConnection *nc)
{
    natsConnection_Flush(nc);
    nats_Sleep(SAYS_SO_MS);
    pthread_mutex_lock(&lock);
    bool yes = denied[0];
    if (yes)
        printf("denied: %s\n", denied);
    pthread_mutex_unlock(&lock);
    return yes;
}

/* The answer; NULL: it was denied, which is said, or nobody has answered. */
static natsMsg *answer_to(natsConnection *nc, const char *name, const char *subject, const char *body,
                          size_t size, bool *was)
{
    char *inbox = tl_format("%s%s.answer", TL_FLEET_INBOX, name);
    natsSubscription *sub = NULL;
    natsMsg *answer = NULL;
    natsStatus s = natsConnection_SubscribeSync(&sub, nc, inbox);
    s = s ? s : natsConnection_PublishRequest(nc, subject, inbox, body, (int)size);
    *was = was_denied(nc);
    if (!s && !*was && natsSubscription_NextMsg(&answer, sub, ANSWER_MS))
        *was = was_denied(nc); /* a machine that is busy tells it later */
    natsSubscription_Destroy(sub);
    free(inbox);
    return answer;
}

static void ask(natsConnection *nc, const char *name, const char *subject, const char *body, size_t size)
{
    bool was;
    natsMsg *answer = answer_to(nc, name, subject, body, size, &was);
    if (answer)
        printf("answer: %.*s\n", natsMsg_GetDataLength(answer), natsMsg_GetData(answer));
    else if (!was)
        puts("nobody");
    natsMsg_Destroy(answer);
}

static void store(natsConnection *nc, const char *name, const char *subject, const char *body, size_t size)
{
    bool was;
    natsMsg *answer = answer_to(nc, name, subject, body, size, &was);
    const char *said = answer ? natsMsg_GetData(answer) : "";
    if (!was)
        puts(strstr(said, "\"seq\"") && !strstr(said, "\"error\"") ? "stored" : "nobody");
    natsMsg_Destroy(answer);
}

static void hear(natsConnection *nc, const char *subject)
{
    natsSubscription *sub = NULL;
    natsMsg *message = NULL;
    unsigned n = 0;
    natsStatus s = natsConnection_SubscribeSync(&sub, nc, subject);
    while (!s && !natsSubscription_NextMsg(&message, sub, LISTENS_MS)) {
        natsMsg_Destroy(message);
        n++;
    }
    if (!was_denied(nc))
        printf("heard %u\n", n);
    natsSubscription_Destroy(sub);
}

static void take(natsConnection *nc, const char *consumer, bool ack)
{
    char *subject = tl_format(TL_FLEET_API ".CONSUMER.MSG.NEXT.%s.%s", TL_FLEET_JOBS, consumer);
    natsMsg *job = NULL;
    natsStatus s = natsConnection_RequestString(&job, nc, subject, "1", ANSWER_MS);
    if (!was_denied(nc)) {
        if (s)
            puts("nobody");
        else
            printf("took: %.*s\n", natsMsg_GetDataLength(job), natsMsg_GetData(job));
    }
    if (!s && ack && natsMsg_GetReply(job))
        natsConnection_PublishString(nc, natsMsg_GetReply(job), "+ACK");
    natsConnection_Flush(nc);
    natsMsg_Destroy(job);
    free(subject);
}

int main(int argc, char **argv)
{
    struct tl_fleet_key key;
    struct tl_error e;
    if (argc < 5 || tl_fleet_key_read(argv[2], &key, &e)) {
        fprintf(stderr, "fleet_intruder URL KEY store|send|ask|hear|take SUBJECT …%s%s\n",
                argc < 5 ? "" : ": ", argc < 5 ? "" : e.why);
        return 2;
    }
    char *body = tl_malloc(BODY_MOST);
    bool takes = !strcmp(argv[3], "take") || !strcmp(argv[3], "hear");
    size_t size = takes ? 0 : fread(body, 1, BODY_MOST, stdin);
    natsConnection *nc = come_in(argv[1], &key);
    if (!strcmp(argv[3], "store")) {
        store(nc, key.name, argv[4], body, size);
    } else if (!strcmp(argv[3], "send") && argc > 5) {
        natsConnection_PublishRequest(nc, argv[4], argv[5], body, (int)size);
        if (!was_denied(nc))
            puts("sent");
    } else if (!strcmp(argv[3], "ask")) {
        ask(nc, key.name, argv[4], body, size);
    } else if (!strcmp(argv[3], "hear")) {
        hear(nc, argv[4]);
    } else if (!strcmp(argv[3], "take")) {
        take(nc, argv[4], argc > 5 && !strcmp(argv[5], "ack"));
    }
    natsConnection_Destroy(nc);
    tl_fleet_key_free(&key);
    free(body);
    return 0;
}
