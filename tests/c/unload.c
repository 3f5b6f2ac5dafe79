/*
 * A program that loads the library itself, as plugins of editors and engines do: servers come and go, and in between the library is
 * closed. What is left after each cycle is nothing: no thread, no file descriptor, no socket, and soon no more memory.
 *
 *     unload close|keep CYCLES [SECONDS]    ends after so many cycles; or after so many seconds, if that is sooner
 *     unload lookup                         closes the library while a look-up of a host name of its hangs
 *
 * Everything of a cycle happens on a thread that ends only after the library was closed: what it keeps for its threads (the last error,
 * for one) is destroyed by code of the library, so that must be there still.
 */
#include <dlfcn.h>
#include <limits.h>
#include <sinew.h>

/* From here on the functions of the header are those that were loaded. */
static struct {
    void *handle;
    sinew_result (*server_start)(const char *, size_t, sinew_server **);
    sinew_result (*server_poll)(sinew_server *, uint32_t, sinew_event *, size_t, size_t *);
    sinew_result (*server_send)(const sinew_server *, uint64_t, uint16_t, uint32_t, const uint8_t *, size_t);
    void (*server_free)(sinew_server *);
    const char *(*result_text)(sinew_result);
    sinew_result (*last_error)(char *, size_t, size_t *);
    uint32_t (*abi_version)(void);
} library;
#define sinew_server_start library.server_start
#define sinew_server_poll library.server_poll
#define sinew_server_send library.server_send
#define sinew_server_free library.server_free
#define sinew_result_text library.result_text
#define sinew_last_error library.last_error

#include "hanging_lookup.h"
#include "proc.h"
#include "support.h"

enum {
    SETTLED = 50,              /* cycles after which memory must not grow any more */
    GROWTH_KIB = 2 * 1024,     /* by more than this, which is what the allocator's arenas move up and down */
    TAG_QUESTION = 1,
    TAG_ANSWER = 2
};

