#include "harness/fleet/server.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/plural.h"
#include "harness/base/program.h"
#include "harness/fleet/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define FILE_MOST (4u << 20)
#define STOP_S 10
#define READ_S 5             /* until it has read its configuration */
#define SAID_MOST (64 << 10) /* of its log, meanwhile */
#define LOCK_FD 3            /* of nats-server, which knows nothing of it */

static const char what_[] = "cannot make a fleet";
static const char programs[] = "/usr/local/sbin:/usr/sbin:/opt/homebrew/bin:/usr/local/bin";

char *tl_fleet_server_path(const struct tl_fleet_server *s, const char *below)
{
    return tl_format("%s/%s", s->directory, below);
}

char *tl_fleet_server_url(const struct tl_fleet_server *s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_t *one;
    size_t i;
    json_array_foreach(s->servers, i, one)
        tl_buffer_printf(&b, "%s%s", i ? "," : "tls://", json_string_value(one));
    return tl_buffer_take(&b);
}

static int write_file(const struct tl_fleet_server *s, const char *name, const char *text, mode_t mode,
                      struct tl_error *e)
{
    char *path = tl_fleet_server_path(s, name);
    int result = tl_keep_file(path, text, strlen(text), mode, true);
    if (result)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, path, NULL);
    free(path);
    return result;
}

int tl_fleet_server_save(const struct tl_fleet_server *s, struct tl_error *e)
{
    json_t *document =
        json_pack("{s:i,s:s,s:O}", "trapline_fleet", 1, "listen", s->listen, "members", s->members);
    if (document && json_array_size(s->servers) > 1) {
        json_object_set(document, "servers", s->servers);
        json_object_set_new(document, "number", json_integer((json_int_t)s->number));
    }
    char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL, *config = tl_fleet_server_config(s);
    json_decref(document);
    int result =
        text ? write_file(s, "fleet.json", text, 0600, e) || write_file(s, "nats.conf", config, 0600, e) ? -1
                                                                                                         : 0
             : tl_fail(e, TL_ERROR_INPUT, what_, s->listen, "the address is no text");
    free(text);
    free(config);
    return result;
}

static bool is_member(const char *name, const json_t *member)
{
    const char *key = json_string_value(json_object_get(member, "key")),
               *role = json_string_value(json_object_get(member, "role"));
    return role && tl_fleet_role_parse(role) >= 0 && key && tl_nkey_is_public(key) &&
           !tl_fleet_check_name(name, NULL);
}

/* A fleet of one does not say them. */
static int take_servers(struct tl_fleet_server *s, const json_t *document, const char *path,
                        struct tl_error *e)
{
    const json_t *servers = json_object_get(document, "servers"), *one;
    json_int_t number = json_integer_value(json_object_get(document, "number"));
    size_t i, n = json_array_size(servers);
    bool good = !servers || (n > 1 && n <= TL_FLEET_SERVERS_MOST && number >= 0 && (size_t)number < n);
    json_array_foreach(servers, i, one) {
        char *host = json_is_string(one) ? tl_fleet_host_of(json_string_value(one)) : NULL;
        good = good && host;
        free(host);
    }
    if (!good)
        return tl_fail(e, TL_ERROR_INPUT, "cannot read a fleet", path, "its servers make no sense");
    s->servers = servers ? json_deep_copy(servers) : json_pack("[O]", json_object_get(document, "listen"));
    s->number = (size_t)number;
    return 0;
}

/* 1: there is none yet. */
static int load(struct tl_fleet_server *s, struct tl_error *e)
{
    char *path = tl_fleet_server_path(s, "fleet.json");
    size_t size = 0;
    char *text = tl_read_file(path, FILE_MOST, &size);
    int result = 0;
    if (!text && errno == ENOENT) {
        free(path);
        return 1;
    }
    json_t *document = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL, *member;
    const char *listen = json_string_value(json_object_get(document, "listen")), *name;
    char *host = listen ? tl_fleet_host_of(listen) : NULL;
    json_t *members = json_object_get(document, "members");
    if (!text)
        result = tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read a fleet", path, NULL);
    else if (json_integer_value(json_object_get(document, "trapline_fleet")) != 1 || !host ||
             !json_is_object(members))
        result = tl_fail(e, TL_ERROR_INPUT, "cannot read a fleet", path,
                         "it is none of this version; name the directory of `trapline fleet up` with --dir");
    json_object_foreach(members, name, member)
        if (!result && !is_member(name, member))
            result = tl_fail(e, TL_ERROR_INPUT, "cannot read a fleet", path, "%.64s is no member", name);
    if (!result)
        result = take_servers(s, document, path, e);
    if (!result) {
        s->listen = tl_strdup(listen);
        s->members = json_incref(members);
    }
    json_decref(document);
    free(host);
    free(text);
    free(path);
    return result;
}

