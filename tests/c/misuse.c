/* What careless programs do: every mistake is answered, with a sentence that helps, and nothing crashes. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

static const char ALONE[] = "log.to = 'none'\n"
                            "server.group = 'world'\n"
                            "server.name = 'alone'\n"
                            "groups.world.connects_to = ['world', 'lobby']\n"
                            "groups.lobby.visibility = 'external'\n"
                            "groups.chat.connects_to = []\n"
                            "registry.host = true\n"
                            "registry.listen = '127.0.0.1:0'\n";

static const size_t NEGATIVE = (size_t)-1;

static void starting(void)
{
    static const char broken_utf8[] = "server.group = 'w\xff'";
    static const char typo[] = "[server]\ngroup = 'world'\n\n[limits]\noutbox_byte = 4096\n\n[groups.world]\n";
    char untouched;
    sinew_server *const before = (sinew_server *)(void *)&untouched;
    sinew_server *server = before;

    CHECK_RESULT(sinew_server_start(NULL, 0, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("out is NULL");
    CHECK_RESULT(sinew_server_start(NULL, 12, &server), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("config is NULL");
    CHECK_RESULT(sinew_server_start(ALONE, NEGATIVE, &server), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("more than any memory");
    CHECK_RESULT(sinew_server_start(NULL, 0, &server), SINEW_RESULT_INVALID_CONFIG);
    CHECK_SAYS("server.group");
    CHECK_RESULT(sinew_server_start(broken_utf8, sizeof broken_utf8 - 1, &server), SINEW_RESULT_INVALID_UTF8);
    CHECK_SAYS("17");
    CHECK_RESULT(sinew_server_start(typo, sizeof typo - 1, &server), SINEW_RESULT_INVALID_CONFIG);
    CHECK_SAYS("line 5");
    CHECK_SAYS("limits.outbox_byte ");
    CHECK_SAYS("limits.outbox_bytes?");
    /* The NUL behind a C string is no TOML: sizeof instead of strlen is told. */
    CHECK_RESULT(sinew_server_start(ALONE, sizeof ALONE, &server), SINEW_RESULT_INVALID_CONFIG);

    CHECK_RESULT(sinew_server_start_file(NULL, 1, &server), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_start_file("\xc3", 1, &server), SINEW_RESULT_INVALID_UTF8);
    CHECK_RESULT(sinew_server_start_file("no/such/file.toml", 17, &server), SINEW_RESULT_INVALID_CONFIG);
    CHECK_SAYS("no/such/file.toml");
    CHECK_RESULT(sinew_server_start_file("a\0b", 3, &server), SINEW_RESULT_INVALID_CONFIG);
    CHECK(server == before);
}

static const char EXTERNAL[] = "log.to = 'none'\n"
                               "server.group = 'world'\n"
                               "server.name = 'w1'\n"
                               "groups.world.connects_to = ['world']\n"
                               "groups.chat.connects_to = []\n"
                               "registry.kind = 'external'\n";

/* Calls every function for a registry of the game's own; each must answer `expected`. */
static void every_report(const sinew_server *server, sinew_result expected)
{
    sinew_registration entry;
    memset(&entry, 0, sizeof entry);
    entry.size = sizeof entry;
    entry.id = 7;
    entry.port = 4000;
    entry.group = entry.name = entry.host = "x";
    entry.group_len = entry.name_len = entry.host_len = 1;
    CHECK_RESULT(sinew_registry_registered(server, 7), expected);
    CHECK_RESULT(sinew_registry_register_failed(server, "why", 3), expected);
    CHECK_RESULT(sinew_registry_server_joined(server, &entry), expected);
    CHECK_RESULT(sinew_registry_server_left(server, 7), expected);
    CHECK_RESULT(sinew_registry_snapshot_begin(server), expected);
    CHECK_RESULT(sinew_registry_snapshot_end(server), expected);
    CHECK_RESULT(sinew_registry_lost(server, "why", 3), expected);
    CHECK_RESULT(sinew_registry_restored(server), expected);
}

