/*
 * sinew_server_close ends a server under threads that use it: each of them is told STOPPED, nothing of the server is left but its memory, and
 * calls on it are answered until it is freed.
 */
#include "proc.h"
#include "support.h"

enum { ROUNDS = 20, SENDERS = 2 };

typedef struct {
    sinew_server *server;
    uint64_t to;
} sender;

/* Sends as fast as it can; its result is the answer that ended it. */
static void *send_until_the_end(void *argument)
{
    const sender *self = argument;
    static const uint8_t message[100];
    sinew_result result;
    do {
        result = sinew_server_send(self->server, self->to, 1, SINEW_MODE_RELIABLE, message, sizeof message);
    } while (result == SINEW_RESULT_OK || result == SINEW_RESULT_QUEUE_FULL);
    return (void *)(intptr_t)result;
}

/* As the other, with requests that nobody answers. */
static void *ask_until_the_end(void *argument)
{
    const sender *self = argument;
    uint64_t request;
    sinew_result result;
    do {
        result = sinew_server_request(self->server, self->to, 2, SINEW_MODE_RELIABLE, NULL, 0, 60000, &request);
    } while (result == SINEW_RESULT_OK || result == SINEW_RESULT_QUEUE_FULL || result == SINEW_RESULT_TOO_MANY_REQUESTS);
    return (void *)(intptr_t)result;
}

static void *poll_until_the_end(void *server)
{
    sinew_event events[16];
    size_t count;
    sinew_result result;
    do {
        result = sinew_server_poll(server, UINT32_MAX, events, 16, &count);
    } while (result == SINEW_RESULT_OK);
    return (void *)(intptr_t)result;
}

static void answers_stopped(pthread_t thread)
{
    void *answer;
    CHECK(pthread_join(thread, &answer) == 0);
    CHECK_RESULT((sinew_result)(intptr_t)answer, SINEW_RESULT_STOPPED);
}

static void answers_after_the_end(const sender *self)
{
    sinew_event event;
    sinew_stats stats = {.size = sizeof stats};
    sinew_local_info info = {.size = sizeof info};
    uint64_t request = 77;
    size_t count;
    CHECK_RESULT(sinew_server_close(self->server), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_stop(self->server), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_poll(self->server, UINT32_MAX, &event, 1, &count), SINEW_RESULT_STOPPED);
    CHECK_RESULT(sinew_server_send(self->server, self->to, 1, SINEW_MODE_UNRELIABLE, NULL, 0), SINEW_RESULT_STOPPED);
    CHECK_RESULT(sinew_server_broadcast(self->server, "world", 5, 1, 0, NULL, 0, NULL, NULL, 0, NULL), SINEW_RESULT_STOPPED);
    CHECK_RESULT(sinew_server_request(self->server, self->to, 1, 0, NULL, 0, 1000, &request), SINEW_RESULT_STOPPED);
    CHECK_RESULT(sinew_server_stats(self->server, &stats), SINEW_RESULT_OK);
    CHECK_RESULT(sinew_server_info(self->server, &info), SINEW_RESULT_OK);
    CHECK(strcmp(info.group, "lobby") == 0);
}

int main(void)
{
    figures before, after;
    unsigned round, i;
    alarm(120); /* what hangs is a failure, and no process left behind */
    CHECK_RESULT(sinew_server_close(NULL), SINEW_RESULT_INVALID_ARGUMENT);
    before = take_figures();
    for (round = 0; round < ROUNDS; round++) {
        char registry[64], hosting[256];
        sinew_server *world;
        sender self;
        pthread_t polling, asking, sending[SENDERS];
        snprintf(registry, sizeof registry, "127.0.0.1:%u", free_port());
        snprintf(hosting, sizeof hosting, "registry.host = true\nregistry.listen = '%s'\n", registry);
        world = start_member("world", registry, hosting);
        self.server = start_member("lobby", registry, "limits.drain_ms = 50\nlimits.shutdown_ms = 500\n");
        self.to = wait_for(self.server, SINEW_EVENT_SERVER_CONNECTED).server;
        polling = run(poll_until_the_end, self.server);
        asking = run(ask_until_the_end, &self);
        for (i = 0; i < SENDERS; i++) {
            sending[i] = run(send_until_the_end, &self);
        }
        wait_for(world, SINEW_EVENT_MESSAGE);
        CHECK_RESULT(sinew_server_close(self.server), SINEW_RESULT_OK);
        answers_stopped(polling);
        answers_stopped(asking);
        for (i = 0; i < SENDERS; i++) {
            answers_stopped(sending[i]);
        }
        CHECK_RESULT(sinew_server_close(world), SINEW_RESULT_OK);
        answers_after_the_end(&self);
        wait_for_threads(before.threads);
        after = take_figures();
        CHECK(after.descriptors == before.descriptors);
        sinew_server_free(self.server);
        sinew_server_free(world);
    }
    printf("%d times closed under %d threads, and nothing was left\n", ROUNDS, SENDERS + 2);
    return 0;
}
