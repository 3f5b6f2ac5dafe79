/* The member of a mixed cluster in C; README.md tells what it does. It is never the conductor. */
#include <sinew.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PEERS = 16, MOST_SEEN = 64, EVENTS = 256, MOST_BYTES = 4 + 99 };

/* How far it is with one of the others. */
typedef struct {
    uint64_t id;
    uint32_t sent, received;
} peer;

static void wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("wrong: ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    exit(1);
}

static void must(sinew_result result, const char *what)
{
    char why[1024] = "";
    if (result != SINEW_RESULT_OK) {
        sinew_last_error(why, sizeof why, NULL);
        wrong("%s: %s", what, why);
    }
}

static size_t payload(uint32_t number, uint8_t *bytes)
{
    uint32_t i;
    for (i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(number >> 8 * i);
    }
    for (i = 0; i < number % 100; i++) {
        bytes[4 + i] = (uint8_t)(number + 7 * i);
    }
    return 4 + number % 100;
}

/* The names of everybody seen, because a server that has left is found no more. */
typedef struct {
    uint64_t id;
    char name[64];
} seen;

static seen everybody[MOST_SEEN];

static char *name_of(uint64_t id)
{
    size_t i;
    for (i = 0; i < MOST_SEEN && everybody[i].id != 0 && everybody[i].id != id; i++) {
    }
    if (i == MOST_SEEN) {
        wrong("more than %d servers", MOST_SEEN);
    }
    everybody[i].id = id;
    return everybody[i].name;
}

static void tell(const char *what, uint64_t id)
{
    printf("%s %s\n", what, name_of(id));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    peer peers[MOST_PEERS];
    sinew_event events[EVENTS];
    sinew_server *server = NULL;
    uint8_t bytes[MOST_BYTES];
    char config[512];
    uint32_t count_of_messages;
    size_t wanted, open = 0, count = 0, i, k;
    int verified = 0, conductor_left = 0, stopping = 0;

    if (argc != 5) {
        wrong("it is called as: member NAME REGISTRY COUNT PEERS");
    }
    count_of_messages = (uint32_t)strtoul(argv[3], NULL, 10);
    wanted = strtoul(argv[4], NULL, 10);
    if (wanted > MOST_PEERS) {
        wrong("at most %d peers", MOST_PEERS);
    }
    snprintf(config, sizeof config,
             "server = { group = 'mixed', name = '%s' }\ngroups.mixed.connects_to = ['mixed']\nregistry.addresses = ['%s']\nlog.level = 'error'\n", argv[1],
             argv[2]);
    must(sinew_server_start(config, strlen(config), &server), "start");

    for (;;) {
        must(sinew_server_poll(server, 20, events, EVENTS, &count), "poll");
        for (i = 0; i < count; i++) {
            const sinew_event *event = &events[i];
            if (event->type == SINEW_EVENT_SERVER_JOINED) {
                const sinew_registration *entry = (const void *)event->data;
                snprintf(name_of(event->server), sizeof everybody[0].name, "%s", entry->name);
                tell("joined", event->server);
            } else if (event->type == SINEW_EVENT_SERVER_CONNECTED) {
                tell("connected", event->server);
                if (open < wanted) {
                    memset(&peers[open], 0, sizeof peers[open]);
                    peers[open++].id = event->server;
                }
            } else if (event->type == SINEW_EVENT_MESSAGE) {
                size_t len;
                for (k = 0; k < open && peers[k].id != event->server; k++) {
                }
                if (k == open || peers[k].received == count_of_messages) {
                    wrong("a message too much of %s", name_of(event->server));
                }
                len = payload(peers[k].received, bytes);
                if (event->tag != peers[k].received % 65536 || event->len != len || memcmp(event->data, bytes, len) != 0) {
                    wrong("message %u of %s: tag %u, %u bytes", peers[k].received, name_of(event->server), event->tag,
                          (unsigned)event->len);
                }
                peers[k].received++;
            } else if (event->type == SINEW_EVENT_SERVER_DISCONNECTED && !verified) {
                wrong("%s is disconnected: %s", name_of(event->server), (const char *)event->data);
            } else if (event->type == SINEW_EVENT_SERVER_LEFT) {
                tell("left", event->server);
                conductor_left |= strcmp(name_of(event->server), "conductor") == 0;
            } else if (event->type == SINEW_EVENT_STOPPED) {
                printf("stopped\n");
                sinew_server_free(server);
                return 0;
            }
        }
        for (k = 0; k < open; k++) {
            while (peers[k].sent < count_of_messages) {
                size_t len = payload(peers[k].sent, bytes);
                sinew_result result =
                    sinew_server_send(server, peers[k].id, (uint16_t)peers[k].sent, SINEW_MODE_RELIABLE, bytes, len);
                if (result == SINEW_RESULT_QUEUE_FULL) {
                    break;
                }
                must(result, "send");
                peers[k].sent++;
            }
        }
        for (k = 0; k < open && peers[k].sent == count_of_messages && peers[k].received == count_of_messages; k++) {
        }
        if (!verified && open == wanted && k == open) {
            verified = 1;
            printf("verified\n");
            fflush(stdout);
        }
        if (verified && conductor_left && !stopping) {
            stopping = 1;
            sinew_server_stop(server);
        }
    }
}