static void no_server(void)
{
    sinew_local_info local = {.size = sizeof local};
    sinew_group_info group = {.size = sizeof group};
    sinew_remote_info remote = {.size = sizeof remote};
    sinew_stats stats = {.size = sizeof stats};
    sinew_event event;
    uint64_t id;
    size_t count = 77;
    char text[8];

    CHECK_RESULT(sinew_server_poll(NULL, 0, &event, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_send(NULL, 1, 0, SINEW_MODE_RELIABLE, NULL, 0), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_broadcast(NULL, "world", 5, 0, SINEW_MODE_RELIABLE, NULL, 0, &count, NULL, 0, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_stop(NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_request(NULL, 1, 0, SINEW_MODE_RELIABLE, NULL, 0, 1, &id), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_reply(NULL, 1, 1, 0, NULL, 0), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_refuse(NULL, 1, 1, SINEW_REQUEST_REFUSED), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_cancel(NULL, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_send_any(NULL, "world", 5, SINEW_POLICY_ROUND_ROBIN, NULL, 0, 0, SINEW_MODE_RELIABLE, NULL, 0, &id),
                 SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_request_any(NULL, "world", 5, SINEW_POLICY_ROUND_ROBIN, NULL, 0, 0, SINEW_MODE_RELIABLE, NULL, 0, 1, 0, &id),
                 SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_set_property(NULL, "load", 4, "1", 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_property(NULL, 0, "load", 4, text, sizeof text, &count, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_reload(NULL, "", 0), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_info(NULL, &local), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_groups(NULL, &group, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_group_members(NULL, "world", 5, &id, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_find(NULL, 1, &remote), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_explain(NULL, 1, text, sizeof text, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_stats(NULL, &stats), SINEW_RESULT_INVALID_ARGUMENT);
    every_report(NULL, SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("server is NULL");
    CHECK(count == 77);
    sinew_server_free(NULL);
}

static void arguments(sinew_server *server)
{
    sinew_event events[2];
    size_t count = 77;
    uint64_t own = wait_for(server, SINEW_EVENT_STARTED).server;
    uint8_t byte = 0;

    CHECK(own != 0);
    CHECK_RESULT(sinew_server_poll(server, 0, NULL, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("events is NULL");
    CHECK_RESULT(sinew_server_poll(server, 0, events, 1, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_poll(server, 0, events, 0, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("capacity");
    CHECK_RESULT(sinew_server_poll(server, 0, events, NEGATIVE, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_poll(server, 0, events, NEGATIVE / sizeof events[0], &count), SINEW_RESULT_INVALID_ARGUMENT);

    CHECK_RESULT(sinew_server_send(server, 0, 1, SINEW_MODE_RELIABLE, &byte, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("0 is no server id");
    CHECK_RESULT(sinew_server_send(server, UINT64_C(1) << 53, 1, SINEW_MODE_RELIABLE, &byte, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_send(server, UINT64_MAX, 1, SINEW_MODE_RELIABLE, &byte, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_send(server, (UINT64_C(1) << 53) - 1, 1, SINEW_MODE_RELIABLE, &byte, 1), SINEW_RESULT_UNKNOWN_SERVER);
    CHECK_SAYS("9007199254740991");
    CHECK_RESULT(sinew_server_send(server, own, 1, SINEW_MODE_RELIABLE, &byte, 1), SINEW_RESULT_UNKNOWN_SERVER);
    CHECK_RESULT(sinew_server_send(server, own, 1, 2, &byte, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("the mode 0x2 has unknown bits");
    CHECK_RESULT(sinew_server_send(server, own, 1, SINEW_LANE_3 + 0x100, &byte, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("4 is no lane");
    CHECK_RESULT(sinew_server_send(server, own, 1, UINT32_MAX, &byte, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_send(server, own, 1, SINEW_MODE_RELIABLE, NULL, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_send(server, own, 1, SINEW_MODE_RELIABLE, &byte, NEGATIVE), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_send(server, own, 1, SINEW_MODE_RELIABLE, &byte, (NEGATIVE >> 1) + 1), SINEW_RESULT_INVALID_ARGUMENT);

    CHECK_RESULT(sinew_server_broadcast(server, "wrld", 4, 1, SINEW_MODE_RELIABLE, &byte, 1, &count, NULL, 0, NULL), SINEW_RESULT_UNKNOWN_GROUP);
    CHECK_SAYS("`wrld`");
    CHECK_SAYS("lobby, world");
    CHECK_RESULT(sinew_server_broadcast(server, "chat", 4, 1, SINEW_MODE_RELIABLE, &byte, 1, &count, NULL, 0, NULL), SINEW_RESULT_UNKNOWN_GROUP);
    CHECK_RESULT(sinew_server_broadcast(server, NULL, 5, 1, SINEW_MODE_RELIABLE, &byte, 1, &count, NULL, 0, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_broadcast(server, "\xff", 1, 1, SINEW_MODE_RELIABLE, &byte, 1, &count, NULL, 0, NULL), SINEW_RESULT_INVALID_UTF8);
    CHECK_RESULT(sinew_server_broadcast(server, "world", 5, 1, 9, &byte, 1, &count, NULL, 0, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK(count == 77);
    CHECK_RESULT(sinew_server_broadcast(server, "world", 5, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL, NULL, 0, NULL), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_broadcast(server, "world", 5, 1, SINEW_MODE_RELIABLE, &byte, 1, &count, NULL, 0, NULL), SINEW_RESULT_OK);
    CHECK(count == 0);
}

/* A reload says what is wrong with it, and does nothing then. */
static void reloading(sinew_server *server)
{
    static const char more[] = "groups.later.connects_to = ['world']\nlimits.drain_ms = 1234\n";
    static const char fixed[] = "server.app_version = 'other'\n";
    char config[1024];
    size_t before = 0, after = 0;

    CHECK_RESULT(sinew_server_groups(server, NULL, 0, &before), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_reload(server, NULL, 4), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_reload(server, "\xff", 1), SINEW_RESULT_INVALID_UTF8);
    CHECK_RESULT(sinew_server_reload(server, "limit", 5), SINEW_RESULT_INVALID_CONFIG);
    CHECK((size_t)snprintf(config, sizeof config, "%s%s%s", ALONE, more, fixed) < sizeof config);
    CHECK_RESULT(sinew_server_reload(server, config, strlen(config)), SINEW_RESULT_INVALID_CONFIG);
    CHECK_SAYS("server.app_version from \"\" to \"other\"");
    CHECK_RESULT(sinew_server_groups(server, NULL, 0, &after), SINEW_RESULT_OK);
    CHECK(after == before);
    snprintf(config, sizeof config, "%s%s", ALONE, more);
    CHECK_RESULT(sinew_server_reload(server, config, strlen(config)), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_groups(server, NULL, 0, &after), SINEW_RESULT_OK);
    CHECK(after == before + 1);
    CHECK_RESULT(sinew_server_reload(server, ALONE, strlen(ALONE)), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_groups(server, NULL, 0, &after), SINEW_RESULT_OK);
    CHECK(after == before);
}

static void questions(sinew_server *server)
{
    /* As a program would have it that was built for a later version, with one more field. */
    struct {
        sinew_local_info known;
        uint64_t newer;
    } later;
    sinew_local_info local;
    sinew_group_info groups[3];
    sinew_remote_info remote;
    sinew_stats stats;
    uint64_t ids[1] = {5};
    uint32_t sizes[] = {0, 4, (uint32_t)sizeof local - 1, (uint32_t)sizeof local + 4, 0xcccccccc, UINT32_MAX};
    size_t count = 77, i;
    char text[4];

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(&local, 0x11, sizeof local);
        local.size = sizes[i];
        CHECK_RESULT(sinew_server_info(server, &local), SINEW_RESULT_INVALID_ARGUMENT);
        CHECK_SAYS("sizeof");
        CHECK(local.size == sizes[i] && local.port == 0x11111111);
    }
    memset(&later, 0x22, sizeof later);
    later.known.size = sizeof later;
    CHECK_RESULT(sinew_server_info(server, &later.known), SINEW_RESULT_OK);
    CHECK(later.known.size == sizeof later && later.newer == UINT64_C(0x2222222222222222));
    CHECK(strcmp(later.known.group, "world") == 0 && strcmp(later.known.name, "alone") == 0);
    CHECK(strcmp(later.known.host, "127.0.0.1") == 0 && later.known.port != 0 && later.known.id != 0);
    CHECK(later.known.visibility == SINEW_VISIBILITY_INTERNAL);
    CHECK_RESULT(sinew_server_info(server, NULL), SINEW_RESULT_INVALID_ARGUMENT);

    memset(groups, 0, sizeof groups);
    CHECK_RESULT(sinew_server_groups(server, groups, 3, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_groups(server, NULL, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_groups(server, groups, NEGATIVE, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_groups(server, NULL, 0, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK(count == 77);
    CHECK_RESULT(sinew_server_groups(server, NULL, 0, &count), SINEW_RESULT_OK);
    CHECK(count == 2);
    groups[0].size = sizeof groups[0];
    CHECK_RESULT(sinew_server_groups(server, groups, 1, &count), SINEW_RESULT_OK);
    CHECK(count == 2 && strcmp(groups[0].name, "lobby") == 0 && groups[1].name[0] == '\0');
    CHECK(groups[0].visibility == SINEW_VISIBILITY_EXTERNAL && groups[0].direction == SINEW_DIRECTION_OUTGOING);
    CHECK_RESULT(sinew_server_groups(server, groups, 3, &count), SINEW_RESULT_OK);
    CHECK(strcmp(groups[1].name, "world") == 0 && groups[1].count == 0 && groups[2].name[0] == '\0');
    CHECK(groups[1].direction == (SINEW_DIRECTION_OUTGOING | SINEW_DIRECTION_INCOMING));

    CHECK_RESULT(sinew_server_group_members(server, "wrld", 4, ids, 1, &count), SINEW_RESULT_UNKNOWN_GROUP);
    CHECK_RESULT(sinew_server_group_members(server, "chat", 4, ids, 1, &count), SINEW_RESULT_UNKNOWN_GROUP);
    CHECK_RESULT(sinew_server_group_members(server, NULL, 4, ids, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_group_members(server, "world", 5, NULL, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_group_members(server, "world", 5, ids, NEGATIVE, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_group_members(server, "world", 5, ids, 1, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_group_members(server, "world", 5, NULL, 0, &count), SINEW_RESULT_OK);
    CHECK(count == 0 && ids[0] == 5);

    remote.size = sizeof remote;
    CHECK_RESULT(sinew_server_find(server, 0, &remote), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_find(server, UINT64_MAX, &remote), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_find(server, 12345, &remote), SINEW_RESULT_UNKNOWN_SERVER);
    CHECK_RESULT(sinew_server_explain(server, 0, text, sizeof text, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_explain(server, 12345, text, sizeof text, &count), SINEW_RESULT_UNKNOWN_SERVER);

    memset(&stats, 0x33, sizeof stats);
    CHECK_RESULT(sinew_server_stats(server, &stats), SINEW_RESULT_INVALID_ARGUMENT);
    stats.size = sizeof stats;
    CHECK_RESULT(sinew_server_stats(server, &stats), SINEW_RESULT_OK);
    CHECK(stats.servers == 0 && stats.connected == 0 && stats.messages_sent == 0 && stats.reserved == 0);
}

/* Sentences are cut between characters, never inside one. */
static void sentences(sinew_server *server)
{
    char text[256], full[256];
    size_t needed = 0, capacity, i;
    const char *found;

    CHECK_RESULT(sinew_server_broadcast(server, "\xc3\xbc\xf0\x9f\x8e\xae", 6, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL, NULL, 0, NULL), SINEW_RESULT_UNKNOWN_GROUP);
    CHECK_RESULT(sinew_last_error(full, sizeof full, &needed), SINEW_RESULT_OK);
    CHECK(needed == strlen(full) && needed < sizeof full);
    found = strstr(full, "\xc3\xbc\xf0\x9f\x8e\xae");
    CHECK(found != NULL);
    for (capacity = 1; capacity <= needed + 1; capacity++) {
        size_t length;
        memset(text, '#', sizeof text);
        CHECK_RESULT(sinew_last_error(text, capacity, &i), SINEW_RESULT_OK);
        length = strlen(text);
        CHECK(i == needed && length < capacity && memcmp(text, full, length) == 0);
        CHECK((full[length] & 0xc0) != 0x80);       /* no continuation byte has lost its beginning */
        CHECK(capacity - 1 - length < 4);           /* and no more is missing than that */
        for (i = length + 1; i < sizeof text; i++) {
            CHECK(text[i] == '#');
        }
    }
    CHECK_RESULT(sinew_last_error(NULL, 0, &needed), SINEW_RESULT_OK);
    CHECK(needed == strlen(full));
    CHECK_RESULT(sinew_last_error(text, 0, NULL), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_last_error(NULL, 0, NULL), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_last_error(text, 1, NULL), SINEW_RESULT_OK);
    CHECK(text[0] == '\0');
    CHECK_RESULT(sinew_last_error(text, NEGATIVE, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_last_error(NULL, 1, &needed), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("the buffer is NULL");
}

static void results(void)
{
    static const struct {
        sinew_result result;
        const char *name;
    } known[] = {
        {SINEW_RESULT_OK, "OK"},
        {SINEW_RESULT_INVALID_ARGUMENT, "INVALID_ARGUMENT: "},
        {SINEW_RESULT_INVALID_CONFIG, "INVALID_CONFIG: "},
        {SINEW_RESULT_INVALID_UTF8, "INVALID_UTF8: "},
        {SINEW_RESULT_INVALID_DATA, "INVALID_DATA: "},
        {SINEW_RESULT_UNKNOWN_SERVER, "UNKNOWN_SERVER: "},
        {SINEW_RESULT_UNKNOWN_GROUP, "UNKNOWN_GROUP: "},
        {SINEW_RESULT_BUSY, "BUSY: "},
        {SINEW_RESULT_QUEUE_FULL, "QUEUE_FULL: "},
        {SINEW_RESULT_NOT_CONNECTED, "NOT_CONNECTED: "},
        {SINEW_RESULT_STOPPED, "STOPPED: "},
        {SINEW_RESULT_MESSAGE_TOO_BIG, "MESSAGE_TOO_BIG: "},
        {SINEW_RESULT_ADDRESS_IN_USE, "ADDRESS_IN_USE: "},
        {SINEW_RESULT_IO, "IO: "},
        {SINEW_RESULT_KEY, "KEY: "},
        {SINEW_RESULT_PANIC, "PANIC: "},
        {-1, "UNKNOWN: "},
        {SINEW_RESULT_INVALID_STATE, "INVALID_STATE: "},
        {SINEW_RESULT_ALREADY_JOINED, "ALREADY_JOINED: "},
        {SINEW_RESULT_UNKNOWN_REQUEST, "UNKNOWN_REQUEST: "},
        {SINEW_RESULT_TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS: "},
        {SINEW_RESULT_NO_CANDIDATE, "NO_CANDIDATE: "},
        {11, "UNKNOWN: "},
        {901, "UNKNOWN: "},
        {INT32_MIN, "UNKNOWN: "},
        {INT32_MAX, "UNKNOWN: "},
    };
    size_t i;
    for (i = 0; i < sizeof known / sizeof known[0]; i++) {
        const char *text = sinew_result_text(known[i].result);
        CHECK(text != NULL && strncmp(text, known[i].name, strlen(known[i].name)) == 0);
    }
    CHECK(sinew_abi_version() == SINEW_ABI_VERSION);
    CHECK(sinew_version() != NULL && strchr(sinew_version(), '.') != NULL);
}

/*
 * Polls until the server has stopped; its result is the event's code. BUSY is what another thread's look for this very poll may come to: it
 * looked before this one began, or between two of its polls.
 */
static void *poll_to_the_end(void *server)
{
    sinew_event event;
    size_t count;
    sinew_result result;
    do {
        result = sinew_server_poll(server, PATIENCE_MS, &event, 1, &count);
        CHECK((result == SINEW_RESULT_OK && count == 1) || result == SINEW_RESULT_BUSY);
    } while (result == SINEW_RESULT_BUSY || event.type != SINEW_EVENT_STOPPED);
    return (void *)(uintptr_t)event.code;
}

static void *poll_once(void *server)
{
    sinew_event event;
    size_t count;
    sinew_result *result = malloc(sizeof *result);
    char text[256];
    CHECK(result != NULL);
    *result = sinew_server_poll(server, 0, &event, 1, &count);
    /* This thread's sentence is its own. */
    CHECK_RESULT(sinew_last_error(text, sizeof text, NULL), SINEW_RESULT_OK);
    CHECK((*result == SINEW_RESULT_BUSY) == (strstr(text, "another thread") != NULL));
    return result;
}

static void two_threads_poll(sinew_server *server)
{
    pthread_t sleeper;
    void *answer;
    bool busy = false;
    sinew_stats stats = {.size = sizeof stats};

    sleeper = run(poll_to_the_end, server);
    while (!busy) { /* until the sleeper has arrived in its poll */
        CHECK(pthread_join(run(poll_once, server), &answer) == 0);
        busy = *(sinew_result *)answer == SINEW_RESULT_BUSY;
        CHECK(busy || *(sinew_result *)answer == SINEW_RESULT_OK);
        free(answer);
        sched_yield();
    }
    /* Everything else goes on meanwhile. */
    CHECK_RESULT(sinew_server_stats(server, &stats), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_stop(server), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_stop(server), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_send(server, 1, 1, SINEW_MODE_RELIABLE, NULL, 0), SINEW_RESULT_STOPPED);
    CHECK_RESULT(sinew_server_broadcast(server, "world", 5, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL, NULL, 0, NULL), SINEW_RESULT_STOPPED);
    CHECK(pthread_join(sleeper, &answer) == 0);
    CHECK((uintptr_t)answer == SINEW_STOP_REQUESTED);
}

static void after_the_end(sinew_server *server)
{
    sinew_event event;
    sinew_stats stats = {.size = sizeof stats};
    size_t count = 77;
    int i;
    for (i = 0; i < 3; i++) {
        CHECK_RESULT(sinew_server_poll(server, UINT32_MAX, &event, 1, &count), SINEW_RESULT_STOPPED);
    }
    CHECK(count == 77);
    CHECK_RESULT(sinew_server_send(server, 1, 1, SINEW_MODE_RELIABLE, NULL, 0), SINEW_RESULT_STOPPED);
    CHECK_RESULT(sinew_server_stop(server), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_stats(server, &stats), SINEW_RESULT_OK);
    sinew_server_free(server);
}

static sinew_registration entry_of(uint64_t id, const char *group, const char *name)
{
    sinew_registration entry;
    memset(&entry, 0, sizeof entry);
    entry.size = sizeof entry;
    entry.id = id;
    entry.group = group;
    entry.group_len = strlen(group);
    entry.name = name;
    entry.name_len = strlen(name);
    entry.host = "127.0.0.1";
    entry.host_len = strlen(entry.host);
    entry.port = 1;
    return entry;
}

#define CHECK_JOIN(expected, says)                                                 \
    do {                                                                           \
        CHECK_RESULT(sinew_registry_server_joined(server, &entry), (expected));    \
        CHECK_SAYS(says);                                                          \
        entry = entry_of(7, "world", "w2");                                        \
    } while (0)

static void a_registry_of_its_own(void)
{
    sinew_server *server = start(EXTERNAL);
    sinew_event event = wait_for(server, SINEW_EVENT_REGISTRY_REGISTER);
    const sinew_registration *me = (const sinew_registration *)(const void *)event.data;
    sinew_registration entry = entry_of(7, "world", "w2");
    sinew_property properties[2] = {{"map", 3, "\0\xc3\xbc", 3}, {"map", 3, "", 0}};
    sinew_remote_info remote = {.size = sizeof remote};
    uint64_t id = me->id;

    CHECK(event.len == sizeof *me && me->size == sizeof *me && id == event.server && id != 0 && me->property_count == 0);
    CHECK(strcmp(me->group, "world") == 0 && strcmp(me->name, "w1") == 0 && me->name_len == 2 && me->port != 0);
    CHECK(me->visibility == SINEW_VISIBILITY_INTERNAL && strcmp(event.group, "world") == 0);

    /* Nothing is taken before the registration. */
    CHECK_RESULT(sinew_registry_server_joined(server, &entry), SINEW_RESULT_INVALID_STATE);
    CHECK_SAYS("not registered yet");
    CHECK_RESULT(sinew_registry_server_left(server, 7), SINEW_RESULT_INVALID_STATE);
    CHECK_RESULT(sinew_registry_snapshot_begin(server), SINEW_RESULT_INVALID_STATE);
    CHECK_RESULT(sinew_registry_lost(server, NULL, 0), SINEW_RESULT_INVALID_STATE);
    CHECK_RESULT(sinew_registry_register_failed(server, NULL, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_registry_register_failed(server, "\xff", 1), SINEW_RESULT_INVALID_UTF8);
    CHECK_RESULT(sinew_registry_register_failed(server, "no room", 7), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_registry_register_failed(server, "no room", 7), SINEW_RESULT_INVALID_STATE);
    event = wait_for(server, SINEW_EVENT_REGISTRY_LOST);
    CHECK(strcmp((const char *)event.data, "no room") == 0);
    event = wait_for(server, SINEW_EVENT_REGISTRY_REGISTER);
    CHECK(event.server > id);
    id = event.server;
    CHECK_RESULT(sinew_registry_registered(server, 0), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_registry_registered(server, UINT64_C(1) << 53), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_registry_registered(server, UINT64_MAX), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_registry_registered(server, id), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_registry_registered(server, id), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_registry_registered(server, id + 1), SINEW_RESULT_INVALID_STATE);
    CHECK(wait_for(server, SINEW_EVENT_STARTED).server == id);

    /* Entries that make no sense. */
    CHECK_RESULT(sinew_registry_server_joined(server, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("entry is NULL");
    entry.size = 0;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "entry.size");
    entry.size = 0x33333333;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "entry.size");
    entry.id = 0;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "0 is no server id");
    entry.id = UINT64_C(1) << 53;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "is no server id");
    entry.id = id;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "this server itself");
    entry.port = 65536;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "entry.port");
    entry.port = 0;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "port 0");
    entry.group = NULL;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "entry.group is NULL");
    entry.name = "\xff";
    CHECK_JOIN(SINEW_RESULT_INVALID_UTF8, "entry.name");
    entry.name_len = 0;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "name");
    entry.host_len = NEGATIVE;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "more than any memory");
    entry.property_count = 1;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "entry.properties is NULL");
    entry.properties = properties;
    entry.property_count = NEGATIVE;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "property_count");
    entry.properties = properties;
    entry.property_count = 2;
    CHECK_JOIN(SINEW_RESULT_INVALID_ARGUMENT, "twice");
    CHECK_RESULT(sinew_registry_server_left(server, 7), SINEW_RESULT_UNKNOWN_SERVER);

    /* Whom the topology does not show is left out, and so is this server itself. */
    entry = entry_of(8, "chat", "c1");
    CHECK_RESULT(sinew_registry_server_joined(server, &entry), SINEW_RESULT_OK);
    entry = entry_of(9, "elsewhere", "e1");
    CHECK_RESULT(sinew_registry_server_joined(server, &entry), SINEW_RESULT_OK);
    entry = entry_of(id, "world", "w1");
    CHECK_RESULT(sinew_registry_server_joined(server, &entry), SINEW_RESULT_OK);
    entry = entry_of(7, "world", "w2");
    entry.properties = properties;
    entry.property_count = 1;
    CHECK_RESULT(sinew_registry_server_joined(server, &entry), SINEW_RESULT_OK);
    CHECK_JOIN(SINEW_RESULT_ALREADY_JOINED, "has joined already");
    entry.port = 2;
    CHECK_JOIN(SINEW_RESULT_ALREADY_JOINED, "other details");
    CHECK(wait_for(server, SINEW_EVENT_SERVER_JOINED).server == 7);
    CHECK_RESULT(sinew_server_find(server, 7, &remote), SINEW_RESULT_OK);
    CHECK(remote.port == 1 && strcmp(remote.name, "w2") == 0);
    CHECK_RESULT(sinew_server_find(server, 8, &remote), SINEW_RESULT_UNKNOWN_SERVER);

    CHECK_RESULT(sinew_registry_snapshot_end(server), SINEW_RESULT_INVALID_STATE);
    CHECK_SAYS("no snapshot has begun");
    CHECK_RESULT(sinew_registry_snapshot_begin(server), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_registry_snapshot_begin(server), SINEW_RESULT_INVALID_STATE);
    CHECK_RESULT(sinew_registry_snapshot_end(server), SINEW_RESULT_OK);
    event = wait_for(server, SINEW_EVENT_SERVER_LEFT);
    CHECK(event.server == 7 && event.code == SINEW_LEAVE_EXPIRED);
    CHECK_RESULT(sinew_registry_server_left(server, 8), SINEW_RESULT_UNKNOWN_SERVER);
    CHECK_RESULT(sinew_registry_server_left(server, 0), SINEW_RESULT_INVALID_ARGUMENT);

    CHECK_RESULT(sinew_registry_restored(server), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_registry_lost(server, NULL, 1), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_registry_lost(server, "\xff", 1), SINEW_RESULT_INVALID_UTF8);
    CHECK_RESULT(sinew_registry_lost(server, "gone", 4), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_registry_lost(server, "gone", 4), SINEW_RESULT_OK);
    CHECK(wait_for(server, SINEW_EVENT_REGISTRY_LOST).len == 4);
    CHECK_RESULT(sinew_registry_restored(server), SINEW_RESULT_OK);
    wait_for(server, SINEW_EVENT_REGISTRY_RESTORED);

    /* A newer server of its name ends it, and its own entry must go. */
    entry = entry_of(id + 1, "world", "w1");
    CHECK_RESULT(sinew_registry_server_joined(server, &entry), SINEW_RESULT_OK);
    CHECK(wait_for(server, SINEW_EVENT_REGISTRY_DEREGISTER).server == id);
    CHECK(wait_for(server, SINEW_EVENT_STOPPED).code == SINEW_STOP_REPLACED);
    every_report(server, SINEW_RESULT_STOPPED);
    sinew_server_free(server);
}

static void one_port_two_servers(void)
{
    unsigned port = free_port();
    char config[1024];
    sinew_server *first, *second = NULL;
    snprintf(config, sizeof config, "server.listen = '127.0.0.1:%u'\n%s", port, ALONE);
    first = start(config);
    CHECK_RESULT(sinew_server_start(config, strlen(config), &second), SINEW_RESULT_ADDRESS_IN_USE);
    CHECK_SAYS("server.listen");
    CHECK(second == NULL);
    sinew_server_free(first); /* right after its start */
    second = start(config);   /* and the port is free again */
    sinew_server_free(second);
}

int main(void)
{
    sinew_server *server;
    alarm(120);
    results();
    starting();
    no_server();
    server = start(ALONE);
    arguments(server);
    every_report(server, SINEW_RESULT_INVALID_STATE);
    CHECK_SAYS("registry.kind");
    reloading(server);
    questions(server);
    sentences(server);
    two_threads_poll(server);
    after_the_end(server);
    a_registry_of_its_own();
    one_port_two_servers();
    return 0;
}
