/* Keys, certificates and the server's configuration. The vectors of keys are of another implementation: RFC 8032, base64 and binascii of
 * Python. */
#include "harness/fleet/certificate.h"
#include "harness/fleet/key_file.h"
#include "harness/fleet/nkey.h"
#include "harness/fleet/server.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *raw, *public_key, *seed, *signature; /* of "nonce" */
} vectors[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000",
     "UA5WUJ54Z23KILLCUOUNAKTPBVZWKMQVO4O6EQ5GHLAERIMLLHNCTYM5",
     "SUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEQ",
     "fee20f7abb48891e88a5fd38f5063c529d77cfee174662f34ee84d81004235f64140235f08243636b4057bae94741ee269774db"
     "8e6"
     "4ce6740ca35d142e4f8a0d"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK",
     "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y",
     "f874eae1de830c754d6fc32c4d1019b5221ad2f5c0ff2b996e5c1303b253e7063398a071276c2961f8c787b85ca6d66589d6d5c"
     "3fe"
     "992f2b9b8e6ff20e4f8e09"},
    {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "UB3KCWJAISTOJ5IREZN4U45GATMQWBJJ2HPWAK7DBIM2SJLWMDI7LRYD",
     "SUAP777777777777777777777777777777777777777777777777775UUA",
     "229b9e38307cbdbd44f567a72dbe481ceb8d4ba52cc1d4c35e14f509e18f60512020722acabf22b75945fd94b02f395d61cdb39"
     "bf7"
     "c4a35108263d2466777a0a"},
    {"be0365d792e0887979792bb60416b8ffbec9c78da37c6f17828a84203697b40b",
     "UCPQWYO7ZIOIDW2FDC2KWK7DJ2NKP7I6IDYWZ2VZVKVDCTSCYKFFBOB2",
     "SUAL4A3F26JOBCDZPF4SXNQEC24P7PWJY6G2G7DPC6BIVBBAG2L3IC7A6Q",
     "2dfb9570b44d081856e8ed3606a7876db698eaa80308c8244214a7abcc817df720dbf7dd6302e46176b6d397b922fe36241b7ce"
     "0d5"
     "5d330a76e4ca10767aa20d"},
};

static void of_hex(const char *hex, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
}

Test(fleet_keys, are_those_of_others)
{
    for (size_t i = 0; i < TL_COUNT(vectors); i++) {
        uint8_t raw[TL_NKEY_RAW], expected[TL_NKEY_SIGNATURE], signature[TL_NKEY_SIGNATURE];
        struct tl_nkey k, again;
        struct tl_error e;
        of_hex(vectors[i].raw, raw, sizeof raw);
        of_hex(vectors[i].signature, expected, sizeof expected);
        cr_assert_eq(tl_nkey_of_bytes(&k, raw, &e), 0);
        cr_assert_str_eq(k.public_key, vectors[i].public_key);
        cr_assert_str_eq(k.seed, vectors[i].seed);
        cr_assert_eq(tl_nkey_of_seed(&again, vectors[i].seed, &e), 0);
        cr_assert_str_eq(again.public_key, vectors[i].public_key);
        cr_assert(tl_nkey_is_public(k.public_key));
        cr_assert_not(tl_nkey_is_public(k.seed));
        cr_assert_eq(tl_nkey_sign(k.seed, "nonce", 5, signature, &e), 0);
        cr_assert_eq(memcmp(signature, expected, sizeof expected), 0);
    }
}

Test(fleet_keys, that_are_damaged_are_none)
{
    struct tl_nkey k;
    struct tl_error e;
    const char *seed = vectors[1].seed;
    for (size_t i = 0; seed[i]; i++) {
        char *text = tl_strdup(seed);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        cr_assert_eq(tl_nkey_of_seed(&k, text, &e), -1, "at %zu", i);
        cr_assert_eq(e.kind, TL_ERROR_INPUT);
        text[i] = '\0';
        cr_assert_eq(tl_nkey_of_seed(&k, text, &e), -1);
        free(text);
    }
    cr_assert_eq(tl_nkey_of_seed(&k, vectors[1].public_key, &e), -1);
    cr_assert_eq(tl_nkey_of_seed(&k, "suaaaaicamcakbqhbaequcymbuha6earcijrifiwc4mbsgq3dqor4h776y", &e), -1);
}

Test(fleet_keys, differ)
{
    struct tl_nkey a, b;
    struct tl_error e;
    cr_assert_eq(tl_nkey_new(&a, &e), 0);
    cr_assert_eq(tl_nkey_new(&b, &e), 0);
    cr_assert_str_neq(a.seed, b.seed);
    tl_nkey_forget(&a);
    for (size_t i = 0; i < sizeof a; i++)
        cr_assert_eq(((const char *)&a)[i], 0);
}

static char *scratch(void)
{
    char *path = tl_strdup("/tmp/test_fleet_keys.XXXXXX");
    cr_assert(mkdtemp(path));
    return path;
}

