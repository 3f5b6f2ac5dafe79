/*
 * Requests through the C ABI: every one of them ends exactly once, with the right answer, with 1,000 under way at any time; over a quiet link, and
 * over one that is cut every 50 ms. Then work for any server of a group, and what servers say of themselves.
 *
 *     SINEW_REQUESTS=1000000 ./requests
 */
#include "support.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

enum {
    REQUESTS = 50000, /* over each kind of link, unless SINEW_REQUESTS says otherwise */
    AT_ONCE = 1000,
    CUT_EVERY_MS = 50,
    LONGEST = 400,
    EVENTS = 256
};

/* What request `number` says, and of what length: its number, then bytes that depend on it. */
static size_t content(uint64_t number, uint8_t *bytes)
{
    size_t len = 8 + number * 7919 % (LONGEST - 8), i;
    memcpy(bytes, &number, 8);
    for (i = 8; i < len; i++) {
        bytes[i] = (uint8_t)(number * 31 + i);
    }
    return len;
}

/* Numbers that wait for their answer, by the place of `number % AT_ONCE`: a place is free again when its request has ended. */
typedef struct {
    uint64_t request, number;
} waiting;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Answers everything with what was asked; those for which there is no room wait in `unanswered`. */
typedef struct {
    sinew_server *server;
    struct {
        uint64_t from, request;
        size_t len;
        uint8_t bytes[LONGEST];
    } unanswered[AT_ONCE];
    size_t count;
    uint64_t answered;
} responder;

static void respond(responder *here)
{
    sinew_event events[EVENTS];
    size_t count = 0, i, kept = 0;
    for (i = 0; i < here->count; i++) {
        sinew_result result = sinew_server_reply(here->server, here->unanswered[i].from, here->unanswered[i].request, 7, here->unanswered[i].bytes,
                                                 here->unanswered[i].len);
        if (result == SINEW_RESULT_QUEUE_FULL) {
            here->unanswered[kept++] = here->unanswered[i];
        } else {
            CHECK_RESULT(result, SINEW_RESULT_OK);
            here->answered++;
        }
    }
    here->count = kept;
    CHECK_RESULT(sinew_server_poll(here->server, 0, events, EVENTS, &count), SINEW_RESULT_OK);
    for (i = 0; i < count; i++) {
        if (events[i].type == SINEW_EVENT_REQUEST) {
            sinew_result result;
            CHECK(events[i].count > 0 && events[i].len <= LONGEST);
            result = sinew_server_reply(here->server, events[i].server, events[i].request, 7, events[i].data, events[i].len);
            if (result == SINEW_RESULT_QUEUE_FULL) {
                CHECK(here->count < AT_ONCE);
                here->unanswered[here->count].from = events[i].server;
                here->unanswered[here->count].request = events[i].request;
                here->unanswered[here->count].len = events[i].len;
                memcpy(here->unanswered[here->count].bytes, events[i].data, events[i].len);
                here->count++;
            } else {
                CHECK_RESULT(result, SINEW_RESULT_OK);
                here->answered++;
            }
        }
    }
}

