/*
 * Sinew: joins dedicated game servers into one cluster. MIT OR Apache-2.0.
 *
 * What holds for every function below, said once.
 *
 * SHAPE. Start a server from a TOML text, then call sinew_server_poll once per frame: it hands over what happened since the last
 * call (who joined, connected, said what, left) as an array of events. Nothing else ever reaches your program. Sinew never calls
 * your code, and its own threads never run it. For each remote server the order of events is always
 * joined, connected, message..., disconnected, ..., left.
 *
 * OWNERSHIP. You own what a function named _start or _new gives you, and end it with the _free function of the same noun: exactly
 * once, as the last call on that object; NULL is allowed and does nothing. Freeing a server stops it and ends its threads, sockets
 * and files before it returns. What you pass in is copied before the call returns, so it may live on your stack. What an event
 * points to is lent to you until the next sinew_server_poll or sinew_server_free on that server: copy what you keep.
 * Remote servers, clients and requests are plain uint64_t ids. 0 means none, an id is never reused, and a stale one is answered
 * with SINEW_RESULT_UNKNOWN_SERVER: it is never a crash.
 *
 * ERRORS. Functions that can fail return a sinew_result: 0 is SINEW_RESULT_OK, 1 to 99 are mistakes of the caller, 100 to 199 are
 * normal life (a full queue, a link that is down), 200 to 299 come from the system, and 900 is a bug in Sinew that was contained:
 * the server it happened in may be lost, other servers and your process are not. sinew_result_text names a number.
 * sinew_last_error gives the whole sentence, with the cause and the cure, of the last call that failed on the same thread; a call
 * that succeeds leaves it alone. Out parameters are written only on success, unless a function says otherwise. What goes wrong
 * later, in the background, is an event.
 *
 * THREADS. Any thread may call any function. Functions that take a const sinew_server * may run at the same time as each other and
 * as sinew_server_poll. sinew_server_poll itself runs on one thread at a time: a second one gets SINEW_RESULT_BUSY. Only
 * sinew_server_start (while it binds its addresses), sinew_server_free (up to limits.shutdown_ms) and a poll with a timeout may
 * block; a timeout of 0 never does. No call may be running on a server while it is freed, and none may follow.
 *
 * STRINGS. All text is UTF-8. Text you pass in is a pointer and a length in bytes, and needs no NUL at its end. Text you get is
 * either lent and NUL-terminated (in events), or copied into your buffer: then `needed` tells its length in bytes without the NUL,
 * and the copy is cut at a character's edge and NUL-terminated whenever the capacity is not 0. A pointer may be NULL where the
 * length or the capacity beside it is 0.
 *
 * STRUCTS. A struct that begins with `uint32_t size` wants it set to sizeof the struct before the call, also when Sinew fills it in:
 * no more than that is written, so a library newer than your header cannot write past your struct. Structs only grow at their end,
 * and a field never changes what it means.
 *
 * VERSIONS. Numbers are for ever: a constant never changes its value and is never given a second meaning. Later versions add event
 * types, results, functions and configuration keys, so skip events and treat results you do not know as what they are: something
 * newer. SINEW_ABI_VERSION is what this header was written for, sinew_abi_version() what the loaded library speaks: compare the two
 * when you load the library yourself. The shared library's name, libsinew.so.0, changes only when the ABI breaks.
 */

#ifndef SINEW_H
#define SINEW_H

/* Generated from src/capi by `cargo xtask headers`: never edited by hand. */

#include <stddef.h>
#include <stdint.h>

/**
 * The version of the ABI that this header describes; compare with `sinew_abi_version()`.
 */
#define SINEW_ABI_VERSION 1

/**
 * Ordered, exactly once, as long as the link lives.
 */
#define SINEW_MODE_RELIABLE 0

/**
 * At most once, in any order; dropped rather than queued.
 */
#define SINEW_MODE_UNRELIABLE 1

/**
 * This server is registered. `server`: its own id.
 */
#define SINEW_EVENT_STARTED 1

/**
 * A server that this one may see is in the registry; not connected yet. `server`, `group`.
 */
#define SINEW_EVENT_SERVER_JOINED 2

/**
 * The link is up on both sides: sending works. `server`, `group`.
 */
