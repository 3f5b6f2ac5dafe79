/* Sinew, as a game uses it: through include/sinew.h and the shared library. */
#include "common.h"

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

static size_t poll_events(uint32_t timeout_ms)
{
    size_t count = 0, i;
    check(sinew_server_poll(server, timeout_ms, events, EVENTS, &count), "poll");
    for (i = 0; i < count; i++) {
        if (events[i].type == SINEW_EVENT_SERVER_CONNECTED) {
            other = events[i].server;
        } else if (events[i].type == SINEW_EVENT_WRITABLE) {
            writable = 1;
        } else if (events[i].type == SINEW_EVENT_SERVER_DISCONNECTED) {
            fprintf(stderr, "disconnected: %s\n", (const char *)events[i].data);
            exit(1);
        }
    }
    return count;
}

/* Sends for certain: a full outbox is waited for. */
static void send_message(uint32_t mode, const uint8_t *message, size_t len)
{
    for (;;) {
        sinew_result result = sinew_server_send(server, other, TAG, mode, message, len);
        if (result != SINEW_RESULT_QUEUE_FULL) {
            check(result, "send");
            return;
        }
        writable = 0;
        while (!writable) {
            poll_events(100);
        }
    }
}

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

static void serve(const settings *s, uint8_t *message)
{
    receiver r;
    char host[128];
    unsigned port = free_port(SOCK_STREAM);
    uint64_t acknowledged_at = 0;
    memset(&r, 0, sizeof r);
    snprintf(host, sizeof host, "registry.host = true\nregistry.listen = '127.0.0.1:%u'\n", port);
    start("world", port, host);
    ready(port);
    for (;;) {
        size_t count = poll_events(s->spin ? 0 : 1000), i;
        if (count == 0) {
            continue;
        }
        for (i = 0; i < count; i++) {
            if (events[i].type != SINEW_EVENT_MESSAGE) {
                continue;
            }
            if (is_rtt(s)) {
                check(sinew_server_send(server, other, TAG, events[i].mode, events[i].data, events[i].len), "send");
            } else {
                receive(&r, events[i].data, events[i].len);
            }
        }
        if (is(s->test, "unreliable") && r.next - acknowledged_at >= acknowledge_every(s)) {
            acknowledged_at = r.next;
            put_sequence(message, r.next);
            send_message(SINEW_MODE_RELIABLE, message, 8);
        }
        received_batch(&r, s);
    }
}

static void ping(const settings *s, uint8_t *message)
{
    round_trips trips;
    uint32_t mode = is_unreliable(s) ? SINEW_MODE_UNRELIABLE : SINEW_MODE_RELIABLE;
    uint64_t sequence = 0;
    memset(&trips, 0, sizeof trips);
    for (;;) {
        uint64_t sent = now_ns();
        int answered = 0;
        put_sequence(message, sequence);
        send_message(mode, message, s->size);
        while (!answered && now_ns() - sent < 1000000000u) {
            size_t count = poll_events(s->spin ? 0 : 1000), i;
            for (i = 0; i < count; i++) {
                answered |= events[i].type == SINEW_EVENT_MESSAGE && memcmp(events[i].data, message, 8) == 0;
            }
        }
        sequence++;
        if (answered) {
            round_trip(&trips, s, sent);
        } else {
            trips.lost++;
        }
    }
}

static void send_all(const settings *s, uint8_t *message)
{
    sender r;
    uint32_t mode = is_unreliable(s) ? SINEW_MODE_UNRELIABLE : SINEW_MODE_RELIABLE;
    memset(&r, 0, sizeof r);
    for (;;) {
        if (is_unreliable(s)) {
            while (!window_open(&r, s)) {
                size_t count = poll_events(1), i;
                for (i = 0; i < count; i++) {
                    if (events[i].type == SINEW_EVENT_MESSAGE) {
                        acknowledged(&r, events[i].data, events[i].len);
                    }
                }
            }
        }
        put_sequence(message, r.next);
        send_message(mode, message, s->size);
        if (!sent_one(&r, s)) {
            break;
        }
    }
    put_sequence(message, r.next | FINAL_MESSAGE);
    send_message(SINEW_MODE_RELIABLE, message, s->size);
    sent_final(&r);
    for (;;) {
        poll_events(1000);
    }
}

int main(int argc, char **argv)
{
    settings s = parse(argc, argv);
    uint8_t *message = calloc(1, s.size + 8);
    if (is_server(&s)) {
        serve(&s, message);
    }
    start("lobby", s.port, "");
    while (other == 0) {
        poll_events(1000);
    }
    if (is_rtt(&s)) {
        ping(&s, message);
    } else {
        send_all(&s, message);
    }
    return 0;
}
