/*
 * A cluster whose registry the program connects itself: file_registry.h. The parent starts a server, then this program again as a child with
 * another one; they find each other through a folder and exchange messages. A first child leaves as it should, a second one is killed, and
 * between them the folder is away for a while.
 */
#include "file_registry.h"
#include "support.h"

#include <signal.h>
#include <sys/wait.h>

enum { LEASE_MS = 600, TAG_HELLO = 1, TAG_LEAVE = 2 };

typedef struct {
    file_registry registry;
    uint64_t other;
    int started, joined, connected, hello, leave, left, lost, restored, stopped;
} side;

/* Polls once, for a short while. */
static void frame(side *here)
{
    sinew_event events[16];
    size_t count, i;
    CHECK_RESULT(sinew_server_poll(here->registry.server, 10, events, 16, &count), SINEW_RESULT_OK);
    for (i = 0; i < count; i++) {
        const sinew_event *event = &events[i];
        file_registry_event(&here->registry, event);
        switch (event->type) {
        case SINEW_EVENT_REGISTRY_REGISTER: {
            const sinew_registration *me = (const sinew_registration *)(const void *)event->data;
            CHECK(event->len == sizeof *me && me->size == sizeof *me && me->id == event->server && me->port != 0);
            CHECK(strcmp(me->host, "127.0.0.1") == 0 && me->host_len == 9 && strcmp(me->group, event->group) == 0);
            CHECK(me->property_count == 1 && strcmp(me->properties[0].key, "map") == 0 && me->properties[0].value_len == 5);
            break;
        }
        case SINEW_EVENT_STARTED:
            CHECK(event->server == here->registry.id);
            here->started = 1;
            break;
        case SINEW_EVENT_SERVER_JOINED:
            here->other = event->server;
            here->joined++;
            here->connected = here->left = 0;
            break;
        case SINEW_EVENT_SERVER_CONNECTED:
            CHECK(event->server == here->other);
            here->connected = 1;
            CHECK_RESULT(sinew_server_send(here->registry.server, here->other, TAG_HELLO, SINEW_MODE_RELIABLE, (const uint8_t *)"hello", 5),
                         SINEW_RESULT_OK);
            break;
        case SINEW_EVENT_MESSAGE:
            here->hello += event->tag == TAG_HELLO && event->len == 5 && memcmp(event->data, "hello", 5) == 0;
            here->leave += event->tag == TAG_LEAVE;
            break;
        case SINEW_EVENT_SERVER_LEFT:
            here->left = 1;
            break;
        case SINEW_EVENT_REGISTRY_LOST:
            CHECK(event->len > 0);
            here->lost++;
            break;
        case SINEW_EVENT_REGISTRY_RESTORED:
            here->restored++;
            break;
        case SINEW_EVENT_STOPPED:
            here->stopped = 1;
            return;
        default:
            break;
        }
    }
    file_registry_tick(&here->registry);
}

/* Goes on until `condition`, for at most PATIENCE_MS. */
#define UNTIL(here, condition)                                                                                                             \
    do {                                                                                                                                   \
        double deadline_ = file_registry_now(CLOCK_MONOTONIC) + PATIENCE_MS / 1000.0;                                                      \
        while (!(condition)) {                                                                                                             \
            CHECK(file_registry_now(CLOCK_MONOTONIC) < deadline_);                                                                         \
            frame(here);                                                                                                                   \
        }                                                                                                                                  \
    } while (0)

static void start_side(side *here, const char *folder, const char *group)
{
    char config[512];
    snprintf(config, sizeof config,
             "log.to = 'none'\n"
             "server.group = '%s'\n"
             "server.properties.map = 'd\xc3\xbcne'\n"
             "groups.lobby.connects_to = ['world']\n"
             "groups.world.visibility = 'external'\n"
             "limits.resume_window_ms = 100\n"
             "limits.reconnect_attempts = 2\n"
             "registry.kind = 'external'\n",
             group);
    memset(here, 0, sizeof *here);
    here->registry.folder = folder;
    here->registry.lease_ms = LEASE_MS;
    here->registry.server = start(config);
}

static void end_side(side *here)
{
    CHECK_RESULT(sinew_server_stop(here->registry.server), SINEW_RESULT_OK);
    UNTIL(here, here->stopped);
    CHECK(here->registry.id == 0); /* the goodbye came first, and the file is gone */
    sinew_server_free(here->registry.server);
}

static int child(const char *folder)
{
    side here;
    start_side(&here, folder, "lobby");
    UNTIL(&here, here.leave);
    end_side(&here);
    return 0;
}

static pid_t spawn(const char *program, const char *folder)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execl(program, program, folder, (char *)NULL);
        perror(program);
        _exit(127);
    }
    return pid;
}

static void meet(side *here, int times)
{
    UNTIL(here, here->joined == times && here->connected && here->hello == times);
}

int main(int argc, char **argv)
{
    char folder[] = "file-registry-XXXXXX", away[64];
    side here;
    uint64_t first;
    pid_t pid;
    int status, i;

    alarm(100);
    if (argc == 2) {
        return child(argv[1]);
    }
    CHECK(mkdtemp(folder) != NULL);
    snprintf(away, sizeof away, "%s-away", folder);

    /* Without the folder there is no registration, and one word about that. */
    CHECK(rename(folder, away) == 0);
    start_side(&here, folder, "world");
    UNTIL(&here, here.lost == 1);
    CHECK(rename(away, folder) == 0);
    UNTIL(&here, here.started && here.restored == 1);

    pid = spawn(argv[0], folder);
    meet(&here, 1);
    first = here.other;

    /* An outage harms nobody. */
    CHECK(rename(folder, away) == 0);
    UNTIL(&here, here.lost == 2);
    CHECK(here.connected && !here.left);
    CHECK(rename(away, folder) == 0);
    UNTIL(&here, here.restored == 2);
    for (i = 0; i < 50; i++) {
        frame(&here);
    }
    CHECK(here.connected && !here.left && here.joined == 1);

    CHECK_RESULT(sinew_server_send(here.registry.server, here.other, TAG_LEAVE, SINEW_MODE_RELIABLE, NULL, 0), SINEW_RESULT_OK);
    UNTIL(&here, here.left);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);

    pid = spawn(argv[0], folder);
    meet(&here, 2);
    CHECK(here.other != first);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    UNTIL(&here, here.left);

    end_side(&here);
    {
        /* What the killed one has left behind. */
        DIR *opened = opendir(folder);
        struct dirent *file;
        CHECK(opened != NULL);
        while ((file = readdir(opened)) != NULL) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
            if (file->d_name[0] != '.') {
                CHECK(remove(path) == 0);
            }
        }
        closedir(opened);
    }
    CHECK(rmdir(folder) == 0);
    return 0;
}
