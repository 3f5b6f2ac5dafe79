/*
 * Many threads at once: some send to one of several servers each and to all of them, some ask everything there is to ask, one polls,
 * while one of the others comes and goes all the time. Nothing is lost that was taken for a server that stayed, each sender's messages
 * come in their order.
 *
 *     threads [SECONDS]
 */
#include "proc.h"
#include "support.h"

enum {
    STAYING = 2,
    SENDERS = 3,
    ASKERS = 2,
    USUAL_SECONDS = 3,
    TAG_DONE = SENDERS /* the tags below are the senders' numbers */
};

static sinew_server *hub;
static uint64_t staying_ids[STAYING];
static unsigned registry_port;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int over;

static int is_over(void)
{
    int answer;
    pthread_mutex_lock(&lock);
    answer = over;
    pthread_mutex_unlock(&lock);
    return answer;
}

static sinew_server *start_side(const char *group, const char *more)
{
    char registry[32], limits[256];
    snprintf(registry, sizeof registry, "127.0.0.1:%u", registry_port);
    snprintf(limits, sizeof limits, "limits.outbox_bytes = 65536\nlimits.inbox_bytes = 65536\n%s", more);
    return start_member(group, registry, limits);
}

/* Sends to every server that stays the numbers from 0 on, each until it is taken. */
typedef struct {
    unsigned number;
    uint32_t sent[STAYING];
} sender;

static void *send_numbers(void *argument)
{
    sender *self = argument;
    while (!is_over()) {
        unsigned i;
        for (i = 0; i < STAYING; i++) {
            uint32_t next = self->sent[i];
            sinew_result result = sinew_server_send(hub, staying_ids[i], (uint16_t)self->number, SINEW_MODE_RELIABLE,
                                                    (const uint8_t *)&next, sizeof next);
            CHECK(result == SINEW_RESULT_OK || result == SINEW_RESULT_QUEUE_FULL);
            self->sent[i] += result == SINEW_RESULT_OK;
        }
        CHECK_RESULT(sinew_server_send(hub, 1, 0, SINEW_MODE_RELIABLE, NULL, 0), SINEW_RESULT_UNKNOWN_SERVER);
    }
    return NULL;
}

static void *ask_everything(void *unused)
{
    (void)unused;
    while (!is_over()) {
        sinew_stats stats = {.size = sizeof stats};
        sinew_local_info local = {.size = sizeof local};
        sinew_group_info group = {.size = sizeof group};
        uint64_t ids[8];
        char text[1024];
        size_t count, i;
        CHECK_RESULT(sinew_server_stats(hub, &stats), SINEW_RESULT_OK);
        CHECK(stats.servers >= STAYING && stats.connected >= STAYING);
        CHECK(stats.messages_dropped == stats.dropped_link_busy + stats.dropped_datagram_queue);
        CHECK_RESULT(sinew_server_info(hub, &local), SINEW_RESULT_OK);
        CHECK(strcmp(local.group, "lobby") == 0 && local.id != 0);
        CHECK_RESULT(sinew_server_groups(hub, &group, 1, &count), SINEW_RESULT_OK);
        CHECK(count == 1 && strcmp(group.name, "world") == 0 && group.count >= STAYING);
        CHECK_RESULT(sinew_server_group_members(hub, "world", 5, ids, 8, &count), SINEW_RESULT_OK);
        for (i = 0; i < count && i < 8; i++) { /* who was there may have left meanwhile */
            sinew_remote_info remote = {.size = sizeof remote};
            sinew_result result = sinew_server_find(hub, ids[i], &remote);
            CHECK(result == SINEW_RESULT_UNKNOWN_SERVER || (result == SINEW_RESULT_OK && remote.id == ids[i]));
            result = sinew_server_explain(hub, ids[i], text, sizeof text, NULL);
            CHECK(result == SINEW_RESULT_UNKNOWN_SERVER || (result == SINEW_RESULT_OK && text[0] != '\0'));
        }
        /* To who comes and goes, too; refused where an outbox is full. */
        {
            sinew_result result = sinew_server_broadcast(hub, "world", 5, TAG_DONE + 1, SINEW_MODE_UNRELIABLE, NULL, 0, NULL, NULL, 0, NULL);
            CHECK(result == SINEW_RESULT_OK || result == SINEW_RESULT_QUEUE_FULL);
        }
    }
    return NULL;
}

static void *come_and_go(void *unused)
{
    (void)unused;
    while (!is_over()) {
        sinew_server *visitor = start_side("world", "");
        wait_for(visitor, SINEW_EVENT_SERVER_CONNECTED);
        sinew_server_free(visitor);
    }
    return NULL;
}

