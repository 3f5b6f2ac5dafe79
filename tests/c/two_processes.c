/*
 * Two programs, each with a server: the parent hosts the registry, the child (this program again, after exec) dials it.
 * They talk both ways; then a child leaves as it should, and another one is killed while both sides are sending.
 *
 * Nothing here ignores SIGPIPE: a peer that is gone must not end the program that writes to it.
 */
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

enum {
    MESSAGES = 10000,
    UNRELIABLE = 100,
    LONGEST = 300,
    TAG_COUNTED = 1,    /* one of the numbered messages */
    TAG_UNRELIABLE = 2,
    TAG_LEAVE = 3,      /* to the child: stop */
    TAG_FLOOD = 4       /* sent until somebody dies of it */
};

/* The content of message `number`: its number, then bytes that depend on it; of a length that depends on it, too. */
static size_t content(uint32_t number, uint8_t *bytes)
{
    size_t len = 4 + number * 7919 % (LONGEST - 4), i;
    for (i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
    for (; i < len; i++) {
        bytes[i] = (uint8_t)(number * 31 + i);
    }
    return len;
}

/* What one side knows of the other. */
typedef struct {
    sinew_server *server;
    uint64_t other;
    uint32_t sent, received, unreliable, leave;
    int waits; /* the outbox was full, and WRITABLE has not come */
    int joined, connected, disconnected, left;
    uint32_t disconnect_code, leave_code;
    uint64_t unacknowledged;
} side;

static void see(side *here, const sinew_event *event)
{
    uint8_t expected[LONGEST];
    /* The one order of events. */
    switch (event->type) {
    case SINEW_EVENT_SERVER_JOINED:
        CHECK(!here->joined);
        here->joined = 1;
        here->other = event->server;
        break;
    case SINEW_EVENT_SERVER_CONNECTED:
        CHECK(here->joined && !here->connected && !here->left);
        here->connected = 1;
        break;
    case SINEW_EVENT_MESSAGE:
        CHECK(here->connected && !here->disconnected);
        CHECK(event->data != NULL && event->code == 0 && event->count == 0);
        if (event->tag == TAG_COUNTED) {
            CHECK(event->mode == SINEW_MODE_RELIABLE);
            CHECK(event->len == content(here->received, expected) && memcmp(event->data, expected, event->len) == 0);
            here->received++;
        } else if (event->tag == TAG_UNRELIABLE) {
            CHECK(event->mode == SINEW_MODE_UNRELIABLE && event->len == 0);
            here->unreliable++;
        } else if (event->tag == TAG_LEAVE) {
            here->leave = 1;
        }
        break;
    case SINEW_EVENT_WRITABLE:
        here->waits = 0;
        break;
    case SINEW_EVENT_SERVER_DISCONNECTED:
        CHECK(here->connected && !here->disconnected);
        CHECK(event->data != NULL && event->len > 0 && event->data[event->len] == '\0');
        here->disconnected = 1;
        here->disconnect_code = event->code;
        here->unacknowledged = event->count;
        break;
    case SINEW_EVENT_SERVER_LEFT:
        CHECK(here->joined && here->connected == here->disconnected && !here->left);
        here->left = 1;
        here->leave_code = event->code;
        break;
    default: /* events of later versions, and those that are not about the other one */
        return;
    }
    CHECK(event->server == here->other && event->group != NULL);
}

/* Polls once. Answers 0 when the server has stopped. */
static int poll_events(side *here, uint32_t timeout_ms)
{
    sinew_event events[50];
    size_t count, i;
    sinew_result result = sinew_server_poll(here->server, timeout_ms, events, 50, &count);
    if (result == SINEW_RESULT_STOPPED) {
        return 0;
    }
    CHECK_RESULT(result, SINEW_RESULT_OK);
    for (i = 0; i < count; i++) {
        see(here, &events[i]);
    }
    return 1;
}

/* Sends all numbered messages and takes all of the other's; a full outbox makes it wait, nothing else. */
static void talk(side *here)
{
    uint8_t bytes[LONGEST];
    uint32_t i;
    while (!here->connected) {
        CHECK(poll_events(here, PATIENCE_MS));
    }
    for (i = 0; i < UNRELIABLE; i++) {
        CHECK_RESULT(sinew_server_send(here->server, here->other, TAG_UNRELIABLE, SINEW_MODE_UNRELIABLE, NULL, 0), SINEW_RESULT_OK);
    }
    while (here->sent < MESSAGES || here->received < MESSAGES) {
        while (here->sent < MESSAGES && !here->waits) {
            size_t len = content(here->sent, bytes);
            sinew_result result = sinew_server_send(here->server, here->other, TAG_COUNTED, SINEW_MODE_RELIABLE, bytes, len);
            if (result == SINEW_RESULT_QUEUE_FULL) {
                here->waits = 1;
            } else {
                CHECK_RESULT(result, SINEW_RESULT_OK);
                here->sent++;
            }
            memset(bytes, 0, sizeof bytes); /* it was copied */
        }
        CHECK(poll_events(here, PATIENCE_MS));
        CHECK(!here->disconnected);
    }
    CHECK(here->received == MESSAGES && here->unreliable <= UNRELIABLE);
}

static sinew_server *start_side(const char *group, unsigned registry_port, const char *more)
{
    char registry[32], limits[512];
    snprintf(registry, sizeof registry, "127.0.0.1:%u", registry_port);
    snprintf(limits, sizeof limits,
             "groups.lobby.visibility = 'external'\n"
             "limits.outbox_bytes = 65536\n" /* small enough to be full now and then */
             "limits.resume_window_ms = 300\n" /* nobody comes back here */
             "%s",
             more);
    return start_member(group, registry, limits);
}

static int child(unsigned registry_port)
{
    side here;
    memset(&here, 0, sizeof here);
    here.server = start_side("lobby", registry_port, "");
    talk(&here);
    while (!here.leave) {
        /* The one that will be killed is killed while it sends. */
        sinew_result result = sinew_server_send(here.server, here.other, TAG_FLOOD, SINEW_MODE_RELIABLE, (const uint8_t *)"x", 1);
        CHECK(result == SINEW_RESULT_OK || result == SINEW_RESULT_QUEUE_FULL);
        CHECK(poll_events(&here, 0));
        CHECK(!here.disconnected);
    }
    CHECK_RESULT(sinew_server_stop(here.server), SINEW_RESULT_OK);
    while (poll_events(&here, PATIENCE_MS)) {
    }
    CHECK(here.disconnected && here.disconnect_code == SINEW_DISCONNECT_STOPPING);
    CHECK(here.left && here.leave_code == SINEW_LEAVE_STOPPING);
    sinew_server_free(here.server);
    return 0;
}

static pid_t spawn(const char *program, unsigned registry_port)
{
    char port[16];
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        snprintf(port, sizeof port, "%u", registry_port);
        execl(program, program, port, (char *)NULL);
        perror(program);
        _exit(127);
    }
    return pid;
}

