/* One connection to the server, with the key of a file; what is said of calls that failed, and what goes back to trapline. */
#include "harness/fleet/certificate.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/nkey.h"
#include "harness/fleet/subjects.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS 5000
#define RECONNECT_MS 500
#define SOCKET 3
#define SERVERS_MOST 16
#define KNOWS_NOBODY_TURNS 5
#define KNOWS_NOBODY_MS 300

static const char what_[] = "cannot reach the fleet";
static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t heard_lock = PTHREAD_MUTEX_INITIALIZER;
static char heard[256]; /* what the server complained of last: a call that it denies only times out */

void tl_tell(json_t *head, const void *body, size_t size)
{
    struct tl_error e;
    pthread_mutex_lock(&telling);
    bool failed = tl_frame_send(SOCKET, head, body, size);
    if (failed && errno == EMSGSIZE) {
        tl_fail(&e, TL_ERROR_ENVIRONMENT, what_, "", "an answer of the server is larger than any should be");
        failed = tl_frame_send(SOCKET, json_pack("{s:o}", "failed", tl_frame_error(&e)), NULL, 0);
    }
    if (failed)
        _exit(0); /* whoever wanted the connection is gone */
    pthread_mutex_unlock(&telling);
}

void tl_tell_failure(const char *key, json_t *value, const struct tl_error *e)
{
    json_t *head = json_object();
    if (key)
        json_object_set_new(head, key, value);
    json_object_set_new(head, "failed", tl_frame_error(e));
    tl_tell(head, NULL, 0);
}

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *arg)
{
    const char *text = NULL;
    struct tl_connection *c = arg;
    (void)sub;
    if (status == NATS_MISSED_HEARTBEAT)
        c->broken = true;
    if (!nc || natsConnection_GetLastError(nc, &text) == NATS_OK || !text)
        text = text && *text ? text : natsStatus_GetText(status);
    pthread_mutex_lock(&heard_lock);
    snprintf(heard, sizeof heard, "%s", text);
    pthread_mutex_unlock(&heard_lock);
}

int tl_nats_fail(natsStatus status, const char *what, const char *where, struct tl_error *e)
{
    char said[256];
    natsStatus last;
    const char *detail = nats_GetLastError(&last);
    pthread_mutex_lock(&heard_lock);
    memcpy(said, heard, sizeof said);
    pthread_mutex_unlock(&heard_lock);
    bool own = detail && *detail && last == status;
    return tl_fail(e, TL_ERROR_ENVIRONMENT, what, where, "%s%s%s%s%s", natsStatus_GetText(status),
                   own ? ": " : "", own ? detail : "", *said ? "; the server said: " : "", said);
}

bool tl_nats_is_passing(natsStatus s)
{
    return s == NATS_TIMEOUT || s == NATS_CONNECTION_DISCONNECTED || s == NATS_NO_RESPONDERS ||
           s == NATS_IO_ERROR || s == NATS_NO_SERVER || s == NATS_INSUFFICIENT_BUFFER ||
           s == NATS_STALE_CONNECTION;
}

bool tl_jetstream_is_passing(natsStatus s, jsErrCode code)
{
    return tl_nats_is_passing(s) || code == JSClusterNotAvailErr || code == JSClusterNotLeaderErr ||
           code == JSStreamStoreFailedErr || code == JSConsumerStoreFailedErr ||
           code == JSStorageResourcesExceededErr || code == JSNotEnabledErr ||
           code == JSNotEnabledForAccountErr || code == JSInsufficientResourcesErr ||
           code == JSStreamOfflineErr || code == JSConsumerOfflineErr;
}

int tl_ack_wait_s(void)
{
    const char *text = getenv("TRAPLINE_FLEET_ACK_WAIT_S");
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 && n <= 3600 ? (int)n : TL_FLEET_ACK_WAIT_S;
}