static void *poll_the_hub(void *argument)
{
    unsigned *visits = argument;
    sinew_event events[16];
    size_t count, i;
    sinew_result result;
    while ((result = sinew_server_poll(hub, 50, events, 16, &count)) == SINEW_RESULT_OK) {
        for (i = 0; i < count; i++) {
            *visits += events[i].type == SINEW_EVENT_SERVER_LEFT;
        }
    }
    CHECK_RESULT(result, SINEW_RESULT_STOPPED);
    return NULL;
}

/* One of those that stay: counts what comes until each sender's last number has. */
typedef struct {
    sinew_server *server;
    uint32_t received[SENDERS];
} receiver;

static void *receive_numbers(void *argument)
{
    receiver *self = argument;
    sinew_event events[64];
    size_t count, i;
    for (;;) {
        CHECK_RESULT(sinew_server_poll(self->server, PATIENCE_MS, events, 64, &count), SINEW_RESULT_OK);
        CHECK(count > 0);
        for (i = 0; i < count; i++) {
            if (events[i].type == SINEW_EVENT_MESSAGE && events[i].tag < SENDERS) {
                uint32_t *expected = &self->received[events[i].tag];
                CHECK(events[i].len == sizeof *expected && memcmp(events[i].data, expected, sizeof *expected) == 0);
                ++*expected;
            } else if (events[i].type == SINEW_EVENT_MESSAGE && events[i].tag == TAG_DONE) {
                return NULL;
            }
            CHECK(events[i].type != SINEW_EVENT_SERVER_DISCONNECTED);
        }
    }
}

int main(int argc, char **argv)
{
    static sender senders[SENDERS];
    static receiver receivers[STAYING];
    pthread_t sending[SENDERS], asking[ASKERS], receiving[STAYING], visiting, polling;
    char hosting[128];
    unsigned visits = 0, i, k;
    unsigned long messages = 0;
    unsigned seconds = argc == 2 ? (unsigned)atoi(argv[1]) : USUAL_SECONDS;
    struct timespec duration = {(time_t)seconds, 0};

    alarm(100 + seconds); /* what hangs is a failure, and no process left behind */
    registry_port = free_port();
    snprintf(hosting, sizeof hosting, "registry.host = true\nregistry.listen = '127.0.0.1:%u'\n", registry_port);
    hub = start_side("lobby", hosting);
    for (i = 0; i < STAYING; i++) {
        receivers[i].server = start_side("world", "");
        staying_ids[i] = wait_for(hub, SINEW_EVENT_SERVER_CONNECTED).server;
    }
    for (i = 0; i < STAYING; i++) {
        receiving[i] = run(receive_numbers, &receivers[i]);
    }
    polling = run(poll_the_hub, &visits);
    visiting = run(come_and_go, NULL);
    for (i = 0; i < ASKERS; i++) {
        asking[i] = run(ask_everything, NULL);
    }
    for (i = 0; i < SENDERS; i++) {
        senders[i].number = i;
        sending[i] = run(send_numbers, &senders[i]);
    }
    nanosleep(&duration, NULL);
    pthread_mutex_lock(&lock);
    over = 1;
    pthread_mutex_unlock(&lock);
    for (i = 0; i < SENDERS; i++) {
        CHECK(pthread_join(sending[i], NULL) == 0);
    }
    for (i = 0; i < ASKERS; i++) {
        CHECK(pthread_join(asking[i], NULL) == 0);
    }
    CHECK(pthread_join(visiting, NULL) == 0);
    for (i = 0; i < STAYING; i++) {
        sinew_result result;
        do {
            result = sinew_server_send(hub, staying_ids[i], TAG_DONE, SINEW_MODE_RELIABLE, NULL, 0);
        } while (result == SINEW_RESULT_QUEUE_FULL && sched_yield() == 0);
        CHECK_RESULT(result, SINEW_RESULT_OK);
    }
    for (i = 0; i < STAYING; i++) {
        CHECK(pthread_join(receiving[i], NULL) == 0);
        for (k = 0; k < SENDERS; k++) {
            CHECK(receivers[i].received[k] == senders[k].sent[i] && receivers[i].received[k] > 0);
            messages += receivers[i].received[k];
        }
    }
    CHECK_RESULT(sinew_server_stop(hub), SINEW_RESULT_OK);
    CHECK(pthread_join(polling, NULL) == 0);
    sinew_server_free(hub);
    for (i = 0; i < STAYING; i++) {
        sinew_server_free(receivers[i].server);
    }
    CHECK(visits > 0);
    printf("%lu messages of %d threads in order, while servers left %u times\n", messages, SENDERS, visits);
    return 0;
}