/* The object pointer of dlsym as a function pointer; POSIX promises that this works, C99 knows no way to write it. */
static void find(const char *name, void *function)
{
    void *address = dlsym(library.handle, name);
    if (address == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    memcpy(function, &address, sizeof address);
}

static void load(void)
{
    library.handle = dlopen("libsinew.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library.handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    find("sinew_server_start", &library.server_start);
    find("sinew_server_poll", &library.server_poll);
    find("sinew_server_send", &library.server_send);
    find("sinew_server_free", &library.server_free);
    find("sinew_result_text", &library.result_text);
    find("sinew_last_error", &library.last_error);
    find("sinew_abi_version", &library.abi_version);
    CHECK(library.abi_version() == SINEW_ABI_VERSION);
}

/* The library's code stays in memory: it is linked so (build.rs, `-z nodelete`). */
static void unload(void)
{
    void *handle = library.handle;
    memset(&library, 0, sizeof library);
    if (dlclose(handle) != 0) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    if (!is_mapped("libsinew.so.0")) {
        fprintf(stderr, "dlclose took the library's code away, and threads that used it end later\n");
        exit(1);
    }
}

/*
 * The same in every cycle, since a server that is freed gives its port back at once; and not on the address on which the servers of
 * this and all other programs take any free port, or one of them would take this one, sooner or later, while nobody has it.
 */
static char registry[32];

static void question_and_answer(void)
{
    char hosting[128];
    sinew_server *world, *lobby, *none = NULL;
    sinew_event event;
    uint64_t to_world, to_lobby;

    snprintf(hosting, sizeof hosting, "registry.host = true\nregistry.listen = '%s'\n", registry);
    world = start_member("world", registry, hosting);
    lobby = start_member("lobby", registry, "");
    to_lobby = wait_for(world, SINEW_EVENT_SERVER_CONNECTED).server;
    to_world = wait_for(lobby, SINEW_EVENT_SERVER_CONNECTED).server;
    CHECK_RESULT(sinew_server_send(lobby, to_world, TAG_QUESTION, SINEW_MODE_RELIABLE, (const uint8_t *)"?", 1), SINEW_RESULT_OK);
    event = wait_for(world, SINEW_EVENT_MESSAGE);
    CHECK(event.tag == TAG_QUESTION && event.server == to_lobby && event.len == 1 && *event.data == '?');
    CHECK_RESULT(sinew_server_send(world, to_lobby, TAG_ANSWER, SINEW_MODE_RELIABLE, (const uint8_t *)"!", 1), SINEW_RESULT_OK);
    event = wait_for(lobby, SINEW_EVENT_MESSAGE);
    CHECK(event.tag == TAG_ANSWER && event.server == to_world && event.len == 1 && *event.data == '!');
    /* A sentence that this thread keeps until it ends. */
    CHECK_RESULT(sinew_server_start("a", 1, &none), SINEW_RESULT_INVALID_CONFIG);
    sinew_server_free(lobby);
    sinew_server_free(world);
}

/* Where the thread of a cycle stands: it is done with the library; the library is closed, and it may end. */
static int talked, may_end;

static void *game(void *unused)
{
    (void)unused;
    question_and_answer();
    now_holds(&talked);
    wait_until(&may_end, 1);
    return NULL;
}

/* One question and its answer, with the library closed afterwards or not. */
static void cycle(int close_it)
{
    pthread_t thread;
    talked = may_end = 0;
    if (library.handle == NULL) {
        load();
    }
    CHECK(pthread_create(&thread, NULL, game, NULL) == 0);
    wait_until(&talked, 1);
    if (close_it) {
        unload();
    }
    now_holds(&may_end);
    if (pthread_join(thread, NULL) != 0) {
        fprintf(stderr, "the thread of a cycle cannot be joined\n");
        exit(1);
    }
}

static int cycles(int close_it, unsigned long most, unsigned long seconds)
{
    uint64_t began = now_ms(), longest = 0;
    unsigned long done = 0, kib, settled_kib = 0, highest_kib = 0;
    figures before, after;
    before = take_figures(); /* with no library yet */
    while (done < most && now_ms() - began < seconds * 1000) {
        uint64_t since = now_ms(), took;
        cycle(close_it);
        took = now_ms() - since;
        longest = took > longest ? took : longest;
        done++;
        wait_for_threads(before.threads);
        after = take_figures();
        if (after.threads != before.threads || after.descriptors != before.descriptors || after.sockets != before.sockets) {
            fprintf(stderr, "cycle %lu leaves %u threads, %u descriptors, %u sockets; before the first there were %u, %u, %u\n", done,
                    after.threads, after.descriptors, after.sockets, before.threads, before.descriptors, before.sockets);
            return 1;
        }
        kib = resident_kib();
        settled_kib = done == SETTLED ? kib : settled_kib;
        highest_kib = kib > highest_kib ? kib : highest_kib;
        if (done > SETTLED && kib > settled_kib + GROWTH_KIB) {
            fprintf(stderr, "cycle %lu: %lu KiB are resident, %lu were after cycle %d\n", done, kib, settled_kib, SETTLED);
            return 1;
        }
    }
    printf("%s: %lu cycles in %.1f s, %.1f ms each, the longest %lu ms; every one left %u thread(s), %u descriptors, %u sockets; "
           "resident %lu KiB after cycle %d, %lu after the last, %lu at most\n",
           close_it ? "closed each time" : "kept loaded", done, (double)(now_ms() - began) / 1000,
           (double)(now_ms() - began) / (double)done, (unsigned long)longest, before.threads, before.descriptors, before.sockets,
           settled_kib, SETTLED, resident_kib(), highest_kib);
    if (done <= SETTLED && done < most) {
        fprintf(stderr, "only %lu cycles in %lu s: too few to see whether memory grows\n", done, seconds);
        return 1;
    }
    return 0;
}

/* A look-up cannot be ended from outside, so its thread outlives the server, and the handle; its code must not go. */
static int closed_during_a_lookup(void)
{
    sinew_server *server;
    load();
    server = start("log.to = 'none'\nserver.group = 'world'\ngroups.world.visibility = 'internal'\nlimits.shutdown_ms = 200\n"
                   "registry.addresses = ['a-name-that-hangs.test:1']\n");
    wait_until(&lookups, 1);
    sinew_server_free(server);
    unload();
    if (count_threads() == 1) {
        fprintf(stderr, "no look-up was under way\n");
        return 1;
    }
    now_holds(&let_go);
    wait_for_threads(1);
    printf("closed while a look-up hung: its thread ended when the look-up did\n");
    return 0;
}

int main(int argc, char **argv)
{
    snprintf(registry, sizeof registry, "127.0.0.2:%u", free_port());
    if ((argc == 3 || argc == 4) && (strcmp(argv[1], "close") == 0 || strcmp(argv[1], "keep") == 0)) {
        return cycles(argv[1][0] == 'c', strtoul(argv[2], NULL, 10), argc == 4 ? strtoul(argv[3], NULL, 10) : ULONG_MAX / 1000);
    }
    if (argc == 2 && strcmp(argv[1], "lookup") == 0) {
        return closed_during_a_lookup();
    }
    fprintf(stderr, "usage: unload close|keep CYCLES [SECONDS]\n       unload lookup\n");
    return 2;
}