static void ask(sinew_server *lobby, uint64_t to, responder *world, uint64_t total, const char *what)
{
    static waiting open[AT_ONCE];
    sinew_event events[EVENTS];
    uint8_t bytes[LONGEST];
    uint64_t asked = 0, ended = 0;
    size_t count = 0, i, len;
    int interrupted = 0;
    double began = now(), moved = began;

    memset(open, 0, sizeof open);
    while (ended < total) {
        uint64_t before = ended;
        /* In order, so that each place is free when its turn comes round again. */
        while (asked < total && asked - ended < AT_ONCE && open[asked % AT_ONCE].request == 0) {
            waiting *place = &open[asked % AT_ONCE];
            sinew_result result;
            len = content(asked, bytes);
            result = sinew_server_request(lobby, to, (uint16_t)asked, SINEW_MODE_RELIABLE, bytes, len, 60000, &place->request);
            if (result == SINEW_RESULT_QUEUE_FULL) {
                place->request = 0;
                break;
            }
            CHECK_RESULT(result, SINEW_RESULT_OK);
            CHECK(place->request != 0);
            place->number = asked++;
        }
        respond(world);
        CHECK_RESULT(sinew_server_poll(lobby, 0, events, EVENTS, &count), SINEW_RESULT_OK);
        for (i = 0; i < count; i++) {
            CHECK(events[i].type != SINEW_EVENT_REQUEST_FAILED && events[i].type != SINEW_EVENT_SERVER_DISCONNECTED);
            interrupted += events[i].type == SINEW_EVENT_SERVER_INTERRUPTED;
            if (events[i].type == SINEW_EVENT_REPLY) {
                uint64_t number;
                CHECK(events[i].len >= 8 && events[i].code == 7 && events[i].server == to);
                memcpy(&number, events[i].data, 8);
                CHECK(number < asked && open[number % AT_ONCE].number == number);
                /* Once: the place is free from now on. */
                CHECK(open[number % AT_ONCE].request == events[i].request);
                open[number % AT_ONCE].request = 0;
                len = content(number, bytes);
                CHECK(events[i].len == len && memcmp(events[i].data, bytes, len) == 0 && events[i].tag == (uint16_t)number);
                ended++;
            }
        }
        if (ended != before) {
            moved = now();
        } else {
            CHECK(now() - moved < PATIENCE_MS / 1000.0);
        }
    }
    printf("%s: %llu requests, each answered once, in %.1f s; %d interruptions told\n", what, (unsigned long long)total, now() - began,
           interrupted);
}