/* A key file for a new member. */
static int add_member(struct tl_fleet_server *s, const char *name, enum tl_fleet_role role, char **path,
                      struct tl_error *e)
{
    struct tl_fleet_key k = {.role = role};
    char *authority = tl_fleet_server_path(s, "authority.pem");
    snprintf(k.name, sizeof k.name, "%s", name);
    k.authority = tl_read_file(authority, FILE_MOST, NULL);
    *path = tl_format("%s/keys/%s.key", s->directory, name);
    int result = k.authority ? tl_nkey_new(&k.key, e)
                             : tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, authority, NULL);
    /* A file of one that was revoked, or that was not saved below, is of no use to anybody. */
    if (!result && (unlink(*path) == 0 || errno == ENOENT))
        result = tl_fleet_key_write(*path, &k, e);
    if (!result)
        json_object_set_new(
            s->members, name,
            json_pack("{s:s,s:s}", "role", tl_fleet_role_name(role), "key", k.key.public_key));
    tl_fleet_key_free(&k);
    free(authority);
    return result;
}

static int make_certificates(const struct tl_fleet_server *s, const char *host, struct tl_error *e)
{
    char *authority = tl_fleet_server_path(s, "authority.pem"),
         *authority_key = tl_fleet_server_path(s, "authority.key"),
         *certificate = tl_fleet_server_path(s, "server.pem"), *key = tl_fleet_server_path(s, "server.key");
    int result = tl_fleet_authority(authority, authority_key, e);
    if (!result && (!tl_fleet_is_certified(authority, host, certificate) || access(key, F_OK)))
        result = tl_fleet_certify(authority, authority_key, host, certificate, key, e);
    free(authority);
    free(authority_key);
    free(certificate);
    free(key);
    return result;
}

static int not_here(const struct tl_fleet_server *s, struct tl_error *e)
{
    return tl_fail(e, TL_ERROR_INPUT, "this cannot be done here", s->directory,
                   "it is server %zu of its fleet: keys and addresses are made where `trapline fleet up "
                   "--listen` was typed, and "
                   "its directory is brought here then",
                   s->number + 1);
}

static int take_addresses(struct tl_fleet_server *s, const char *listen, struct tl_error *e)
{
    json_t *servers;
    if (tl_fleet_servers_parse(listen, &servers, e))
        return -1;
    size_t n = json_array_size(servers), was = json_array_size(s->servers);
    if (was && n != was) {
        json_decref(servers);
        return tl_fail(
            e, TL_ERROR_INPUT, what_, listen,
            "it has %zu server%s, and what waits in %s would be lost: make another fleet with --dir, or name "
            "as many addresses",
            was, tl_plural(was), was == 1 ? "it" : "them");
    }
    json_decref(s->servers);
    s->servers = servers;
    free(s->listen);
    s->listen = tl_strdup(json_string_value(json_array_get(servers, 0)));
    return 0;
}

static int make(struct tl_fleet_server *s, const char *listen, struct tl_error *e)
{
    char *keys = tl_fleet_server_path(s, "keys"), *host = NULL, *path = NULL;
    int result = 0;
    if (tl_make_directories(keys, 0700))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, keys, NULL);
    free(keys);
    result = result ? -1 : load(s, e);
    if (result < 0)
        return -1;
    if (!s->listen && !listen)
        return tl_fail(e, TL_ERROR_INPUT, what_, s->directory,
                       "there is none yet: --listen HOST:PORT says where machines reach it");
    if (s->number) /* it was brought here as it is; only its place is another one */
        return listen ? not_here(s, e) : tl_fleet_server_save(s, e);
    if (listen && take_addresses(s, listen, e))
        return -1;
    host = tl_fleet_host_of(s->listen);
    s->members = s->members ? s->members : json_object();
    result = make_certificates(s, host, e);
    for (int role = TL_FLEET_ADMIN; role <= TL_FLEET_SUBMIT && !result; role++) {
        const char *name = tl_fleet_role_name((enum tl_fleet_role)role);
        if (!json_object_get(s->members, name))
            result = add_member(s, name, (enum tl_fleet_role)role, &path, e);
        free(path);
        path = NULL;
    }
    free(host);
    return result ? -1 : tl_fleet_server_save(s, e);
}

