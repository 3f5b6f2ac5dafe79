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
    CHECK_RESULT(sinew_server_broadcast(NULL, "world", 5, 0, SINEW_MODE_RELIABLE, NULL, 0, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_stop(NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_info(NULL, &local), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_groups(NULL, &group, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_group_members(NULL, "world", 5, &id, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_find(NULL, 1, &remote), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_explain(NULL, 1, text, sizeof text, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_stats(NULL, &stats), SINEW_RESULT_INVALID_ARGUMENT);
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

    CHECK_RESULT(sinew_server_broadcast(server, "wrld", 4, 1, SINEW_MODE_RELIABLE, &byte, 1, &count), SINEW_RESULT_UNKNOWN_GROUP);
    CHECK_SAYS("`wrld`");
    CHECK_SAYS("lobby, world");
    CHECK_RESULT(sinew_server_broadcast(server, "chat", 4, 1, SINEW_MODE_RELIABLE, &byte, 1, &count), SINEW_RESULT_UNKNOWN_GROUP);
    CHECK_RESULT(sinew_server_broadcast(server, NULL, 5, 1, SINEW_MODE_RELIABLE, &byte, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_broadcast(server, "\xff", 1, 1, SINEW_MODE_RELIABLE, &byte, 1, &count), SINEW_RESULT_INVALID_UTF8);
    CHECK_RESULT(sinew_server_broadcast(server, "world", 5, 1, 9, &byte, 1, &count), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK(count == 77);
    CHECK_RESULT(sinew_server_broadcast(server, "world", 5, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_broadcast(server, "world", 5, 1, SINEW_MODE_RELIABLE, &byte, 1, &count), SINEW_RESULT_OK);
    CHECK(count == 0);
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

    CHECK_RESULT(sinew_server_broadcast(server, "\xc3\xbc\xf0\x9f\x8e\xae", 6, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL), SINEW_RESULT_UNKNOWN_GROUP);
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
        {8, "UNKNOWN: "},
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

/* Polls until the server has stopped; its result is the event's code. */
static void *poll_to_the_end(void *server)
{
    return (void *)(uintptr_t)wait_for(server, SINEW_EVENT_STOPPED).code;
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
    pthread_t sleeper, second;
    void *answer;
    bool busy = false;
    sinew_stats stats = {.size = sizeof stats};

    CHECK(pthread_create(&sleeper, NULL, poll_to_the_end, server) == 0);
    while (!busy) { /* until the sleeper has arrived in its poll */
        CHECK(pthread_create(&second, NULL, poll_once, server) == 0 && pthread_join(second, &answer) == 0);
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
    CHECK_RESULT(sinew_server_broadcast(server, "world", 5, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL), SINEW_RESULT_STOPPED);
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
    questions(server);
    sentences(server);
    two_threads_poll(server);
    after_the_end(server);
    one_port_two_servers();
    return 0;
}