#define SINEW_EVENT_SERVER_CONNECTED 3

/**
 * Nothing has been heard from it for `limits.interrupted_after_ms`; what is sent waits. `server`, `group`.
 */
#define SINEW_EVENT_SERVER_INTERRUPTED 4

/**
 * It is heard again. `server`, `group`.
 */
#define SINEW_EVENT_SERVER_RESUMED 5

/**
 * The link is down. `server`, `group`; `code`: SINEW_DISCONNECT_*; `data`: why, as text; `count`: reliable messages not known to have arrived.
 */
#define SINEW_EVENT_SERVER_DISCONNECTED 6

/**
 * It is gone from view; nothing more comes from this id. `server`, `group`; `code`: SINEW_LEAVE_*.
 */
#define SINEW_EVENT_SERVER_LEFT 7

/**
 * A message. `server`, `group`, `tag`, `mode`, `data`, `len`.
 */
#define SINEW_EVENT_MESSAGE 8

/**
 * After SINEW_RESULT_QUEUE_FULL: half of the outbox to `server` is free again.
 */
#define SINEW_EVENT_WRITABLE 9

/**
 * The registry cannot be reached; links live on. `data`: why, as text.
 */
#define SINEW_EVENT_REGISTRY_LOST 10

#define SINEW_EVENT_REGISTRY_RESTORED 11

/**
 * A line of the library's log (`log.to = "events"`). `code`: SINEW_LOG_*; `data`: the text.
 */
#define SINEW_EVENT_LOG 15

/**
 * The last event of this server. `code`: SINEW_STOP_*; `data`: why, as text.
 */
#define SINEW_EVENT_STOPPED 16

/**
 * The connection broke: its process ended, or the network cut it.
 */
#define SINEW_DISCONNECT_LOST 1

/**
 * Nothing was heard from it for too long.
 */
#define SINEW_DISCONNECT_SILENT 2

/**
 * It stopped gracefully.
 */
#define SINEW_DISCONNECT_PEER_STOPPED 3

/**
 * The registry says that it has left.
 */
#define SINEW_DISCONNECT_PEER_LEFT 4

/**
 * It made a newer link.
 */
#define SINEW_DISCONNECT_SUPERSEDED 5

/**
 * It broke the protocol.
 */
#define SINEW_DISCONNECT_PROTOCOL 6

/**
 * This server is stopping.
 */
#define SINEW_DISCONNECT_STOPPING 7

/**
 * It stopped gracefully.
 */
#define SINEW_LEAVE_STOPPED 1

/**
 * A newer server registered under its group and name.
 */
#define SINEW_LEAVE_REPLACED 2

/**
 * Its registration ran out.
 */
#define SINEW_LEAVE_EXPIRED 3

/**
 * This server is stopping.
 */
#define SINEW_LEAVE_STOPPING 4

/**
 * `sinew_server_stop` was called.
 */
#define SINEW_STOP_REQUESTED 1

/**
 * A newer server registered under this server's group and name.
 */
#define SINEW_STOP_REPLACED 2

/**
 * A bug in Sinew ended this server.
 */
#define SINEW_STOP_FAILED 3

#define SINEW_LOG_ERROR 1

#define SINEW_LOG_WARN 2

#define SINEW_LOG_INFO 3

#define SINEW_LOG_DEBUG 4

#define SINEW_LOG_TRACE 5

/**
 * Only servers find the group.
 */
#define SINEW_VISIBILITY_INTERNAL 1

/**
 * The group may accept game clients.
 */
#define SINEW_VISIBILITY_EXTERNAL 2

/**
 * Bit: this server, or its group, dials.
 */
#define SINEW_DIRECTION_OUTGOING 1

/**
 * Bit: the other side dials.
 */
#define SINEW_DIRECTION_INCOMING 2

#define SINEW_STATE_DISCONNECTED 1

#define SINEW_STATE_CONNECTING 2

#define SINEW_STATE_CONNECTED 3

#define SINEW_STATE_INTERRUPTED 4

#define SINEW_STATE_LEFT 5

/**
 * One server of the cluster. Made by `sinew_server_start`, ended by `sinew_server_free`.
 */
typedef struct sinew_server sinew_server;

