/*
 * What the measured programs share. Each is started twice by the driver (bench/src), as `role=server` and `role=client`,
 * with `name=value` arguments; it prints `ready PORT` when it can be dialled and one `result name=value ...` line when it has
 * measured. Then it goes on until the driver ends it, so that neither side measures the other's end.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    const char *variant, *role, *test, *cert, *key;
    size_t size;
    double seconds, warmup;
    int spin;
    unsigned port;
    uint64_t window; /* unreliable messages under way at once */
    unsigned broker; /* its port, where there is one */
    uint64_t servers, index; /* of the program for scale */
    uint64_t flight; /* requests under way at once; 0: the test has none */
    uint64_t requests; /* how many in all; 0: for `seconds` */
    /* What role and test say, compared once: it is asked for each message. */
    int is_server, is_rtt, is_unreliable, is_reliable, is_stall;
} settings;

static inline int is(const char *text, const char *other) { return strcmp(text, other) == 0; }

static inline void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static inline settings parse(int argc, char **argv)
{
    settings s;
    int i;
    memset(&s, 0, sizeof s);
    s.variant = s.role = s.test = s.cert = s.key = "";
    for (i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        const char *name = argv[i], *value;
        if (equals == NULL) {
            fail("arguments are name=value");
        }
        *equals = '\0';
        value = equals + 1;
        if (strcmp(name, "variant") == 0) {
            s.variant = value;
        } else if (strcmp(name, "role") == 0) {
            s.role = value;
        } else if (strcmp(name, "test") == 0) {
            s.test = value;
        } else if (strcmp(name, "cert") == 0) {
            s.cert = value;
        } else if (strcmp(name, "key") == 0) {
            s.key = value;
        } else if (strcmp(name, "size") == 0) {
            s.size = strtoull(value, NULL, 10);
        } else if (strcmp(name, "seconds") == 0) {
            s.seconds = strtod(value, NULL);
        } else if (strcmp(name, "warmup") == 0) {
            s.warmup = strtod(value, NULL);
        } else if (strcmp(name, "spin") == 0) {
            s.spin = strcmp(value, "1") == 0;
        } else if (strcmp(name, "port") == 0) {
            s.port = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(name, "window") == 0) {
            s.window = strtoull(value, NULL, 10);
        } else if (strcmp(name, "broker") == 0) {
            s.broker = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(name, "servers") == 0) {
            s.servers = strtoull(value, NULL, 10);
        } else if (strcmp(name, "index") == 0) {
            s.index = strtoull(value, NULL, 10);
        } else if (strcmp(name, "flight") == 0) {
            s.flight = strtoull(value, NULL, 10);
        } else if (strcmp(name, "requests") == 0) {
            s.requests = strtoull(value, NULL, 10);
        }
    }
    s.is_server = is(s.role, "server");
    s.is_rtt = is(s.test, "rtt") || is(s.test, "unreliable-rtt") || is(s.test, "lanes");
    s.is_unreliable = is(s.test, "unreliable") || is(s.test, "unreliable-rtt");
    s.is_reliable = is(s.test, "reliable");
    s.is_stall = is(s.test, "stall");
    setvbuf(stdout, NULL, _IOLBF, 0);
    return s;
}

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Of all threads of this process, in user space and in the kernel. */
static inline uint64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u + (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* `VmHWM` or `VmRSS` of this process in KiB. */
static inline uint64_t memory_kib(const char *name)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtoull(line + strlen(name) + 1, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

/* A port that was free a moment ago, for libraries that cannot tell which one they took. */
static inline unsigned free_port(int type)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, type, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        fail("no free port");
    }
    close(fd);
    return ntohs(address.sin_port);
}

static inline void ready(unsigned port) { printf("ready %u\n", port); }

/* ---- Rates: a warm-up, then a window of `seconds` in which messages and CPU time are counted. ---- */

typedef struct {
    uint64_t began, from_ns, from_cpu, from_messages, from_sequence;
    int measuring, done;
} rate_meter;

static inline void meter_update(rate_meter *m, const settings *s, uint64_t messages, uint64_t sequence, uint64_t disorder)
{
    uint64_t now;
    if (m->done) {
        return;
    }
    now = now_ns();
    if (m->began == 0) {
        m->began = now;
    } else if (!m->measuring) {
        if ((double)(now - m->began) >= s->warmup * 1e9) {
            m->measuring = 1;
            m->from_messages = messages;
            m->from_sequence = sequence;
            m->from_cpu = cpu_us();
            m->from_ns = now_ns();
        }
    } else if ((double)(now - m->from_ns) >= s->seconds * 1e9) {
        m->done = 1;
        printf("result total=%llu messages=%llu ns=%llu cpu_us=%llu sequences=%llu disorder=%llu rss_kib=%llu\n",
               (unsigned long long)messages, (unsigned long long)(messages - m->from_messages), (unsigned long long)(now - m->from_ns),
               (unsigned long long)(cpu_us() - m->from_cpu), (unsigned long long)(sequence - m->from_sequence),
               (unsigned long long)disorder, (unsigned long long)memory_kib("VmHWM"));
    }
}

/* The clock is read after so many messages: rarely enough to cost nothing, often enough for the window's edges. */
static inline uint64_t clock_every(size_t size) { return size <= 1024 ? 256 : 1; }

/* ---- Messages: a sequence number in the first 8 bytes. ---- */

#define FINAL_MESSAGE ((uint64_t)1 << 63)

static inline void put_sequence(uint8_t *message, uint64_t sequence) { memcpy(message, &sequence, 8); }