Test(fleet_keys, are_kept_from_others)
{
    char *directory = scratch(), *path = tl_format("%s/k", directory);
    struct tl_fleet_key k = {.name = "mac-1", .role = TL_FLEET_WORKER, .authority = tl_strdup("PEM")}, read;
    struct tl_error e;
    struct stat st;
    cr_assert_eq(tl_nkey_new(&k.key, &e), 0);
    cr_assert_eq(tl_fleet_key_write(path, &k, &e), 0);
    cr_assert_eq(tl_fleet_key_write(path, &k, &e), -1); /* it is there */
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(tl_fleet_key_read(path, &read, &e), 0);
    cr_assert_str_eq(read.key.public_key, k.key.public_key);
    cr_assert_str_eq(read.name, "mac-1");
    cr_assert_eq(read.role, TL_FLEET_WORKER);
    cr_assert_str_eq(read.authority, "PEM");
    tl_fleet_key_free(&read);
    chmod(path, 0640);
    cr_assert_eq(tl_fleet_key_read(path, &read, &e), -1);
    cr_assert(strstr(e.why, "chmod 600"));
    tl_fleet_key_free(&read);
    chmod(path, 0600);
    cr_assert_eq(tl_replace_file(path, "{\"trapline_key\": 2}", 19, 0600, false), 0);
    cr_assert_eq(tl_fleet_key_read(path, &read, &e), -1);
    tl_fleet_key_free(&read);
    tl_fleet_key_free(&k);
    tl_remove_tree(directory);
    free(path);
    free(directory);
}

Test(fleet_keys, names_are_parts_of_subjects)
{
    static const char *const bad[] = {"",  "a.b", "a*", ">",
                                      "A", "a b", "-a", "abcdefghijklmnopqrstuvwxyz0123456789"};
    for (size_t i = 0; i < TL_COUNT(bad); i++)
        cr_assert_eq(tl_fleet_check_name(bad[i], NULL), -1, "%s", bad[i]);
    cr_assert_eq(tl_fleet_check_name("mac-m4-1", NULL), 0);
}

Test(fleet_server, has_a_certificate_of_its_own_authority)
{
    char *directory = scratch(), *part[6];
    static const char *const names[] = {"ca", "ca.key", "s", "s.key", "other", "other.key"};
    struct tl_error e;
    for (size_t i = 0; i < 6; i++)
        part[i] = tl_format("%s/%s", directory, names[i]);
    cr_assert_eq(tl_fleet_authority(part[0], part[1], &e), 0);
    cr_assert_eq(tl_fleet_authority(part[4], part[5], &e), 0);
    static const char *const hosts[] = {"192.168.1.10", "fd00::10", "lab.example.org"};
    for (size_t i = 0; i < TL_COUNT(hosts); i++) {
        cr_assert_eq(tl_fleet_certify(part[0], part[1], hosts[i], part[2], part[3], &e), 0, "%s", e.why);
        cr_assert(tl_fleet_is_certified(part[0], hosts[i], part[2]));
        cr_assert_not(tl_fleet_is_certified(part[0], "elsewhere.example.org", part[2]));
        cr_assert_not(tl_fleet_is_certified(part[4], hosts[i], part[2]));
    }
    static const char *const bad[] = {"", "a,DNS:b", "a\nb", "a b"};
    for (size_t i = 0; i < TL_COUNT(bad); i++)
        cr_assert_eq(tl_fleet_certify(part[0], part[1], bad[i], part[2], part[3], &e), -1);
    cr_assert_eq(tl_fleet_certify(part[0], part[5], "a", part[2], part[3], &e),
                 -1); /* the key of another one */
    unlink(part[1]);
    cr_assert_eq(tl_fleet_authority(part[0], part[1], &e), -1);
    for (size_t i = 0; i < 6; i++)
        free(part[i]);
    tl_remove_tree(directory);
    free(directory);
}