int tl_fleet_server_make(const char *directory, const char *listen, struct tl_fleet_server *s,
                         struct tl_error *e)
{
    *s = (struct tl_fleet_server){0};
    if (tl_make_directories(directory, 0700))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, directory, NULL);
    if (!(s->directory = realpath(directory, NULL)))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, directory, NULL);
    return make(s, listen, e);
}

int tl_fleet_server_open(const char *directory, struct tl_fleet_server *s, struct tl_error *e)
{
    static const char none[] =
        "there is no fleet; `trapline fleet up --dir DIR --listen HOST:PORT` makes one";
    *s = (struct tl_fleet_server){.directory = realpath(directory, NULL)};
    int result = s->directory ? load(s, e) : 1;
    return result > 0 ? tl_fail(e, TL_ERROR_INPUT, "cannot read a fleet", directory, none) : result;
}

void tl_fleet_server_free(struct tl_fleet_server *s)
{
    free(s->directory);
    free(s->listen);
    json_decref(s->servers);
    json_decref(s->members);
    *s = (struct tl_fleet_server){0};
}

/* Opens the lock, which says whether the server runs. -1: it does, or *e is filled. */
static int take_lock(const struct tl_fleet_server *s, bool *runs, struct tl_error *e)
{
    char *path = tl_fleet_server_path(s, "server.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    *runs = false;
    if (fd < 0) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot look at the server of a fleet", path, NULL);
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        *runs = errno == EWOULDBLOCK;
        if (!*runs)
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot look at the server of a fleet", path, NULL);
        close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

bool tl_fleet_server_runs(const struct tl_fleet_server *s)
{
    bool runs;
    int fd = take_lock(s, &runs, NULL);
    if (fd >= 0)
        close(fd);
    return runs;
}

/* To the server, which runs: the lock is held, so the number is its own still. */
static int send_signal(const struct tl_fleet_server *s, int signal, struct tl_error *e)
{
    char *path = tl_fleet_server_path(s, "server.pid"), *text = tl_read_file(path, 64, NULL);
    long pid = text ? strtol(text, NULL, 10) : 0;
    int result =
        pid > 1 && !kill((pid_t)pid, signal)
            ? 0
            : tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot reach the server of a fleet", path,
                      "it does not name a process of yours; look for nats-server with `ps`, and end it");
    free(text);
    free(path);
    return result;
}

static int write_pid(const struct tl_fleet_server *s, pid_t pid, struct tl_error *e)
{
    char *path = tl_fleet_server_path(s, "server.pid"), *number = tl_format("%ld\n", (long)pid);
    int result = tl_replace_file(path, number, strlen(number), 0600, false);
    if (result)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot start nats-server", path, NULL);
    free(number);
    free(path);
    return result;
}

/* Has it read its configuration, and waits until its log says that it has. Without an answer nothing is known, and nothing is wrong. */
static int read_once(const struct tl_fleet_server *s, struct tl_error *e)
{
    const struct timespec pause = {0, 10000000};
    char *path = tl_fleet_server_path(s, "server.log"), *said = tl_malloc(SAID_MOST + 1);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC), result = 0;
    uint64_t from = fd >= 0 && !fstat(fd, &st) ? (uint64_t)st.st_size : 0, since = tl_monotonic_ns();
    bool done = false;
    result = send_signal(s, SIGHUP, e);
    while (!result && fd >= 0 && !done && tl_monotonic_ns() - since < READ_S * UINT64_C(1000000000)) {
        nanosleep(&pause, NULL);
        int64_t n = tl_read_at(fd, said, SAID_MOST, from);
        said[n > 0 ? n : 0] = '\0';
        done = strstr(said, "Reloaded server configuration");
    }
    if (fd >= 0)
        close(fd);
    free(said);
    free(path);
    return result;
}

/* Twice: what an account that is new has of others works from the next time on that the server reads its configuration (2.9.10). */
static int read_anew(const struct tl_fleet_server *s, struct tl_error *e)
{
    return read_once(s, e) || read_once(s, e) ? -1 : 0;
}

int tl_fleet_server_reload(const struct tl_fleet_server *s, struct tl_error *e)
{
    return tl_fleet_server_runs(s) ? read_anew(s, e) : 0;
}