/* What a receiver knows. */
typedef struct {
    rate_meter meter;
    uint64_t messages, next, disorder, total, first_ns;
    int final, stalled;
} receiver;

static inline void receive(receiver *r, const void *message, size_t len)
{
    uint64_t sequence;
    if (len < 8) {
        r->disorder++;
        return;
    }
    memcpy(&sequence, message, 8);
    if (sequence & FINAL_MESSAGE) {
        r->final = 1;
        r->total = sequence & ~FINAL_MESSAGE;
        return;
    }
    r->disorder += sequence != r->next;
    if (sequence >= r->next) {
        r->next = sequence + 1;
    }
    r->messages++;
}

/* After each batch of messages: takes the time, or stops receiving for a while in the test of that. */
static inline void received_batch(receiver *r, const settings *s)
{
    if (!s->is_stall) {
        meter_update(&r->meter, s, r->messages, r->next, s->is_unreliable ? 0 : r->disorder);
        return;
    }
    if (r->first_ns == 0) {
        r->first_ns = now_ns();
    } else if (!r->stalled && now_ns() - r->first_ns > 200000000u) {
        struct timespec pause;
        r->stalled = 1;
        pause.tv_sec = (time_t)s->seconds;
        pause.tv_nsec = 0;
        nanosleep(&pause, NULL);
    }
    if (r->final == 1) {
        r->final = 2;
        printf("result received=%llu lost=%lld disorder=%llu rss_kib=%llu\n", (unsigned long long)r->messages,
               (long long)(r->total - r->messages), (unsigned long long)r->disorder, (unsigned long long)memory_kib("VmHWM"));
    }
}

/* What a sender knows. */
typedef struct {
    rate_meter meter;
    uint64_t next, acknowledged, began, waited_since;
} sender;

/* More than a game server can hold: one that got here grows for as long as it is let. */
#define TOO_MUCH_KIB (2u * 1024 * 1024)

/* After each message sent. Answers 0 when the test is over and `final_message` is to be sent. */
static inline int sent_one(sender *r, const settings *s)
{
    r->next++;
    if (s->is_stall) {
        if (r->began == 0) {
            r->began = now_ns();
        }
        if (r->next % 4096 == 0 || s->size > 4096) {
            if (memory_kib("VmRSS") > TOO_MUCH_KIB) {
                printf("result sent=%llu grows=1 rss_kib=%llu\n", (unsigned long long)r->next,
                       (unsigned long long)memory_kib("VmHWM"));
                pause();
            }
            return (double)(now_ns() - r->began) < (s->seconds + 1.0) * 1e9;
        }
    } else if (r->next % clock_every(s->size) == 0) {
        meter_update(&r->meter, s, r->next, r->next, 0);
    }
    return 1;
}

static inline void sent_final(const sender *r)
{
    printf("result sent=%llu rss_kib=%llu\n", (unsigned long long)r->next, (unsigned long long)memory_kib("VmHWM"));
}

/*
 * Unreliable messages know no back-pressure, so the application brings its own, the same for every library: the receiver
 * says now and then how far it is, and the sender keeps at most `window` messages under way. What is not answered within
 * 5 ms counts as lost.
 */
static inline uint64_t acknowledge_every(const settings *s) { return s->window / 8; }

static inline int window_open(sender *r, const settings *s)
{
    if (r->next - r->acknowledged < s->window) {
        r->waited_since = 0;
        return 1;
    }
    if (!s->is_unreliable) {
        return 0;
    }
    if (r->waited_since == 0) {
        r->waited_since = now_ns();
    } else if (now_ns() - r->waited_since > 5000000u) {
        r->acknowledged = r->next;
        r->waited_since = 0;
        return 1;
    }
    return 0;
}

static inline void acknowledged(sender *r, const void *message, size_t len)
{
    uint64_t sequence;
    if (len >= 8) {
        memcpy(&sequence, message, 8);
        if (sequence > r->acknowledged && sequence <= r->next) {
            r->acknowledged = sequence;
        }
    }
}

/* ---- Round trips. ---- */

typedef struct {
    uint64_t *ns, count, capacity, began, lost, from_cpu;
} round_trips;

static inline int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static inline void round_trip(round_trips *r, const settings *s, uint64_t sent_ns)
{
    uint64_t now = now_ns();
    if (r->ns == NULL) {
        r->capacity = (uint64_t)1 << 22;
        r->ns = (uint64_t *)malloc(r->capacity * sizeof *r->ns);
        memset(r->ns, 0, r->capacity * sizeof *r->ns); /* its pages must not fault while measuring */
        r->began = now_ns();
        return;
    }
    if ((double)(now - r->began) < s->warmup * 1e9) {
        r->from_cpu = cpu_us();
        return;
    }
    if (r->count < r->capacity) {
        r->ns[r->count++] = now - sent_ns;
    }
    if ((double)(now - r->began) >= (s->warmup + s->seconds) * 1e9) {
        uint64_t cpu = cpu_us() - r->from_cpu;
        qsort(r->ns, r->count, sizeof *r->ns, compare_u64);
        printf("result round_trips=%llu p50_ns=%llu p99_ns=%llu p999_ns=%llu max_ns=%llu lost=%llu cpu_us=%llu rss_kib=%llu\n",
               (unsigned long long)r->count, (unsigned long long)r->ns[r->count / 2], (unsigned long long)r->ns[r->count * 99 / 100],
               (unsigned long long)r->ns[r->count * 999 / 1000], (unsigned long long)r->ns[r->count - 1], (unsigned long long)r->lost,
               (unsigned long long)cpu, (unsigned long long)memory_kib("VmHWM"));
        pause();
    }
}

#endif
