/* Sinew, as a game uses it: through include/sinew.h and the shared library. */
#include "run.h"

#include <sinew.h>

enum { EVENTS = 1024, TAG = 1 };

static sinew_server *server;
static sinew_event events[EVENTS];
static uint64_t other;
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

static void start(const char *group, unsigned registry_port, const char *more)
{
    char config[1024];
    snprintf(config, sizeof config,
             "log.to = 'none'\n"
             "server.group = '%s'\n"
             "groups.world.visibility = 'internal'\n"
             "groups.lobby.connects_to = ['world']\n"
             "registry.addresses = ['127.0.0.1:%u']\n"
             "%s",
             group, registry_port, more);
    check(sinew_server_start(config, strlen(config), &server), "start");
}

int main(int argc, char **argv)
{
    setting = parse(argc, argv);
    if (is_server(&setting)) {
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
    run();
    return 0;
}
