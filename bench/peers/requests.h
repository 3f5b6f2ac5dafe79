/*
 * Requests and their answers: the client keeps `flight` of them under way and checks every answer, the server answers each with its
 * payload. Include it after run.h, and define the two functions below for one library.
 */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H

#include "run.h"

/* Asks one thing. `place` is below `flight`, and nothing else is under way from there. */
static void peer_ask(const uint8_t *payload, size_t len, uint64_t place);
/* The server: answers what has come and calls `served_one` for each. The client: hands the answers to `take_answer`. */
static void peer_exchange(unsigned wait);

/* Its number tells its place, and is never used again: an answer that comes twice fits nothing. */
typedef struct {
    uint64_t number, asked_ns;
    int open;
} question;

static question *questions;
static uint64_t served, answered_in_all, open_questions, wrong_answers;
static int asking;

/* The window in which answers are counted. */
static struct {
    uint64_t began, from_ns, from_cpu, from_answered, to_ns, cpu, answered, *ns, samples;
    int measuring, done;
} counted;

enum { MOST_SAMPLES = 1 << 22, MOST_PAYLOAD = 1024 };

/* On after the end of the client's window, so that the server's is over, too. */
static const double LONGER_SECONDS = 0.2;

static inline uint64_t place_of(const void *payload)
{
    uint64_t number;
    memcpy(&number, payload, 8);
    return number % setting.flight;
}

/* A number, and after it what follows from that: an answer to another one is told apart in every word. */
static inline void fill(uint64_t *words, uint64_t number)
{
    size_t i;
    for (i = 0; i < setting.size / 8; i++) {
        words[i] = number + i * 0x9e3779b97f4a7c15u * number;
    }
}

static inline void ask(uint64_t place)
{
    uint64_t words[MOST_PAYLOAD / 8];
    question *q = &questions[place];
    q->number += setting.flight;
    q->open = 1;
    open_questions++;
    fill(words, q->number);
    q->asked_ns = now_ns();
    peer_ask((const uint8_t *)words, setting.size, place);
}

static inline void count_answer(uint64_t now, uint64_t asked_ns)
{
    if (counted.done) {
        asking = asking && (double)(now - counted.to_ns) < LONGER_SECONDS * 1e9;
        return;
    }
    if (!counted.measuring) {
        if ((double)(now - counted.began) >= setting.warmup * 1e9) {
            counted.measuring = 1;
            counted.from_answered = answered_in_all;
            counted.from_cpu = cpu_us();
            counted.from_ns = now_ns();
        }
        return;
    }
    if (counted.samples < MOST_SAMPLES) {
        counted.ns[counted.samples++] = now - asked_ns;
    }
    if (setting.requests != 0 ? answered_in_all == setting.requests : (double)(now - counted.from_ns) >= setting.seconds * 1e9) {
        counted.done = 1;
        counted.to_ns = now;
        counted.cpu = cpu_us() - counted.from_cpu;
        counted.answered = answered_in_all - counted.from_answered;
    }
}

static inline void take_answer(const void *payload, size_t len)
{
    uint64_t expected[MOST_PAYLOAD / 8], place, now = now_ns();
    question *q;
    if (len != setting.size) {
        wrong_answers++;
        return;
    }
    place = place_of(payload);
    q = &questions[place];
    fill(expected, q->number);
    if (!q->open || memcmp(payload, expected, len) != 0) {
        wrong_answers++;
        return;
    }
    q->open = 0;
    open_questions--;
    answered_in_all++;
    count_answer(now, q->asked_ns);
    if (asking && (setting.requests == 0 || answered_in_all + open_questions < setting.requests)) {
        ask(place);
    }
}

static inline void served_one(void) { served++; }

static void serve_requests(void)
{
    static rate_meter meter;
    uint64_t began_cpu = cpu_us();
    int told = 0;
    for (;;) {
        peer_exchange(WAIT_MS);
        if (setting.requests == 0) {
            if (served != 0) {
                meter_update(&meter, &setting, served, served, 0);
            }
        } else if (!told && served >= setting.requests) {
            told = 1;
            printf("result total=%llu messages=%llu cpu_us=%llu rss_kib=%llu\n", (unsigned long long)served, (unsigned long long)served,
                   (unsigned long long)(cpu_us() - began_cpu), (unsigned long long)memory_kib("VmHWM"));
        }
    }
}

static void ask_all(void)
{
    uint64_t place, before, quiet_since;
    int silent = 0;
    questions = (question *)calloc(setting.flight, sizeof *questions);
    counted.ns = (uint64_t *)malloc(MOST_SAMPLES * sizeof *counted.ns);
    memset(counted.ns, 0, MOST_SAMPLES * sizeof *counted.ns); /* its pages must not fault while measuring */
    for (place = 0; place < setting.flight; place++) {
        questions[place].number = place;
    }
    asking = 1;
    counted.began = counted.from_ns = now_ns();
    counted.from_cpu = cpu_us();
    /* So many and no more are counted from the first on. */
    counted.measuring = setting.requests != 0;
    for (place = 0; place < setting.flight && (setting.requests == 0 || place < setting.requests); place++) {
        ask(place);
    }
    while (open_questions > 0 && silent < 5) {
        before = answered_in_all;
        peer_exchange(WAIT_MS);
        silent = answered_in_all == before ? silent + 1 : 0;
    }
    /* An answer that comes twice comes late. */
    for (quiet_since = now_ns(); now_ns() - quiet_since < 100000000u;) {
        peer_exchange(20);
    }
    if (counted.samples == 0 || !counted.done) {
        fail("the answers stopped coming");
    }
    qsort(counted.ns, counted.samples, sizeof *counted.ns, compare_u64);
    printf("result total=%llu messages=%llu ns=%llu cpu_us=%llu p50_ns=%llu p99_ns=%llu p999_ns=%llu max_ns=%llu unanswered=%llu "
           "wrong=%llu rss_kib=%llu\n",
           (unsigned long long)answered_in_all, (unsigned long long)counted.answered, (unsigned long long)(counted.to_ns - counted.from_ns),
           (unsigned long long)counted.cpu, (unsigned long long)counted.ns[counted.samples / 2],
           (unsigned long long)counted.ns[counted.samples * 99 / 100], (unsigned long long)counted.ns[counted.samples * 999 / 1000],
           (unsigned long long)counted.ns[counted.samples - 1], (unsigned long long)open_questions, (unsigned long long)wrong_answers,
           (unsigned long long)memory_kib("VmHWM"));
    for (;;) {
        peer_exchange(WAIT_MS);
    }
}

/* In place of `run`, in every test. */
static void run_any(void)
{
    if (setting.flight == 0) {
        run();
    } else if (setting.is_server) {
        serve_requests();
    } else {
        if (setting.size > MOST_PAYLOAD || setting.size % 8 != 0 || setting.size == 0) {
            fail("a payload is of whole words, 1 KiB at most");
        }
        ask_all();
    }
}

#endif
