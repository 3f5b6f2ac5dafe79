/* Sinew, as a game uses it: through include/sinew.h and the shared library. */
#include "requests.h"

#include <pthread.h>
#include <sinew.h>

enum { EVENTS = 256, TAG = 1, BULK_TAG = 2, BULK_BYTES = 16 << 20 };

#define URGENT (SINEW_MODE_RELIABLE | SINEW_LANE_1)

static sinew_server *server;
static sinew_event events[EVENTS];
static uint64_t other;
static uint64_t *asked; /* the library's number of what is under way from each place */
static int writable;

static void check(sinew_result result, const char *what)
{
    char text[1024];
    if (result != SINEW_RESULT_OK) {
        sinew_last_error(text, sizeof text, NULL);
        fprintf(stderr, "%s: %s: %s\n", what, sinew_result_text(result), text);
        exit(1);
    }
}

static void peer_receive(unsigned wait)
{
    size_t count = 0, i;
    check(sinew_server_poll(server, wait, events, EVENTS, &count), "poll");
    for (i = 0; i < count; i++) {
        switch (events[i].type) {
        case SINEW_EVENT_MESSAGE:
            take_message(events[i].data, events[i].len);
            break;
        case SINEW_EVENT_SERVER_CONNECTED:
            other = events[i].server;
            break;
        case SINEW_EVENT_WRITABLE:
            writable = 1;
            break;
        case SINEW_EVENT_REQUEST:
            check(sinew_server_reply(server, events[i].server, events[i].request, 0, events[i].data, events[i].len), "reply");
            served_one();
            break;
        case SINEW_EVENT_REPLY:
            if (events[i].len == setting.size && events[i].request != asked[place_of(events[i].data)]) {
                wrong_answers++;
            }
            take_answer(events[i].data, events[i].len);
            break;
        case SINEW_EVENT_REQUEST_FAILED:
            fprintf(stderr, "request failed: %u\n", (unsigned)events[i].code);
            exit(1);
        case SINEW_EVENT_SERVER_DISCONNECTED:
            fprintf(stderr, "disconnected: %s\n", (const char *)events[i].data);
            exit(1);
        }
    }
}

/* Sends for certain: a full outbox is waited for. */
static void peer_send(const uint8_t *message, size_t len, int unreliable)
{
    uint32_t mode = unreliable ? SINEW_MODE_UNRELIABLE : SINEW_MODE_RELIABLE;
    for (;;) {
        sinew_result result = sinew_server_send(server, other, TAG, mode, message, len);
        if (result != SINEW_RESULT_QUEUE_FULL) {
            check(result, "send");
            return;
        }
        writable = 0;
        while (!writable) {
            peer_receive(100);
        }
    }
}

/* Sinew writes what has gathered without being asked. */
static void peer_flush(void) {}

static void peer_ask(const uint8_t *payload, size_t len, uint64_t place)
{
    enum { TIMEOUT_MS = 10000 };
    check(sinew_server_request(server, other, TAG, SINEW_MODE_RELIABLE, payload, len, TIMEOUT_MS, &asked[place]), "request");
}

static void peer_exchange(unsigned wait) { peer_receive(wait); }

static void start(const char *group, unsigned registry_port, const char *more)
{
    char config[1024];
    snprintf(config, sizeof config,
             "log.to = 'none'\n"
             "server.group = '%s'\n"
             "groups.world.visibility = 'internal'\n"
             "groups.lobby.connects_to = ['world']\n"
             "registry.addresses = ['127.0.0.1:%u']\n"
             "%s%s",
             group, registry_port, more,
             /* Room for a few of the big ones. */
             is(setting.test, "lanes") ? "limits.outbox_bytes = 67108864\nlimits.inbox_bytes = 67108864\n" : "");
    check(sinew_server_start(config, strlen(config), &server), "start");
}

/* Messages of 64 B to and fro on lane 1, while messages of 16 MiB stream on lane 0 to the server. */
static void lanes_server(void)
{
    for (;;) {
        size_t count = 0, i;
        check(sinew_server_poll(server, WAIT_MS, events, EVENTS, &count), "poll");
        for (i = 0; i < count; i++) {
            if (events[i].type == SINEW_EVENT_SERVER_CONNECTED) {
                other = events[i].server;
            } else if (events[i].type == SINEW_EVENT_MESSAGE && events[i].tag == TAG) {
                check(sinew_server_send(server, other, TAG, URGENT, events[i].data, events[i].len), "send");
            }
        }
    }
}

/* The transfer has a thread of its own, as in a game: copying 16 MiB takes longer than the round trip beside it. */
static void *transfer(void *unused)
{
    uint8_t *bulk = calloc(1, BULK_BYTES);
    (void)unused;
    for (;;) {
        sinew_result result = sinew_server_send(server, other, BULK_TAG, SINEW_MODE_RELIABLE, bulk, BULK_BYTES);
        if (result == SINEW_RESULT_QUEUE_FULL) {
            usleep(500);
        } else {
            check(result, "send in bulk");
        }
    }
    return NULL;
}

static void lanes_client(void)
{
    static round_trips trips;
    uint8_t ping[64] = {0};
    uint64_t sequence = 0, sent;
    sinew_result result;
    pthread_t thread;
    awaited = ping;
    if (pthread_create(&thread, NULL, transfer, NULL) != 0) {
        fail("no thread for the transfer");
    }
    for (;;) {
        put_sequence(ping, sequence++);
        sent = now_ns();
        answered = 0;
        while ((result = sinew_server_send(server, other, TAG, URGENT, ping, sizeof ping)) == SINEW_RESULT_QUEUE_FULL) {
            peer_receive(1);
        }
        check(result, "send");
        while (!answered) {
            peer_receive(100);
        }
        round_trip(&trips, &setting, sent);
    }
}

int main(int argc, char **argv)
{
    setting = parse(argc, argv);
    asked = calloc(setting.flight + 1, sizeof *asked);
    if (setting.is_server) {
        char host[128];
        unsigned port = free_port(SOCK_STREAM);
        snprintf(host, sizeof host, "registry.host = true\nregistry.listen = '127.0.0.1:%u'\n", port);
        start("world", port, host);
        ready(port);
    } else {
        start("lobby", setting.port, "");
        while (other == 0) {
            peer_receive(WAIT_MS);
        }
    }
    if (!is(setting.test, "lanes")) {
        run_any();
    } else if (setting.is_server) {
        lanes_server();
    } else {
        lanes_client();
    }
    return 0;
}