static int ended(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        CHECK(errno == EINTR);
    }
    return status;
}

/* Everything of one child, with its server's id as the parent knew it. */
static uint64_t one_child(sinew_server *server, const char *program, unsigned registry_port, int kill_it)
{
    pid_t pid = spawn(program, registry_port);
    side here;
    int status;
    memset(&here, 0, sizeof here);
    here.server = server;
    talk(&here);
    if (kill_it) {
        int killed = 0, i;
        /* Goes on writing to it until its end is known. */
        while (!here.disconnected) {
            for (i = 0; i < 100; i++) {
                sinew_result result = sinew_server_send(server, here.other, TAG_FLOOD, SINEW_MODE_RELIABLE, (const uint8_t *)"y", 1);
                /* It may even have left since the last poll. */
                CHECK(result == SINEW_RESULT_OK || result == SINEW_RESULT_QUEUE_FULL || result == SINEW_RESULT_NOT_CONNECTED ||
                      result == SINEW_RESULT_UNKNOWN_SERVER);
            }
            CHECK(poll_events(&here, 0));
            if (!killed) {
                CHECK(kill(pid, SIGKILL) == 0);
                killed = 1;
            }
        }
    } else {
        sinew_result result;
        do { /* the child floods us, so our outbox may be full of nothing but its acknowledgements for a while */
            result = sinew_server_send(server, here.other, TAG_LEAVE, SINEW_MODE_RELIABLE, NULL, 0);
            CHECK(poll_events(&here, 1));
        } while (result == SINEW_RESULT_QUEUE_FULL);
        CHECK_RESULT(result, SINEW_RESULT_OK);
    }
    while (!here.left) {
        CHECK(poll_events(&here, PATIENCE_MS));
    }
    status = ended(pid);
    if (kill_it) {
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        CHECK(here.disconnect_code == SINEW_DISCONNECT_LOST && here.leave_code == SINEW_LEAVE_EXPIRED);
    } else {
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        CHECK(here.disconnect_code == SINEW_DISCONNECT_PEER_STOPPED && here.leave_code == SINEW_LEAVE_STOPPED);
        CHECK(here.unacknowledged == 0);
    }
    CHECK_RESULT(sinew_server_send(server, here.other, TAG_COUNTED, SINEW_MODE_RELIABLE, NULL, 0), SINEW_RESULT_UNKNOWN_SERVER);
    return here.other;
}

int main(int argc, char **argv)
{
    unsigned port;
    uint64_t first, second;
    char host[256];
    sinew_server *server;

    alarm(100);
    if (argc == 2) {
        return child((unsigned)strtoul(argv[1], NULL, 10));
    }
    port = free_port();
    snprintf(host, sizeof host, "registry.host = true\nregistry.listen = '127.0.0.1:%u'\nregistry.lease_ms = 500\n", port);
    server = start_side("world", port, host);
    wait_for(server, SINEW_EVENT_STARTED);
    first = one_child(server, argv[0], port, 0);
    second = one_child(server, argv[0], port, 1);
    CHECK(first != second); /* an id is never used again */
    CHECK_RESULT(sinew_server_stop(server), SINEW_RESULT_OK);
    CHECK(wait_for(server, SINEW_EVENT_STOPPED).code == SINEW_STOP_REQUESTED);
    sinew_server_free(server);
    return 0;
}