/**
 * What a function answers: 0 is success. 1 to 99: a mistake of the caller. 100 to 199: normal life. 200 to 299: the system. 900: a bug.
 */
typedef int32_t sinew_result;

/**
 * This server, as the others see it.
 */
typedef struct sinew_server_info {
    /**
     * Set to sizeof(sinew_server_info) before the call.
     */
    uint32_t size;
    /**
     * SINEW_VISIBILITY_* of its group.
     */
    uint32_t visibility;
    /**
     * 0 until SINEW_EVENT_STARTED.
     */
    uint64_t id;
    char group[64];
    char name[64];
    /**
     * What others dial.
     */
    char host[256];
    uint32_t port;
    uint32_t reserved;
} sinew_server_info;

/**
 * A group that this server's group is connected with.
 */
typedef struct sinew_group_info {
    /**
     * Set to sizeof(sinew_group_info) in the first element before the call.
     */
    uint32_t size;
    /**
     * SINEW_VISIBILITY_*.
     */
    uint32_t visibility;
    char name[64];
    /**
     * SINEW_DIRECTION_* bits.
     */
    uint32_t direction;
    /**
     * Servers in view, connected or not.
     */
    uint32_t count;
} sinew_group_info;

/**
 * Another server, as seen from this one.
 */
typedef struct sinew_remote_info {
    /**
     * Set to sizeof(sinew_remote_info) before the call.
     */
    uint32_t size;
    /**
     * SINEW_STATE_*.
     */
    uint32_t state;
    uint64_t id;
    char group[64];
    char name[64];
    char host[256];
    uint32_t port;
    /**
     * SINEW_DIRECTION_*: which side dials.
     */
    uint32_t direction;
    /**
     * Round trip of the last keep-alive in microseconds; 0 while not measured.
     */
    uint32_t rtt_us;
    uint32_t reserved;
    /**
     * Bytes that wait in its outbox.
     */
    uint64_t queued_bytes;
} sinew_remote_info;

/**
 * How this server is doing. Counters of messages are over the servers in view now.
 */
typedef struct sinew_stats {
    /**
     * Set to sizeof(sinew_stats) before the call.
     */
    uint32_t size;
    /**
     * Servers in view.
     */
    uint32_t servers;
    /**
     * Of those, connected.
     */
    uint32_t connected;
    uint32_t reserved;
    uint64_t messages_sent;
    uint64_t messages_received;
    /**
     * Unreliable messages dropped because a link was busy.
     */
    uint64_t messages_dropped;
    /**
     * Times a send was answered SINEW_RESULT_QUEUE_FULL.
     */
    uint64_t sends_refused;
    /**
     * Bytes that wait in all outboxes.
     */
    uint64_t outbox_bytes;
    /**
     * Bytes of messages received and not yet polled.
     */
    uint64_t inbox_bytes;
    /**
     * Bytes of other events not yet polled.
     */
    uint64_t event_bytes;
    /**
     * How long the oldest event has waited for a poll, in microseconds.
     */
    uint64_t oldest_event_wait_us;
    /**
     * Log lines dropped because nobody polled.
     */
    uint64_t logs_dropped;
    /**
     * Connections that were not TLS 1.3 with Sinew's protocol.
     */
    uint64_t rejected_not_tls;
    /**
     * ... that showed no certificate, or not one of this cluster.
     */
    uint64_t rejected_untrusted;
    /**
     * ... that broke off during the handshake.
     */
    uint64_t rejected_aborted;
    /**
     * ... that did not finish the handshake in time.
     */
    uint64_t rejected_timed_out;
    /**
     * ... whose handshake made no sense.
     */
    uint64_t rejected_malformed;
    /**
     * ... that were refused with a sentence: version, cluster, identity, topology, registry.
     */
    uint64_t rejected_refused;
    /**
     * ... that came while too many handshakes were under way.
     */
    uint64_t rejected_overload;
} sinew_stats;

/**
 * One thing that happened. What its pointers lead to is lent until the next `sinew_server_poll` or `sinew_server_free` on the same server.
 *
 * Fields that a type does not mention are 0 or NULL.
 */
