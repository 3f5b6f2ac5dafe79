/*
 * Many Sinew servers in full mesh. `servers` of them live in this process and connect with each other and with those of other
 * processes until each sees `total` others; the first process hosts the registry.
 *
 * Prints `ready PORT`, then `connected ns=...` when all links of this process are up, then one `result` line: what idle links cost
 * over `seconds`, and (in the process that hosts) how fast broadcasts arrive.
 */
#include "common.h"

#include <sinew.h>

enum { EVENTS = 1024, TAG = 1, MOST = 256 };

static sinew_server *servers[MOST];
static sinew_event events[EVENTS];
static unsigned connected[MOST];
static uint64_t messages;

static void check(sinew_result result, const char *what)
{
    char text[1024];
    if (result != SINEW_RESULT_OK && result != SINEW_RESULT_QUEUE_FULL) {
        sinew_last_error(text, sizeof text, NULL);
        fprintf(stderr, "%s: %s: %s\n", what, sinew_result_text(result), text);
        exit(1);
    }
}

/* A poll of every server, as an application thread with one loop for all of them has it. */
static void poll_all(const settings *s)
{
    size_t i, j;
    for (i = 0; i < s->servers; i++) {
        size_t count = 0;
        check(sinew_server_poll(servers[i], 0, events, EVENTS, &count), "poll");
        for (j = 0; j < count; j++) {
            connected[i] += events[j].type == SINEW_EVENT_SERVER_CONNECTED;
            connected[i] -= events[j].type == SINEW_EVENT_SERVER_DISCONNECTED;
            messages += events[j].type == SINEW_EVENT_MESSAGE;
        }
    }
}

/* So that polling costs next to nothing beside what is measured. */
static void rest_ms(long milliseconds)
{
    struct timespec pause;
    pause.tv_sec = 0;
    pause.tv_nsec = milliseconds * 1000000;
    nanosleep(&pause, NULL);
}

static unsigned threads(void)
{
    char line[256];
    unsigned count = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "Threads: %u", &count);
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

int main(int argc, char **argv)
{
    settings s = parse(argc, argv);
    uint64_t others = strtoull(s.variant, NULL, 10), i, began, last_start, from, cpu, sent_messages = 0;
    uint64_t rss_before, rss_started, rss_connected;
    unsigned port = s.is_server ? free_port(SOCK_STREAM) : s.port; /* of the registry */
    uint8_t payload[64] = {0};
    int all = 0;
    if (s.servers > MOST) {
        fail("too many servers");
    }
    rss_before = memory_kib("VmRSS");
    began = now_ns();
    for (i = 0; i < s.servers; i++) {
        char config[512];
        snprintf(config, sizeof config,
                 "log.to = 'none'\n"
                 "server.group = 'world'\n"
                 "groups.world.connects_to = ['world']\n"
                 "runtime.worker_threads = 1\n"
                 "registry.addresses = ['127.0.0.1:%u']\n",
                 port);
        if (i == 0 && s.is_server) {
            snprintf(config + strlen(config), sizeof config - strlen(config),
                     "registry.host = true\nregistry.listen = '127.0.0.1:%u'\n", port);
        }
        check(sinew_server_start(config, strlen(config), &servers[i]), "start");
        if (i == 0) {
            ready(port);
        }
    }
    last_start = now_ns();
    rss_started = memory_kib("VmRSS");
    while (!all) {
        poll_all(&s);
        all = 1;
        for (i = 0; i < s.servers; i++) {
            all &= connected[i] >= others;
        }
        if (!all) {
            rest_ms(1);
        }
    }
    printf("connected at_ns=%llu started_at_ns=%llu start_ns=%llu\n", (unsigned long long)now_ns(), (unsigned long long)last_start,
           (unsigned long long)(last_start - began));
    /* The rest of the cluster, and what is left of the handshakes. */
    for (i = 0; i < 100; i++) {
        poll_all(&s);
        rest_ms(20);
    }
    rss_connected = memory_kib("VmRSS");
    from = now_ns();
    cpu = cpu_us();
    while ((double)(now_ns() - from) < s.seconds * 1e9) {
        poll_all(&s);
        rest_ms(100);
    }
    cpu = cpu_us() - cpu;
    printf("idle ns=%llu cpu_us=%llu rss_before_kib=%llu rss_started_kib=%llu rss_connected_kib=%llu threads=%u\n",
           (unsigned long long)(now_ns() - from), (unsigned long long)cpu, (unsigned long long)rss_before,
           (unsigned long long)rss_started, (unsigned long long)rss_connected, threads());
    /* Broadcasts of the first server, 64 B each, as fast as they arrive in this process. */
    if (s.is_server && s.servers > 1) {
        messages = 0;
        from = now_ns();
        while ((double)(now_ns() - from) < 2e9) {
            for (i = 0; i < 256; i++) {
                size_t sent = 0;
                sinew_result result = sinew_server_broadcast(servers[0], "world", 5, TAG, SINEW_MODE_RELIABLE, payload, sizeof payload, &sent, NULL, 0, NULL);
                check(result, "broadcast");
                sent_messages += sent;
                if (result == SINEW_RESULT_QUEUE_FULL) {
                    break;
                }
            }
            poll_all(&s);
        }
        while (messages < sent_messages && now_ns() - from < 10000000000u) {
            poll_all(&s);
        }
        printf("result broadcast_ns=%llu sent=%llu delivered=%llu rss_kib=%llu\n", (unsigned long long)(now_ns() - from),
               (unsigned long long)sent_messages, (unsigned long long)messages, (unsigned long long)memory_kib("VmHWM"));
    } else {
        printf("result rss_kib=%llu\n", (unsigned long long)memory_kib("VmHWM"));
    }
    for (;;) {
        poll_all(&s);
        rest_ms(100);
    }
}
