#include <sinew.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const char *config = "server.group = 'world'\n"
                         "groups.world.connects_to = ['world']\n"                /* every world server talks to every other */
                         "registry = { host = true, listen = '127.0.0.1:0' }\n"; /* for real: one address that all know */
    sinew_server *server;
    if (sinew_server_start(config, strlen(config), &server) != SINEW_RESULT_OK) {
        char why[512];
        sinew_last_error(why, sizeof why, NULL);
        return fprintf(stderr, "%s\n", why), 1;
    }
    sinew_event events[64];
    size_t count;
    while (sinew_server_poll(server, 100, events, 64, &count) == SINEW_RESULT_OK) /* in a game: timeout 0, once per frame */
        for (const sinew_event *event = events; event < events + count; event++) {
            if (event->type == SINEW_EVENT_STARTED) {
                printf("registered as server %llu\n", (unsigned long long)event->server);
                sinew_server_stop(server); /* seen enough: SINEW_EVENT_STOPPED comes last, then poll answers STOPPED */
            } else if (event->type == SINEW_EVENT_SERVER_CONNECTED) {
                sinew_server_send(server, event->server, 1, SINEW_MODE_RELIABLE, (const uint8_t *)"hello", 5);
            } else if (event->type == SINEW_EVENT_MESSAGE) {
                printf("%s/%llu says %.*s\n", event->group, (unsigned long long)event->server, (int)event->len, (const char *)event->data);
            }
        }
    sinew_server_free(server);
    return 0;
}
