/*
 * A server in C that the plugin talks to: peer NAME REGISTRY, in the group `peer`, which the group `game` connects to.
 *
 *   message 100     asks the sender request 60 with the same payload, and tells what came of it by message 61 (code, payload) or 62 (reason)
 *   message 101     sets its property `load` to the payload
 *   message 300     does not poll until a byte comes on its standard input
 *   other message   sends it back under the next tag, in the same mode
 *   request 1       answers with the code 7 and the same payload
 *   request 2       refuses; request 4: nobody answers these; any other: is never answered
 *
 * It stops when its standard input ends.
 */
#include <poll.h>
#include <sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS = 256 };

static void must(sinew_result result, const char *what)
{
    char why[1024] = "";
    if (result != SINEW_RESULT_OK) {
        sinew_last_error(why, sizeof why, NULL);
        fprintf(stderr, "peer: %s: %s\n", what, why);
        exit(1);
    }
}

/* Whoever has gone meanwhile misses nothing. */
static void send_to(sinew_server *server, uint64_t to, uint16_t tag, uint32_t mode, const uint8_t *data, size_t len)
{
    sinew_result result = sinew_server_send(server, to, tag, mode, data, len);
    if (result != SINEW_RESULT_NOT_CONNECTED && result != SINEW_RESULT_UNKNOWN_SERVER) {
        must(result, "send");
    }
}

static void answer(sinew_server *server, const sinew_event *event)
{
    uint64_t request = 0;
    char c;
    switch (event->tag) {
    case 100:
        must(sinew_server_request(server, event->server, 60, SINEW_MODE_RELIABLE, event->data, event->len, 5000, &request), "request");
        break;
    case 101:
        must(sinew_server_set_property(server, "load", 4, (const char *)event->data, event->len), "set_property");
        break;
    case 300:
        if (read(0, &c, 1) != 1) {
            exit(1);
        }
        break;
    default:
        send_to(server, event->server, (uint16_t)(event->tag + 1), event->mode, event->data, event->len);
    }
}

static void tell(sinew_server *server, const sinew_event *event)
{
    uint8_t bytes[1024];
    memcpy(bytes, &event->code, 4);
    if (event->type == SINEW_EVENT_REPLY && event->len <= sizeof bytes - 4) {
        memcpy(bytes + 4, event->data, event->len);
        send_to(server, event->server, 61, SINEW_MODE_RELIABLE, bytes, event->len + 4);
    } else if (event->code != SINEW_REQUEST_STOPPING) {
        send_to(server, event->server, 62, SINEW_MODE_RELIABLE, bytes, 1);
    }
}

int main(int argc, char **argv)
{
    sinew_event events[EVENTS];
    sinew_server *server = NULL;
    char config[512];
    size_t count = 0, i;
    int stopping = 0;

    if (argc != 3) {
        fprintf(stderr, "peer NAME REGISTRY\n");
        return 2;
    }
    snprintf(config, sizeof config,
             "server = { group = 'peer', name = '%s' }\ngroups.game.connects_to = ['game', 'peer']\ngroups.peer.visibility = 'external'\n"
             "registry.addresses = ['%s']\nlog.level = 'error'\n",
             argv[1], argv[2]);
    must(sinew_server_start(config, strlen(config), &server), "start");
    for (;;) {
        struct pollfd input = {0, POLLIN, 0};
        must(sinew_server_poll(server, 10, events, EVENTS, &count), "poll");
        for (i = 0; i < count; i++) {
            const sinew_event *event = &events[i];
            if (event->type == SINEW_EVENT_MESSAGE) {
                answer(server, event);
            } else if (event->type == SINEW_EVENT_REQUEST && event->tag == 1) {
                must(sinew_server_reply(server, event->server, event->request, 7, event->data, event->len), "reply");
            } else if (event->type == SINEW_EVENT_REQUEST && (event->tag == 2 || event->tag == 4)) {
                must(sinew_server_refuse(server, event->server, event->request,
                                         event->tag == 2 ? SINEW_REQUEST_REFUSED : SINEW_REQUEST_NO_HANDLER),
                     "refuse");
            } else if (event->type == SINEW_EVENT_REPLY || event->type == SINEW_EVENT_REQUEST_FAILED) {
                tell(server, event);
            } else if (event->type == SINEW_EVENT_STOPPED) {
                sinew_server_free(server);
                return 0;
            }
        }
        if (!stopping && poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLIN)) == POLLHUP) {
            stopping = 1;
            sinew_server_stop(server);
        }
    }
}