typedef struct sinew_event {
    /**
     * SINEW_EVENT_*. Skip types you do not know: later versions add some.
     */
    uint32_t type;
    /**
     * SINEW_MODE_* of a message.
     */
    uint32_t mode;
    /**
     * The remote server, or this server's own id in SINEW_EVENT_STARTED.
     */
    uint64_t server;
    /**
     * Reserved for game clients: 0.
     */
    uint64_t client;
    /**
     * Reserved for requests: 0.
     */
    uint64_t request;
    /**
     * The remote server's group, NUL-terminated.
     */
    const char *group;
    /**
     * A message's payload (never NULL), or text (NUL-terminated behind `len`).
     */
    const uint8_t *data;
    /**
     * Bytes in `data`, without the NUL behind text.
     */
    size_t len;
    /**
     * The message's tag, 0 to 65535.
     */
    uint32_t tag;
    /**
     * A reason or level, by type.
     */
    uint32_t code;
    /**
     * A number, by type.
     */
    uint64_t count;
    uint64_t reserved;
} sinew_event;

#define SINEW_RESULT_OK 0

/**
 * A NULL where none is allowed, a number that means nothing, a struct whose `size` is too small.
 */
#define SINEW_RESULT_INVALID_ARGUMENT 1

/**
 * The configuration is wrong; `sinew_last_error` names the key, the line and the cure.
 */
#define SINEW_RESULT_INVALID_CONFIG 2

#define SINEW_RESULT_INVALID_UTF8 3

/**
 * Bytes that are not what they should be.
 */
#define SINEW_RESULT_INVALID_DATA 4

/**
 * No server of this id is in view: it has left, or never was visible.
 */
#define SINEW_RESULT_UNKNOWN_SERVER 5

#define SINEW_RESULT_UNKNOWN_GROUP 6

/**
 * Another thread is polling this server.
 */
#define SINEW_RESULT_BUSY 7

/**
 * The outbox is full: nothing was queued. SINEW_EVENT_WRITABLE follows.
 */
#define SINEW_RESULT_QUEUE_FULL 100

#define SINEW_RESULT_NOT_CONNECTED 101

/**
 * This server is stopped or stopping.
 */
#define SINEW_RESULT_STOPPED 102

/**
 * Over `limits.max_message_bytes`.
 */
#define SINEW_RESULT_MESSAGE_TOO_BIG 103

#define SINEW_RESULT_ADDRESS_IN_USE 200

#define SINEW_RESULT_IO 201

/**
 * A key or certificate file is missing, unreadable, damaged or of another cluster.
 */
#define SINEW_RESULT_KEY 202

/**
 * A bug in Sinew was contained. The server it happened in may be lost; others are not.
 */
#define SINEW_RESULT_PANIC 900

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * This server, as the others see it. Set `out->size` first. Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_info(const struct sinew_server *server, struct sinew_server_info *out);

/**
 * The groups that this server's group is connected with, ordered by name. Set `out[0].size` first.
 *
 * `*count` tells how many there are; the first `capacity` of them are written. `out` may be NULL when `capacity` is 0.
 * Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_groups(const struct sinew_server *server,
                                 struct sinew_group_info *out,
                                 size_t capacity,
                                 size_t *count);

/**
 * The ids of a group's servers in view, connected or not, the oldest registration first.
 *
 * `*count` tells how many there are; the first `capacity` of them are written. `ids` may be NULL when `capacity` is 0.
 * Errors: UNKNOWN_GROUP (not in the topology, or not connected with this server's group), INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_server_group_members(const struct sinew_server *server,
                                        const char *group,
                                        size_t group_len,
                                        uint64_t *ids,
                                        size_t capacity,
                                        size_t *count);

/**
 * A server in view. Set `out->size` first. Errors: UNKNOWN_SERVER (it has left, or never was visible), INVALID_ARGUMENT.
 */
sinew_result sinew_server_find(const struct sinew_server *server,
                               uint64_t id,
                               struct sinew_remote_info *out);

/**
 * Why the link to a server is, or is not, up: several lines of text.
 *
 * Cut at a character's edge and NUL-terminated. `*needed` (NULL allowed): its length in bytes without the NUL.
 * Errors: UNKNOWN_SERVER, INVALID_ARGUMENT.
 */
