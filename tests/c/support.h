/* For the programs of this folder: a check that says what it saw, and waiting for events with a bound. */
#ifndef SINEW_TESTS_SUPPORT_H
#define SINEW_TESTS_SUPPORT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Nothing on loopback takes this long, also under valgrind. */
#define PATIENCE_MS 30000

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)
#define CHECK_RESULT(call, expected) check_result((call), (expected), #call, __FILE__, __LINE__)
#define CHECK_SAYS(text) check_says((text), __FILE__, __LINE__)

static inline const char *last_error(void)
{
    static char text[4096]; /* one thread of each program asks */
    return sinew_last_error(text, sizeof text, NULL) == SINEW_RESULT_OK ? text : "sinew_last_error failed";
}

static inline void check(int holds, const char *what, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: does not hold: %s\n  last error: %s\n", file, line, what, last_error());
        exit(1);
    }
}

static inline void check_result(sinew_result result, sinew_result expected, const char *call, const char *file, int line)
{
    if (result != expected) {
        fprintf(stderr, "%s:%d: %s\n  answered %d (%s), not %d (%s)\n  last error: %s\n", file, line, call, (int)result,
                sinew_result_text(result), (int)expected, sinew_result_text(expected), last_error());
        exit(1);
    }
}

/* The last sentence of this thread contains `text`. */
static inline void check_says(const char *text, const char *file, int line)
{
    if (strstr(last_error(), text) == NULL) {
        fprintf(stderr, "%s:%d: \"%s\" is not in the last error: %s\n", file, line, text, last_error());
        exit(1);
    }
}

/* A port that was free a moment ago, for what two servers must know before it is bound. */
static inline unsigned free_port(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("a free port");
        exit(1);
    }
    close(fd);
    return ntohs(address.sin_port);
}

static inline sinew_server *start(const char *config)
{
    sinew_server *server = NULL;
    check_result(sinew_server_start(config, strlen(config), &server), SINEW_RESULT_OK, "sinew_server_start", __FILE__, __LINE__);
    return server;
}

/* A server of one of two groups, of which the lobby dials the world; `more` is further TOML. */
static inline sinew_server *start_member(const char *group, const char *registry, const char *more)
{
    char config[1024];
    int length = snprintf(config, sizeof config,
                          "log.to = 'none'\n"
                          "server.group = '%s'\n"
                          "groups.lobby.connects_to = ['world']\n"
                          "groups.world.visibility = 'internal'\n"
                          "registry.addresses = ['%s']\n"
                          "%s",
                          group, registry, more);
    CHECK(length > 0 && (size_t)length < sizeof config);
    return start(config);
}

static inline pthread_t run(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    return thread;
}

static inline void pause_briefly(void)
{
    struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, NULL);
}

/* Polls one event at a time until one of `type` comes; everything before it is passed over. */
static inline sinew_event wait_for(sinew_server *server, uint32_t type)
{
    sinew_event event;
    size_t count = 0;
    memset(&event, 0, sizeof event);
    do {
        check_result(sinew_server_poll(server, PATIENCE_MS, &event, 1, &count), SINEW_RESULT_OK, "sinew_server_poll", __FILE__, __LINE__);
        if (count == 0) {
            fprintf(stderr, "event %u did not come\n", (unsigned)type);
            exit(1);
        }
    } while (event.type != type);
    return event;
}

#endif
