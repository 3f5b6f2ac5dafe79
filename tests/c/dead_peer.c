/*
 * A peer dies while this program, which does not poll, cannot read from it: the first that is noticed of its death is that it cannot
 * be written to. The system answers such a write with SIGPIPE, whose default is to end the process; that must not happen to a game.
 */
#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { MESSAGES = 5, MESSAGE = 2000 }; /* more than the parent's inbox, and less than the system holds for it */

static sinew_server *start_side(const char *group, unsigned registry_port, const char *more)
{
    char registry[32];
    snprintf(registry, sizeof registry, "127.0.0.1:%u", registry_port);
    return start_member(group, registry, more);
}

static void child(unsigned registry_port)
{
    static const uint8_t message[MESSAGE];
    sinew_server *server = start_side("lobby", registry_port, "");
    uint64_t world = wait_for(server, SINEW_EVENT_SERVER_CONNECTED).server;
    int i;
    for (i = 0; i < MESSAGES; i++) {
        CHECK_RESULT(sinew_server_send(server, world, 1, SINEW_MODE_RELIABLE, message, MESSAGE), SINEW_RESULT_OK);
    }
    for (;;) {
        pause(); /* until it is killed */
    }
}

static uint32_t state_of(sinew_server *server, uint64_t id)
{
    sinew_remote_info remote = {.size = sizeof remote};
    sinew_result result = sinew_server_find(server, id, &remote);
    if (result == SINEW_RESULT_UNKNOWN_SERVER) {
        return SINEW_STATE_LEFT;
    }
    CHECK_RESULT(result, SINEW_RESULT_OK);
    return remote.state;
}

int main(int argc, char **argv)
{
    char more[256], port_text[16];
    unsigned port;
    sinew_server *server;
    sinew_stats stats = {.size = sizeof stats};
    sinew_event event;
    uint64_t lobby;
    pid_t pid;
    int status;

    alarm(60);
    if (argc == 2) {
        child((unsigned)strtoul(argv[1], NULL, 10));
    }
    port = free_port();
    snprintf(more, sizeof more, "limits.inbox_bytes = 4096\nregistry.host = true\nregistry.listen = '127.0.0.1:%u'\nregistry.lease_ms = 500\n", port);
    server = start_side("world", port, more);
    wait_for(server, SINEW_EVENT_STARTED);
    snprintf(port_text, sizeof port_text, "%u", port);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execl(argv[0], argv[0], port_text, (char *)NULL);
        _exit(127);
    }
    lobby = wait_for(server, SINEW_EVENT_SERVER_CONNECTED).server;
    do { /* from here on nothing is polled, so that the inbox fills and the link stops reading */
        pause_briefly();
        CHECK_RESULT(sinew_server_stats(server, &stats), SINEW_RESULT_OK);
    } while (stats.inbox_bytes < 4096);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    do { /* the first write is answered with a reset, the second with the signal */
        sinew_result result = sinew_server_send(server, lobby, 1, SINEW_MODE_RELIABLE, (const uint8_t *)"?", 1);
        CHECK(result == SINEW_RESULT_OK || result == SINEW_RESULT_NOT_CONNECTED || result == SINEW_RESULT_UNKNOWN_SERVER);
        pause_briefly();
    } while (state_of(server, lobby) == SINEW_STATE_CONNECTED);
    event = wait_for(server, SINEW_EVENT_SERVER_DISCONNECTED);
    CHECK(event.server == lobby && event.code == SINEW_DISCONNECT_LOST && event.count > 0);
    sinew_server_free(server);
    return 0;
}