static int spawn(const struct tl_fleet_server *s, const char *program, int lock, struct tl_error *e)
{
    char *config = tl_fleet_server_path(s, "nats.conf"), *log = tl_fleet_server_path(s, "server.log");
    char *argv[] = {(char *)program, "-c", config, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t pid = 0;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_adddup2(&actions, lock, LOCK_FD);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    int err = posix_spawn(&pid, program, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    int result =
        err ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot start nats-server", program, NULL) : 0;
    if (!result && write_pid(s, pid, e)) {
        result = -1;
        kill(pid, SIGTERM); /* nobody could stop it later */
    }
    free(config);
    free(log);
    return result;
}

/* The caller's. */
static char *find_program(const struct tl_fleet_server *s, struct tl_error *e)
{
    char *program = tl_program_find(s->directory, "nats-server", NULL);
    if (!program)
        program = tl_program_find_in(programs, s->directory, "nats-server", NULL);
    if (!program)
        tl_fail(
            e, TL_ERROR_ENVIRONMENT, "cannot start nats-server", "",
            "it is not installed: `apt-get install nats-server` on Debian, `brew install nats-server` with "
            "Homebrew");
    return program;
}

int tl_fleet_server_start(struct tl_fleet_server *s, struct tl_error *e)
{
    bool runs;
    int lock = take_lock(s, &runs, e);
    if (runs)
        return read_anew(s, e); /* the configuration may be a new one */
    if (lock < 0)
        return -1;
    char *program = find_program(s, e);
    int result = -1;
    /* dup2 of a descriptor to itself would leave it to be closed. */
    int high = lock == LOCK_FD ? fcntl(lock, F_DUPFD_CLOEXEC, LOCK_FD + 1) : lock;
    if (program)
        result = spawn(s, program, high, e);
    if (high != lock && high >= 0)
        close(high);
    close(lock); /* the server has it now */
    free(program);
    return result;
}

int tl_fleet_server_become(struct tl_fleet_server *s, struct tl_error *e)
{
    bool runs;
    int lock = take_lock(s, &runs, e);
    if (runs)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot start nats-server", s->directory,
                       "it runs already; `trapline fleet down` ends it");
    char *program = lock >= 0 ? find_program(s, e) : NULL, *config = tl_fleet_server_path(s, "nats.conf");
    char *argv[] = {program, "-c", config, NULL};
    if (program && !write_pid(s, getpid(), e)) {
        if (lock == LOCK_FD ? fcntl(lock, F_SETFD, 0) : dup2(lock, LOCK_FD) >= 0 ? 0 : -1) {
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot start nats-server", program, NULL);
        } else {
            execv(program, argv);
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot start nats-server", program, NULL);
        }
    }
    if (lock >= 0)
        close(lock);
    free(program);
    free(config);
    return -1;
}

int tl_fleet_server_stop(struct tl_fleet_server *s, struct tl_error *e)
{
    if (!tl_fleet_server_runs(s))
        return 0;
    if (send_signal(s, SIGTERM, e))
        return -1;
    const struct timespec pause = {0, 20000000};
    uint64_t since = tl_monotonic_ns();
    while (tl_fleet_server_runs(s)) {
        if (tl_monotonic_ns() - since > STOP_S * UINT64_C(1000000000))
            return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot stop the server of a fleet", s->directory,
                           "it has not ended within %d s; server.log says what it does", STOP_S);
        nanosleep(&pause, NULL);
    }
    return 0;
}

int tl_fleet_server_invite(struct tl_fleet_server *s, const char *name, enum tl_fleet_role role, char **path,
                           struct tl_error *e)
{
    *path = NULL;
    if (s->number)
        return not_here(s, e);
    if (tl_fleet_check_name(name, e))
        return -1;
    if (json_object_get(s->members, name))
        return tl_fail(e, TL_ERROR_INPUT, "this name is taken", name,
                       "choose another one, or take its key back first: `trapline fleet revoke %s`", name);
    return add_member(s, name, role, path, e) || tl_fleet_server_save(s, e) ? -1
                                                                            : tl_fleet_server_reload(s, e);
}

int tl_fleet_server_revoke(struct tl_fleet_server *s, const char *name, struct tl_error *e)
{
    const char *role = json_string_value(json_object_get(json_object_get(s->members, name), "role"));
    if (s->number)
        return not_here(s, e);
    if (!role || strcmp(role, tl_fleet_role_name(TL_FLEET_WORKER)))
        return tl_fail(e, TL_ERROR_INPUT, "no such machine", name,
                       "`trapline fleet status` shows those that there are");
    char *path = tl_format("%s/keys/%s.key", s->directory, name);
    unlink(path);
    free(path);
    json_object_del(s->members, name);
    return tl_fleet_server_save(s, e) ? -1 : tl_fleet_server_reload(s, e);
}