bool tl_is_token(const char *text)
{
    size_t n = text ? strlen(text) : 0;
    return n && n <= 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

bool tl_is_relayed(natsMsg *message, int times)
{
    static const char *const put_there[] = {"Nats-Stream", "Nats-Subject", "Nats-Sequence"};
    bool is = false;
    for (size_t i = 0; i < TL_COUNT(put_there); i++) {
        const char **values = NULL;
        int n = 0;
        if (natsMsgHeader_Values(message, put_there[i], &values, &n) == NATS_OK)
            is = is || n > times;
        free(values);
    }
    return is;
}

bool tl_has_headers(natsMsg *message)
{
    const char **keys = NULL;
    int n = 0;
    natsStatus s = natsMsgHeader_Keys(message, &keys, &n);
    free(keys);
    return s == NATS_OK && n > 0;
}

/* What to do next depends on what it failed at. */
static int explain(natsStatus s, const char *detail, const char *url, struct tl_error *e)
{
    detail = detail && *detail ? detail : natsStatus_GetText(s);
    if (strstr(detail, "Authorization") || s == NATS_CONNECTION_AUTH_FAILED)
        return tl_fail(e, TL_ERROR_INPUT, what_, url,
                       "the server does not know this key (%s): it was taken back, or is of another fleet. "
                       "`trapline fleet invite NAME` on the server's machine makes a new one",
                       detail);
    if (strstr(detail, "certificate") || s == NATS_SSL_ERROR)
        return tl_fail(
            e, TL_ERROR_INPUT, what_, url,
            "it is not the server that the key file is for: %s. Look at the address, or take the key "
            "file of this fleet",
            detail);
    return tl_fail(
        e, TL_ERROR_ENVIRONMENT, what_, url,
        "%s. Look whether the server runs (`trapline fleet status` on its machine) and whether its port is "
        "open",
        detail);
}

static void on_reconnected(natsConnection *nc, void *arg)
{
    struct tl_connection *c = arg;
    (void)nc;
    c->broken = true;
}

/* The library looks for the server for as long as it takes, but gives up where that does not want this key any more. */
static void on_closed(natsConnection *nc, void *arg)
{
    struct tl_connection *c = arg;
    const char *text = NULL;
    struct tl_error e;
    natsStatus s = natsConnection_GetLastError(nc, &text);
    explain(s ? s : NATS_CONNECTION_CLOSED, text, c->url, &e);
    tl_tell_failure(NULL, NULL, &e);
    _exit(0);
}

static natsStatus sign(char **error, unsigned char **signature, int *length, const char *nonce, void *arg)
{
    struct tl_connection *c = arg;
    struct tl_error e;
    *signature = malloc(TL_NKEY_SIGNATURE);
    if (!*signature || tl_nkey_sign(c->key.key.seed, nonce, strlen(nonce), *signature, &e)) {
        free(*signature);
        *signature = NULL;
        *error = strdup("the key cannot sign");
        return NATS_ERR;
    }
    *length = TL_NKEY_SIGNATURE;
    return NATS_OK;
}

static natsStatus set_options(struct tl_connection *c)
{
    char *inbox = tl_format("%s%s", TL_FLEET_INBOX, c->key.name);
    natsOptions *o = NULL;
    natsStatus s = natsOptions_Create(&o);
    c->options = o;
    s = s ? s : natsOptions_SetServers(o, (const char **)c->servers, c->n_servers);
    s = s ? s : natsOptions_SetName(o, c->key.name);
    s = s ? s : natsOptions_SetSecure(o, true);
    s = s ? s : natsOptions_SetCATrustedCertificates(o, c->key.authority);
    s = s ? s : natsOptions_SetExpectedHostname(o, TL_FLEET_SERVER_NAME);
    s = s ? s : natsOptions_SetNKey(o, c->key.key.public_key, sign, c);
    s = s ? s : natsOptions_SetCustomInboxPrefix(o, inbox);
    s = s ? s : natsOptions_SetTimeout(o, CONNECT_MS);
    s = s ? s : natsOptions_SetMaxReconnect(o, -1); /* as long as trapline wants it */
    s = s ? s : natsOptions_SetReconnectWait(o, RECONNECT_MS);
    s = s ? s : natsOptions_SetPingInterval(o, TL_FLEET_PING_S * INT64_C(1000));
    s = s ? s : natsOptions_SetMaxPingsOut(o, TL_FLEET_PINGS_MOST);
    s = s ? s : natsOptions_SetErrorHandler(o, on_error, c);
    s = s ? s : natsOptions_SetReconnectedCB(o, on_reconnected, c);
    s = s ? s : natsOptions_SetClosedCB(o, on_closed, c);
    free(inbox);
    return s;
}

/* tls://HOST:PORT[,HOST:PORT…], each of which may have the tls:// as well. */
static int take_url(struct tl_connection *c, const char *url, struct tl_error *e)
{
    static const char tls[] = "tls://";
    char *text = url && !strncmp(url, tls, sizeof tls - 1) && !strchr(url, '@') ? tl_strdup(url) : NULL,
         *save = NULL;
    for (char *at = text ? strtok_r(text, ",", &save) : NULL; at && c->n_servers < SERVERS_MOST;
         at = strtok_r(NULL, ",", &save)) {
        size_t n = strncmp(at, tls, sizeof tls - 1) ? 0 : sizeof tls - 1;
        c->servers = tl_realloc(c->servers, (size_t)c->n_servers + 1, sizeof *c->servers);
        c->servers[c->n_servers++] = tl_format("%s%s", tls, at + n);
    }
    free(text);
    c->url = tl_strdup(url ? url : "");
    return c->n_servers ? 0
                        : tl_fail(e, TL_ERROR_INPUT, what_, url,
                                  "tls://HOST:PORT was expected, as `trapline fleet up` prints it");
}

int tl_connect(struct tl_connection *c, const json_t *wish, struct tl_error *e)
{
    const char *url = json_string_value(json_object_get(wish, "url")),
               *key = json_string_value(json_object_get(wish, "key")),
               *role = json_string_value(json_object_get(wish, "role"));
    if (take_url(c, url, e))
        return -1;
    if (!key || !role)
        return tl_fail(e, TL_ERROR_INPUT, what_, url, "--key FILE was expected");
    if (tl_fleet_key_read(key, &c->key, e))
        return -1;
    if (strcmp(role, tl_fleet_role_name(c->key.role)))
        return tl_fail(e, TL_ERROR_INPUT, "this is another kind of key", key,
                       "it is one of role %s, and %s was expected", tl_fleet_role_name(c->key.role), role);
    natsStatus s = nats_Open(-1);
    s = s ? s : set_options(c);
    if (s)
        return tl_nats_fail(s, what_, url, e);
    /* While it reads a new configuration, as somebody is invited, the server knows nobody for a moment. */
    for (unsigned turn = 0; turn < KNOWS_NOBODY_TURNS; turn++) {
        s = natsConnection_Connect(&c->nats, c->options);
        const char *detail = s ? nats_GetLastError(NULL) : NULL;
        if (!s || !detail || !strstr(detail, "Authorization"))
            break;
        nats_Sleep(KNOWS_NOBODY_MS);
    }
    if (s)
        return explain(s, nats_GetLastError(NULL), url, e);
    jsOptions options;
    jsOptions_Init(&options);
    if (c->key.role != TL_FLEET_ADMIN)
        options.Prefix = TL_FLEET_API;
    s = natsConnection_JetStream(&c->js, c->nats, &options);
    return s ? tl_nats_fail(s, what_, url, e) : 0;
}