/* A process that carries bytes between one dialer at a time and `to`, and cuts every connection after CUT_EVERY_MS. */
static pid_t cutter(int listener, unsigned to, pid_t parent)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child != 0) {
        return child;
    }
    while (getppid() == parent) {
        struct linger reset = {1, 0};
        struct sockaddr_in address;
        struct pollfd sides[2];
        char bytes[65536];
        double until;
        int outside;
        struct pollfd waits = {listener, POLLIN, 0};
        if (poll(&waits, 1, 100) <= 0) {
            continue;
        }
        sides[0].fd = accept(listener, NULL, NULL);
        sides[1].fd = outside = socket(AF_INET, SOCK_STREAM, 0);
        memset(&address, 0, sizeof address);
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons((unsigned short)to);
        until = now() + CUT_EVERY_MS / 1000.0;
        if (sides[0].fd >= 0 && connect(outside, (struct sockaddr *)&address, sizeof address) == 0) {
            int open = 1, i;
            while (open && now() < until) {
                sides[0].events = sides[1].events = POLLIN;
                poll(sides, 2, 1);
                for (i = 0; i < 2 && open; i++) {
                    if (sides[i].revents != 0) {
                        ssize_t got = recv(sides[i].fd, bytes, sizeof bytes, 0), sent = 0;
                        open = got > 0;
                        while (open && sent < got) {
                            /* Who does not read holds this up for as long as the connection lives. */
                            ssize_t now_sent = send(sides[1 - i].fd, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
                            if (now_sent > 0) {
                                sent += now_sent;
                            } else {
                                open = now() < until;
                            }
                        }
                    }
                }
            }
        }
        /* With a reset: what is under way is lost. */
        setsockopt(outside, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        setsockopt(sides[0].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(outside);
        close(sides[0].fd);
    }
    _exit(0);
}

static uint64_t connected_peer(sinew_server *server)
{
    return wait_for(server, SINEW_EVENT_SERVER_CONNECTED).server;
}

static void any_of_group(sinew_server *lobby, sinew_server *world, uint64_t to)
{
    sinew_event event;
    sinew_registration told;
    uint64_t chosen = 0, request = 0, missed[2] = {0, 0};
    size_t needed = 0, sent = 0, missing = 77;
    uint32_t found = 7;
    sinew_remote_info info;
    char text[16];

    CHECK_RESULT(sinew_server_set_property(world, "load", 4, "12.5", 4), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_set_property(world, "load", 4, "much", 4), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("`load` cannot be `much`");
    event = wait_for(lobby, SINEW_EVENT_SERVER_UPDATED);
    CHECK(event.server == to && event.len >= sizeof told);
    memcpy(&told, event.data, sizeof told);
    CHECK(told.property_count == 1 && strcmp(told.properties[0].key, "load") == 0 && strcmp(told.properties[0].value, "12.5") == 0);
    CHECK_RESULT(sinew_server_property(lobby, to, "load", 4, text, sizeof text, &needed, &found), SINEW_RESULT_OK);
    CHECK(strcmp(text, "12.5") == 0 && needed == 4 && found == 1);
    CHECK_RESULT(sinew_server_property(lobby, to, "lode", 4, text, sizeof text, &needed, &found), SINEW_RESULT_OK);
    CHECK(text[0] == 0 && needed == 0 && found == 0);
    CHECK_RESULT(sinew_server_property(world, 0, "load", 4, text, sizeof text, NULL, NULL), SINEW_RESULT_OK);
    CHECK(strcmp(text, "12.5") == 0);
    info.size = sizeof info;
    CHECK_RESULT(sinew_server_find(lobby, to, &info), SINEW_RESULT_OK);
    CHECK(info.load == 12.5 && info.capacity != info.capacity && info.readiness == SINEW_READINESS_READY && info.open_requests == 0);

    CHECK_RESULT(sinew_server_send_any(lobby, "world", 5, SINEW_POLICY_LEAST_LOADED, NULL, 0, 1, SINEW_MODE_RELIABLE, NULL, 0, &chosen),
                 SINEW_RESULT_OK);
    CHECK(chosen == to);
    CHECK_RESULT(sinew_server_send_any(lobby, "world", 5, SINEW_POLICY_KEY, (const uint8_t *)"k", 1, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL),
                 SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_request_any(lobby, "world", 5, SINEW_POLICY_ROUND_ROBIN, NULL, 0, 9, SINEW_MODE_RELIABLE, NULL, 0, 5000, 2, &request),
                 SINEW_RESULT_OK);
    event = wait_for(world, SINEW_EVENT_REQUEST);
    CHECK(event.tag == 9 && event.len == 0 && event.data != NULL);
    CHECK_RESULT(sinew_server_refuse(world, event.server, event.request, SINEW_REQUEST_TIMED_OUT), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("no reason to refuse");
    CHECK_RESULT(sinew_server_refuse(world, event.server, event.request, SINEW_REQUEST_NO_HANDLER), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_reply(world, event.server, event.request, 0, NULL, 0), SINEW_RESULT_UNKNOWN_REQUEST);
    event = wait_for(lobby, SINEW_EVENT_REQUEST_FAILED);
    CHECK(event.request == request && event.code == SINEW_REQUEST_NO_HANDLER && event.server == to);
    CHECK_RESULT(sinew_server_cancel(lobby, request), SINEW_RESULT_UNKNOWN_REQUEST);
    CHECK_RESULT(sinew_server_request(lobby, to, 9, SINEW_MODE_RELIABLE, NULL, 0, 60000, &request), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_cancel(lobby, request), SINEW_RESULT_OK);
    event = wait_for(lobby, SINEW_EVENT_REQUEST_FAILED);
    CHECK(event.request == request && event.code == SINEW_REQUEST_CANCELLED);

    CHECK_RESULT(sinew_server_set_property(world, "state", 5, "draining", 8), SINEW_RESULT_OK);
    wait_for(lobby, SINEW_EVENT_SERVER_UPDATED);
    chosen = 77;
    CHECK_RESULT(sinew_server_send_any(lobby, "world", 5, SINEW_POLICY_ROUND_ROBIN, NULL, 0, 1, SINEW_MODE_RELIABLE, NULL, 0, &chosen),
                 SINEW_RESULT_NO_CANDIDATE);
    CHECK(chosen == 77);
    /* A mistake is one whoever is there. */
    CHECK_RESULT(sinew_server_request_any(lobby, "world", 5, SINEW_POLICY_ROUND_ROBIN, NULL, 0, 9, SINEW_MODE_RELIABLE, NULL, 0, 0, 0, &request),
                 SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("give it from 1 ms to 49 days");
    CHECK_RESULT(sinew_server_set_property(world, "state", 5, NULL, 0), SINEW_RESULT_OK);
    wait_for(lobby, SINEW_EVENT_SERVER_UPDATED);
    CHECK_RESULT(sinew_server_broadcast(lobby, "world", 5, 1, SINEW_MODE_RELIABLE, NULL, 0, &sent, missed, 2, &missing), SINEW_RESULT_OK);
    CHECK(sent == 1 && missing == 0 && missed[0] == 0);

    CHECK_RESULT(sinew_server_send_any(lobby, "world", 5, 9, NULL, 0, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("9 is no policy");
    CHECK_RESULT(sinew_server_send_any(lobby, "world", 5, SINEW_POLICY_KEY, NULL, 0, 1, SINEW_MODE_RELIABLE, NULL, 0, NULL),
                 SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("a key of length 0");
    CHECK_RESULT(sinew_server_request(lobby, to, 9, SINEW_MODE_RELIABLE, NULL, 0, 0, &request), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_SAYS("0ns");
    CHECK_RESULT(sinew_server_request(lobby, 77, 9, SINEW_MODE_RELIABLE, NULL, 0, 1, &request), SINEW_RESULT_UNKNOWN_SERVER);
    CHECK_RESULT(sinew_server_request(lobby, to, 9, SINEW_MODE_RELIABLE, NULL, 0, 1, NULL), SINEW_RESULT_INVALID_ARGUMENT);
    CHECK_RESULT(sinew_server_reply(lobby, to, 77, 0, NULL, 0), SINEW_RESULT_UNKNOWN_REQUEST);
}

int main(void)
{
    static responder world, far;
    const char *wish = getenv("SINEW_REQUESTS");
    uint64_t total = wish != NULL ? strtoull(wish, NULL, 10) : REQUESTS, near_id, far_id;
    char registry[64], more[256];
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    unsigned behind = free_port();
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    sinew_server *lobby;
    pid_t child;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 16) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    /* Before there is any thread. */
    child = cutter(listener, behind, getpid());

    snprintf(registry, sizeof registry, "127.0.0.1:%u", free_port());
    snprintf(more, sizeof more,
             "registry.host = true\nregistry.listen = '%s'\nserver.name = 'l1'\nruntime.datagrams = false\n"
             "limits.reconnect_min_ms = 1\nlimits.reconnect_max_ms = 5\nlimits.resume_window_ms = 60000\n",
             registry);
    lobby = start_member("lobby", registry, more);
    world.server = start_member("world", registry, "server.name = 'near'\n");
    near_id = connected_peer(lobby);
    connected_peer(world.server);
    any_of_group(lobby, world.server, near_id);
    ask(lobby, near_id, &world, total, "a quiet link");
    sinew_server_free(world.server);
    wait_for(lobby, SINEW_EVENT_SERVER_LEFT);

    snprintf(more, sizeof more,
             "server.name = 'far'\nserver.listen = '127.0.0.1:%u'\nserver.advertise = '127.0.0.1:%u'\nruntime.datagrams = false\n"
             "limits.resume_window_ms = 60000\n",
             behind, (unsigned)ntohs(address.sin_port));
    far.server = start_member("world", registry, more);
    far_id = connected_peer(lobby);
    connected_peer(far.server);
    ask(lobby, far_id, &far, total, "a link that is cut every 50 ms");
    CHECK(far.answered == total && far.count == 0);

    sinew_server_free(lobby);
    sinew_server_free(far.server);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(listener);
    return 0;
}
