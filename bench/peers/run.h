/*
 * The application threads of a measured program. Include it after defining the three functions below for one library; everything
 * is in one translation unit, so that the compiler sees through the calls.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "common.h"

/* Sends one message; it may wait in the library until the flush. `unreliable` picks the mode where there are two. */
static void peer_send(const uint8_t *message, size_t len, int unreliable);
/* Nothing follows for now: what was queued must go. */
static void peer_flush(void);
/* Hands what has come to `take_message`. `wait`: sleeps until something has, but not much longer than `wait` milliseconds. */
static void peer_receive(unsigned wait);
static void take_message(const void *message, size_t len);

static settings setting;
static uint8_t *message_buffer;

/* What take_message works for: one of these, by role and test. */
static receiver receiving;
static sender sending;
static const uint8_t *awaited;
static int answered;

/* For a library that knows no back-pressure: reliable messages get a window as well. */
static int reliable_is_windowed;

enum { WAIT_MS = 1000 };

static inline void take_message(const void *message, size_t len)
{
    if (setting.is_server) {
        if (setting.is_rtt) {
            peer_send((const uint8_t *)message, len, setting.is_unreliable);
            peer_flush();
        } else {
            receive(&receiving, message, len);
        }
    } else if (setting.is_rtt) {
        answered |= memcmp(message, awaited, 8) == 0;
    } else {
        acknowledged(&sending, message, len);
    }
}

static inline int is_windowed(void)
{
    return (setting.is_unreliable && !setting.is_rtt) || (setting.is_reliable && reliable_is_windowed);
}

static void serve(void)
{
    uint64_t told = 0, before;
    int silent = 0;
    for (;;) {
        before = receiving.messages;
        peer_receive(setting.spin ? 0 : WAIT_MS);
        if (setting.is_rtt) {
            continue;
        }
        if (is_windowed() && receiving.next - told >= acknowledge_every(&setting)) {
            told = receiving.next;
            put_sequence(message_buffer, told);
            peer_send(message_buffer, 8, 0);
            peer_flush();
        }
        if (receiving.messages != before || receiving.final == 1) {
            silent = 0;
            received_batch(&receiving, &setting);
        } else if (receiving.stalled && receiving.final == 0 && ++silent == 3) {
            /* The last message was lost, too. */
            receiving.final = 1;
            received_batch(&receiving, &setting);
        }
    }
}

static void ping(void)
{
    static round_trips trips;
    uint64_t sequence = 0;
    awaited = message_buffer;
    for (;;) {
        uint64_t sent = now_ns();
        put_sequence(message_buffer, sequence++);
        answered = 0;
        peer_send(message_buffer, setting.size, setting.is_unreliable);
        peer_flush();
        while (!answered && now_ns() - sent < 1000000000u) {
            peer_receive(setting.spin ? 0 : WAIT_MS);
        }
        if (answered) {
            round_trip(&trips, &setting, sent);
        } else {
            trips.lost++;
        }
    }
}

static void send_all(void)
{
    do {
        if (is_windowed() && !window_open(&sending, &setting)) {
            peer_flush();
            do {
                peer_receive(1);
            } while (!window_open(&sending, &setting));
        }
        put_sequence(message_buffer, sending.next);
        peer_send(message_buffer, setting.size, setting.is_unreliable);
    } while (sent_one(&sending, &setting));
    put_sequence(message_buffer, sending.next | FINAL_MESSAGE);
    peer_send(message_buffer, setting.size, 0);
    peer_flush();
    sent_final(&sending);
    for (;;) {
        peer_receive(WAIT_MS);
    }
}

/* To be called once, connected or listening. */
static void run(void)
{
    message_buffer = (uint8_t *)calloc(1, setting.size + 8);
    if (setting.is_server) {
        serve();
    } else if (setting.is_rtt) {
        ping();
    } else {
        send_all();
    }
}

#endif