sinew_result sinew_server_explain(const struct sinew_server *server,
                                  uint64_t id,
                                  char *out,
                                  size_t capacity,
                                  size_t *needed);

/**
 * Numbers for operators. Set `out->size` first. Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_stats(const struct sinew_server *server, struct sinew_stats *out);

/**
 * Starts a server from a TOML text (UTF-8, `config_len` bytes) with the SINEW_* environment variables on top.
 *
 * Binds its address before it returns; registers and connects in the background. On success `*out` is yours, to be ended with
 * `sinew_server_free`.
 *
 * Errors: INVALID_CONFIG, INVALID_UTF8, ADDRESS_IN_USE, KEY, IO, INVALID_ARGUMENT.
 */
sinew_result sinew_server_start(const char *config,
                                size_t config_len,
                                struct sinew_server **out);

/**
 * Starts a server from a TOML file; `path` is UTF-8. Otherwise as `sinew_server_start`.
 */
sinew_result sinew_server_start_file(const char *path, size_t path_len, struct sinew_server **out);

/**
 * Begins a graceful end and returns at once: leaves the registry, sends what is queued (up to `limits.drain_ms`), says goodbye.
 *
 * SINEW_EVENT_STOPPED is the last event. Calling it again does nothing. Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_stop(const struct sinew_server *server);

/**
 * Ends a server: says goodbye, ends its threads, closes its sockets. Returns within `limits.shutdown_ms`. NULL does nothing.
 *
 * Must be the last call on this server, with no other call on it under way. What its events point to is gone afterwards.
 */
void sinew_server_free(struct sinew_server *server);

/**
 * Hands over up to `capacity` events in order; `*count` tells how many. What they point to is lent until the next poll on this server.
 *
 * `timeout_ms` 0 never blocks; otherwise waits up to that long for the first event (UINT32_MAX: for ever).
 * When `*count == capacity` there may be more: poll again.
 *
 * Thread: one at a time. Errors: BUSY (another thread polls), STOPPED (SINEW_EVENT_STOPPED has been handed over), INVALID_ARGUMENT.
 */
sinew_result sinew_server_poll(struct sinew_server *server,
                               uint32_t timeout_ms,
                               struct sinew_event *events,
                               size_t capacity,
                               size_t *count);

/**
 * Sends a message of `len` bytes (0 is fine) to a connected server. Copied before this returns; never blocks.
 *
 * `mode`: SINEW_MODE_*. An unreliable message that finds the link busy is dropped and counted, which is OK.
 *
 * Errors: QUEUE_FULL (nothing was queued; SINEW_EVENT_WRITABLE follows), NOT_CONNECTED, UNKNOWN_SERVER, MESSAGE_TOO_BIG, STOPPED,
 * INVALID_ARGUMENT.
 */
sinew_result sinew_server_send(const struct sinew_server *server,
                               uint64_t to,
                               uint16_t tag,
                               uint32_t mode,
                               const uint8_t *data,
                               size_t len);

/**
 * Sends a message to every connected server of a group. `*sent` (NULL allowed) tells to how many, also when QUEUE_FULL is answered.
 *
 * Errors: QUEUE_FULL (some outboxes were full: to those servers nothing was sent, the others have it), UNKNOWN_GROUP, MESSAGE_TOO_BIG,
 * STOPPED, INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_server_broadcast(const struct sinew_server *server,
                                    const char *group,
                                    size_t group_len,
                                    uint16_t tag,
                                    uint32_t mode,
                                    const uint8_t *data,
                                    size_t len,
                                    size_t *sent);

/**
 * The name of a result and what it means in a few words; static, NUL-terminated, never NULL.
 */
const char *sinew_result_text(sinew_result result);

/**
 * Copies this thread's last error sentence: the cause and the cure. Empty when nothing failed on this thread yet.
 *
 * Cut at a character's edge and NUL-terminated. `*needed` (NULL allowed): its length in bytes without the NUL. Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_last_error(char *out,
                              size_t capacity,
                              size_t *needed);

/**
 * The ABI version of the loaded library; compare with SINEW_ABI_VERSION.
 */
uint32_t sinew_abi_version(void);

/**
 * The version of the loaded library, e.g. "0.1.0"; static, NUL-terminated.
 */
const char *sinew_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SINEW_H */