Test(fleet_server, gives_each_role_what_it_needs)
{
    char *above = scratch(), *directory = tl_format("%s/a \"b\"", above), *path;
    struct tl_fleet_server s;
    struct tl_error e;
    cr_assert_eq(tl_fleet_server_make(directory, NULL, &s, &e), -1);
    tl_fleet_server_free(&s);
    cr_assert_eq(tl_fleet_server_make(directory, "127.0.0.1:0", &s, &e), -1);
    tl_fleet_server_free(&s);
    cr_assert_eq(tl_fleet_server_make(directory, "127.0.0.1:4443", &s, &e), 0, "%s", e.why);
    cr_assert_eq(tl_fleet_server_invite(&s, "mac-1", TL_FLEET_WORKER, &path, &e), 0);
    free(path);
    cr_assert_eq(tl_fleet_server_invite(&s, "mac-1", TL_FLEET_WORKER, &path, &e), -1);
    free(path);
    cr_assert_eq(tl_fleet_server_invite(&s, "admin", TL_FLEET_WORKER, &path, &e), -1);
    free(path);
    char *config = tl_fleet_server_config(&s), *worker = strstr(config, "# mac-1\n");
    cr_assert(worker);
    cr_assert(strstr(config, "/a \\\"b\\\"/server.pem"));
    cr_assert(strstr(worker, "\"results.mac-1.>\""));
    cr_assert(strstr(worker, "subscribe: [\"_INBOX_mac-1.>\", \"control.mac-1\"]"));
    cr_assert_not(strstr(worker, "\"jobs."));
    cr_assert_not(strstr(worker, "\">\""));
    cr_assert_not(strstr(config, "nkey: S")); /* a seed */
    /* Nobody but the owner is in the account with the streams, and no other has JetStream's own subjects. */
    char *others = strstr(config, "  member-");
    cr_assert(others && strstr(config, "# admin\n") < others && strstr(config, "# submit\n") > others);
    cr_assert(strstr(config, "jetstream: enabled") < others && !strstr(others, "jetstream: enabled"));
    cr_assert(strstr(worker, "{service: {account: fleet, subject: \"$JS.API.DIRECT.GET.FILES\"}, to: "
                             "\"FLEET.API.DIRECT.GET.FILES\"}"));
    free(config);
    tl_fleet_server_free(&s);
    cr_assert_eq(tl_fleet_server_open(directory, &s, &e), 0);
    cr_assert_eq(json_object_size(s.members), 3);
    cr_assert_not(tl_fleet_server_runs(&s));
    cr_assert_eq(tl_fleet_server_revoke(&s, "submit", &e), -1);
    cr_assert_eq(tl_fleet_server_revoke(&s, "mac-1", &e), 0);
    config = tl_fleet_server_config(&s);
    cr_assert_not(strstr(config, "mac-1"));
    free(config);
    tl_fleet_server_free(&s);
    tl_remove_tree(above);
    free(directory);
    free(above);
}

Test(fleet_server, has_a_directory_for_each_other_server)
{
    char *above = scratch(), *directory = tl_format("%s/fleet", above);
    static const char *const wrong[] = {"127.0.0.1:4443,127.0.0.1:4445",
                                        "127.0.0.1:1,127.0.0.1:1,127.0.0.1:1", "127.0.0.1:1,x,127.0.0.1:3",
                                        "127.0.0.1:1,127.0.0.1:3,127.0.0.1:65535"};
    struct tl_fleet_server s, replica;
    struct tl_error e;
    char *path;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(tl_fleet_server_make(directory, wrong[i], &s, &e), -1, "%s", wrong[i]);
        cr_expect_eq(e.kind, TL_ERROR_INPUT);
        tl_fleet_server_free(&s);
    }
    cr_assert_eq(tl_fleet_server_make(directory, "10.0.0.1:4443,10.0.0.2:4443,[fd00::3]:4443", &s, &e), 0,
                 "%s", e.why);
    cr_assert_eq(tl_fleet_server_invite(&s, "mac-1", TL_FLEET_WORKER, &path, &e), 0, "%s", e.why);
    free(path);
    cr_assert_eq(tl_fleet_replicas_save(&s, &e), 0, "%s", e.why);
    char *url = tl_fleet_server_url(&s), *config = tl_fleet_server_config(&s);
    cr_assert_str_eq(url, "tls://10.0.0.1:4443,10.0.0.2:4443,[fd00::3]:4443");
    cr_assert(strstr(config, "server_name: \"trapline-fleet-1\"\nlisten: \"10.0.0.1:4443\""));
    cr_assert(strstr(config, "\"nats-route://[fd00::3]:4444\""));
    free(url);
    free(config);
    tl_fleet_server_free(&s);
    /* It stands anywhere, knows who was invited, and has nobody's secret. */
    char *from = tl_format("%s/servers/3", directory), *to = tl_format("%s/elsewhere", above);
    cr_assert_eq(rename(from, to), 0);
    char *secret = tl_format("%s/authority.key", to), *keys = tl_format("%s/keys", to),
         *key = tl_format("%s/server.key", to);
    cr_assert(access(secret, F_OK) && access(keys, F_OK) && !access(key, F_OK));
    cr_assert_eq(tl_fleet_server_make(to, NULL, &replica, &e), 0, "%s", e.why);
    cr_assert_eq(replica.number, 2);
    config = tl_fleet_server_config(&replica);
    cr_assert(strstr(config, "server_name: \"trapline-fleet-3\"\nlisten: \"[fd00::3]:4443\""));
    cr_assert(strstr(config, "/elsewhere/server.pem"));
    cr_assert(strstr(config, "# mac-1\n"));
    cr_assert_eq(tl_fleet_server_invite(&replica, "mac-2", TL_FLEET_WORKER, &path, &e), -1);
    cr_assert(strstr(e.why, "server 3"));
    cr_assert_eq(tl_fleet_server_revoke(&replica, "mac-1", &e), -1);
    tl_fleet_server_free(&replica);
    cr_assert_eq(tl_fleet_server_make(directory, "10.0.0.1:4443", &s, &e), -1); /* it has three */
    cr_assert(strstr(e.why, "3 servers"));
    tl_fleet_server_free(&s);
    free(config);
    free(secret);
    free(keys);
    free(key);
    free(from);
    free(to);
    free(directory);
    free(above);
}
