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
 * sinew_server_start (while it binds its addresses), sinew_server_close and sinew_server_free (up to limits.shutdown_ms) and a
 * poll with a timeout may block; a timeout of 0 never does. No call may be running on a server while it is freed (but a poll
 * that waits, see sinew_server_free), and none may follow: sinew_server_close ends one that other threads still use. After
 * fork() the child leaves its parent's servers alone; what it starts after exec() is its own.
 *
 * THE END. A process may end without freeing its servers: nothing hangs, and its exit code is its own; the others see it as lost.
 * Free all servers before you unload the library. On Linux and the BSDs its code stays in memory after dlclose, on purpose: what it
 * keeps for your threads is destroyed when they end, and a look-up of a host name that hangs ends when it likes. Loading it again
 * costs nothing. On other systems do not unload it while threads that called it live, or a look-up hangs.
 *
 * STRINGS. All text is UTF-8. Text you pass in is a pointer and a length in bytes, and needs no NUL at its end. Text you get is
 * either lent and NUL-terminated (in events), or copied into your buffer: then `needed` tells its length in bytes without the NUL,
 * and the copy is cut at a character's edge and NUL-terminated whenever the capacity is not 0. A pointer may be NULL where the
 * length or the capacity beside it is 0.
 *
 * STRUCTS. A struct that begins with `uint32_t size` wants it set to sizeof the struct before the call, also when Sinew fills it in:
 * no more than that is written, so a library newer than your header cannot write past your struct. Fields that the loaded library
 * is too old to know stay as they were: begin with a zeroed struct. Structs only grow at their end, and a field never changes what
 * it means.
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

/* ---- The version. ------------------------------------------------------------------------------------------------- */

/** The version of the ABI that this header describes. It changes only when programs must be compiled anew. */
#define SINEW_ABI_VERSION 1

/* ---- Results: what functions answer. See ERRORS above. ------------------------------------------------------------ */

/** Success. */
#define SINEW_RESULT_OK 0
/** A NULL where none is allowed, a number that means nothing, a struct whose `size` is not its sizeof. */
#define SINEW_RESULT_INVALID_ARGUMENT 1
/** The configuration is wrong: sinew_last_error names the key, the line and the cure. */
#define SINEW_RESULT_INVALID_CONFIG 2
/** Text that is not UTF-8: sinew_last_error names the first bad byte. */
#define SINEW_RESULT_INVALID_UTF8 3
/** Bytes that are not what they should be. */
#define SINEW_RESULT_INVALID_DATA 4
/** No server of this id is in view: it has left, or never was visible. */
#define SINEW_RESULT_UNKNOWN_SERVER 5
/** No group of this name is connected with this server's group. */
#define SINEW_RESULT_UNKNOWN_GROUP 6
/** Another thread is inside sinew_server_poll on this server. */
#define SINEW_RESULT_BUSY 7
/** The call is out of place now: sinew_last_error says what must come first. */
#define SINEW_RESULT_INVALID_STATE 8
/** sinew_registry_server_joined: a server of this id has joined already, or it has with other details. */
#define SINEW_RESULT_ALREADY_JOINED 9
/** No request of this number waits for an answer: it has been answered or has failed, or was never made. */
#define SINEW_RESULT_UNKNOWN_REQUEST 10
/**
 * The outbox is full: nothing was queued. SINEW_EVENT_WRITABLE follows. From sinew_registry_*: too many reports wait; nothing was done,
 * report it again after the next poll.
 */
#define SINEW_RESULT_QUEUE_FULL 100
/** The remote server is in view but its link is down: wait for SINEW_EVENT_SERVER_CONNECTED. */
#define SINEW_RESULT_NOT_CONNECTED 101
/** This server is stopped or stopping. */
#define SINEW_RESULT_STOPPED 102
/** The message is over `limits.max_message_bytes`. */
#define SINEW_RESULT_MESSAGE_TOO_BIG 103
/** `limits.requests_per_link` requests to the server wait for an answer: nothing was sent. */
#define SINEW_RESULT_TOO_MANY_REQUESTS 104
/** No server of the group can be chosen now: none is connected and ready for work. */
#define SINEW_RESULT_NO_CANDIDATE 105
/** Another program, or another server of this one, listens on the address already. */
#define SINEW_RESULT_ADDRESS_IN_USE 200
/** The operating system refused: sinew_last_error says what. */
#define SINEW_RESULT_IO 201
/** A key or certificate file is missing, unreadable, damaged or of another cluster. */
#define SINEW_RESULT_KEY 202
/** A bug in Sinew was contained. The server it happened in may be lost, others are not. */
#define SINEW_RESULT_PANIC 900

/* ---- Modes: how a message is sent. -------------------------------------------------------------------------------- */

/** Ordered, and exactly once, as long as the link lives. */
#define SINEW_MODE_RELIABLE 0
/** At most once, in any order; dropped rather than queued. */
#define SINEW_MODE_UNRELIABLE 1
/** Bits 0 to 7 of a mode: which of the two above it is. */
#define SINEW_MODE_MASK 255

/**
 * Added to a mode by `|`: a lane that goes before lane 0, which is where a mode without any of these is. Messages of one
 * lane keep their order, those of a higher lane go first.
 */
#define SINEW_LANE_1 256
/** Goes before lane 1. */
#define SINEW_LANE_2 512
/** Goes before every other lane. */
#define SINEW_LANE_3 768

/* ---- Events: what sinew_server_poll hands over, and which fields of sinew_event each type fills. ------------------ */

/** This server is registered; before it, nobody else is heard of. `server`: its own id. */
#define SINEW_EVENT_STARTED 1
/**
 * A server that this one may see is in the registry; it is not connected yet. `server`, `group`; `data`: a `const sinew_registration *`,
 * lent like all data.
 */
#define SINEW_EVENT_SERVER_JOINED 2
/** The link is up on both sides, and sending works. `server`, `group`. */
#define SINEW_EVENT_SERVER_CONNECTED 3
/**
 * The link broke, or nothing was heard for `limits.interrupted_after_ms`. What is sent now waits, and what was not acknowledged
 * is sent again when it is resumed: nothing is lost by that. `server`, `group`.
 */
#define SINEW_EVENT_SERVER_INTERRUPTED 4
/** Another link goes on where the last one stopped. `server`, `group`. */
#define SINEW_EVENT_SERVER_RESUMED 5
/**
 * The session with it is over. `server`, `group`; `code`: SINEW_DISCONNECT_*; `data`: why, as text; `count`: reliable
 * messages not known to have arrived, which nobody will send again.
 */
#define SINEW_EVENT_SERVER_DISCONNECTED 6
/**
 * It is gone from view, and nothing more comes from this id, unless it had expired and joins again. `server`, `group`;
 * `code`: SINEW_LEAVE_*.
 */
#define SINEW_EVENT_SERVER_LEFT 7
/** A message. `server`, `group`, `tag`, `mode` with its lane; `data` and `len`: the payload, with no NUL behind it. */
#define SINEW_EVENT_MESSAGE 8
/** After SINEW_RESULT_QUEUE_FULL: half of the outbox to `server` is free again. `server`, `group`. */
#define SINEW_EVENT_WRITABLE 9
/** The registry cannot be reached; links live on. `data`: why, as text. */
#define SINEW_EVENT_REGISTRY_LOST 10
/** The registry is there again; what changed meanwhile follows as events. */
#define SINEW_EVENT_REGISTRY_RESTORED 11
/**
 * Only with `registry.kind = "external"`: register this server in your registry, then call sinew_registry_registered or
 * sinew_registry_register_failed. `data`: a `const sinew_registration *`, lent like all data; `server`: the id in it; `group`: this
 * server's own.
 */
#define SINEW_EVENT_REGISTRY_REGISTER 12
/**
 * Only with `registry.kind = "external"`: this server is stopping, or was replaced. Take the entry of this id out of your registry, and no
 * other: the next event may be SINEW_EVENT_STOPPED. `server`: its own id.
 */
#define SINEW_EVENT_REGISTRY_DEREGISTER 13
/**
 * Only with `registry.kind = "external"`: dialling this server failed again and again. Look whether it is really there, and call
 * sinew_registry_server_left if it is not. `server`, `group`.
 */
#define SINEW_EVENT_REGISTRY_CONNECTION_FAILURE 14
/** A line of the library's log, if the configuration says `log.to = "events"`. `code`: SINEW_LOG_*; `data`: the text. */
#define SINEW_EVENT_LOG 15
/** The last event of this server: every link is down. `code`: SINEW_STOP_*; `data`: why, as text. */
#define SINEW_EVENT_STOPPED 16
/**
 * A connected server asks something: answer with sinew_server_reply or sinew_server_refuse. `server`, `group`, `request`, `tag`, `mode`;
 * `data` and `len`: the payload; `count`: for how many milliseconds it is waited for an answer.
 */
#define SINEW_EVENT_REQUEST 17
/**
 * The answer to a request of this server. `server`: who answered; `group`, `request`, `tag`, `mode`; `code`: the answer's; `data` and
 * `len`: its payload.
 */
#define SINEW_EVENT_REPLY 18
/**
 * There will be no answer to a request of this server. `server`: who was asked, the last one if there were several; `group`, `request`;
 * `code`: SINEW_REQUEST_*. Those to a server come before its SINEW_EVENT_SERVER_DISCONNECTED.
 */
#define SINEW_EVENT_REQUEST_FAILED 19
/**
 * A connected server's properties are others than before. `server`, `group`; `data`: a `const sinew_registration *` with them, lent like
 * all data.
 */
#define SINEW_EVENT_SERVER_UPDATED 20

/** No answer came in time. Whether it was carried out is not known. */
#define SINEW_REQUEST_TIMED_OUT 1
/** The session with the server asked has ended. Whether it was carried out is not known. */
#define SINEW_REQUEST_DISCONNECTED 2
/** The server asked has stopped, or left the registry. Whether it was carried out is not known. */
#define SINEW_REQUEST_LEFT 3
/** The server asked would not answer. */
#define SINEW_REQUEST_REFUSED 4
/** Nobody on the server asked answers requests of this tag. */
#define SINEW_REQUEST_NO_HANDLER 5
/** The server asked has `limits.requests_per_link` unanswered requests of this one; its game never saw it. */
#define SINEW_REQUEST_OVERLOADED 6
/** sinew_server_cancel was called. */
#define SINEW_REQUEST_CANCELLED 7
/** This server is stopping. */
#define SINEW_REQUEST_STOPPING 8

/** Each server of the group in turn. */
#define SINEW_POLICY_ROUND_ROBIN 1
/**
 * The least full by its property `load`, as a share of its `capacity` where it tells one. Until it tells its load anew, each piece of work
 * that this server sends it counts as 1.
 */
#define SINEW_POLICY_LEAST_LOADED 2
/**
 * The server that the key belongs to: on every server the same for the same key, as long as the names of the servers that can be chosen are
 * the same. Only the keys of a server that comes or goes move. A server whose link is interrupted is still chosen.
 */
#define SINEW_POLICY_KEY 3

/** It does not take work yet: its property `state` is `starting`. */
#define SINEW_READINESS_STARTING 1
/** It takes work: `ready`, or nothing is said. */
#define SINEW_READINESS_READY 2
/** It takes no more work: `draining`. A server says so by itself from sinew_server_stop on. */
#define SINEW_READINESS_DRAINING 3

/* ---- Why a link went down. ---------------------------------------------------------------------------------------- */

/** The connection broke: its process ended, or the network cut it. */
#define SINEW_DISCONNECT_LOST 1
/** Nothing was heard from it for too long. */
#define SINEW_DISCONNECT_SILENT 2
/** It stopped gracefully. */
#define SINEW_DISCONNECT_PEER_STOPPED 3
/** The registry says that it has left. */
#define SINEW_DISCONNECT_PEER_LEFT 4
/** A newer link to the same server took over. */
#define SINEW_DISCONNECT_SUPERSEDED 5
/** It broke the protocol. */
#define SINEW_DISCONNECT_PROTOCOL 6
/** This server is stopping. */
#define SINEW_DISCONNECT_STOPPING 7
/** One of the two was told a topology by which they do not see each other (sinew_server_reload). */
#define SINEW_DISCONNECT_UNRELATED 8

/* ---- Why a remote server has left. -------------------------------------------------------------------------------- */

/** It stopped gracefully. */
#define SINEW_LEAVE_STOPPED 1
/** A newer server registered under its group and name. */
#define SINEW_LEAVE_REPLACED 2
/** Its registration ran out: it crashed, hangs, or cannot reach the registry. */
#define SINEW_LEAVE_EXPIRED 3
/** This server is stopping. */
#define SINEW_LEAVE_STOPPING 4
/** This server was told a topology by which the two do not see each other (sinew_server_reload). */
#define SINEW_LEAVE_UNRELATED 5

/* ---- Why this server has stopped. --------------------------------------------------------------------------------- */

/** sinew_server_stop was called. */
#define SINEW_STOP_REQUESTED 1
/** A newer server registered under this server's group and name. */
#define SINEW_STOP_REPLACED 2
/** A bug in Sinew ended this server. */
#define SINEW_STOP_FAILED 3

/* ---- How severe a line of the log is. ----------------------------------------------------------------------------- */

/** Something is broken, and somebody should look. */
#define SINEW_LOG_ERROR 1
/** Something is not as it should be, and Sinew goes on trying. */
#define SINEW_LOG_WARN 2
/** What an operator wants to know. */
#define SINEW_LOG_INFO 3
/** What a developer wants to know. */
#define SINEW_LOG_DEBUG 4
/** Everything. */
#define SINEW_LOG_TRACE 5

/* ---- How it stands with a remote server. -------------------------------------------------------------------------- */

/** In view, but no link: it dials, or this server's next attempt is due later. */
#define SINEW_STATE_DISCONNECTED 1
/** This server is dialling it. */
#define SINEW_STATE_CONNECTING 2
/** The link is up. */
#define SINEW_STATE_CONNECTED 3
/** The link is up, but nothing is heard from it. */
#define SINEW_STATE_INTERRUPTED 4
/** It is gone from view. */
#define SINEW_STATE_LEFT 5

/* ---- Who dials whom. ---------------------------------------------------------------------------------------------- */

/** Bit: this server dials it, or this server's group names that group in `connects_to`. */
#define SINEW_DIRECTION_OUTGOING 1
/** Bit: it dials this server, or that group names this server's group in `connects_to`. */
#define SINEW_DIRECTION_INCOMING 2

/* ---- Whom a group is for. ----------------------------------------------------------------------------------------- */

/** Its servers may not accept game clients. */
#define SINEW_VISIBILITY_INTERNAL 1
/** Its servers may accept game clients. */
#define SINEW_VISIBILITY_EXTERNAL 2

/* ---- Types. ------------------------------------------------------------------------------------------------------- */

/** One server of the cluster. Made by sinew_server_start, ended by sinew_server_free. */
typedef struct sinew_server sinew_server;

/** What a function answers: SINEW_RESULT_*. Treat numbers you do not know by their range, see ERRORS above. */
typedef int32_t sinew_result;

/**
 * One thing that happened. What its pointers lead to is lent until the next sinew_server_poll or sinew_server_free on
 * the same server. Fields that SINEW_EVENT_* does not mention for a type are 0 or NULL.
 */
typedef struct sinew_event {
    /** SINEW_EVENT_*. Skip types you do not know: later versions add some. */
    uint32_t type;
    /** SINEW_MODE_* of a message. */
    uint32_t mode;
    /** The remote server, or this server's own id in SINEW_EVENT_STARTED. */
    uint64_t server;
    /** Kept for game clients: 0. */
    uint64_t client;
    /** The number of a request. */
    uint64_t request;
    /** The remote server's group, NUL-terminated; NULL in events that are about no server. */
    const char *group;
    /** A message's payload (not NULL even if empty), text in UTF-8 with a NUL behind it, or a struct, see SINEW_EVENT_*. */
    const uint8_t *data;
    /** Bytes in `data`, not counting the NUL behind text. */
    size_t len;
    /** The message's tag, 0 to 65535. */
    uint32_t tag;
    /** A reason or a level, see SINEW_EVENT_*. */
    uint32_t code;
    /** A number, see SINEW_EVENT_*. */
    uint64_t count;
    /** Kept for later: 0. */
    uint64_t reserved;
} sinew_event;

/** This server, as the others see it. */
typedef struct sinew_local_info {
    /** Set to sizeof(sinew_local_info) before the call. */
    uint32_t size;
    /** SINEW_VISIBILITY_* of its group. */
    uint32_t visibility;
    /** 0 until SINEW_EVENT_STARTED. */
    uint64_t id;
    /** NUL-terminated, as all text in structs. */
    char group[64];
    /** Unique in its group. */
    char name[64];
    /** What others dial; until SINEW_EVENT_STARTED, the bound address. */
    char host[256];
    /** The real one, also where the configuration says 0. */
    uint32_t port;
    /** Kept for later: 0. */
    uint32_t reserved;
} sinew_local_info;

/** A group that this server's group is connected with. */
typedef struct sinew_group_info {
    /** Set to sizeof(sinew_group_info) in the first element before the call. */
    uint32_t size;
    /** SINEW_VISIBILITY_*. */
    uint32_t visibility;
    /** As in the configuration. */
    char name[64];
    /** SINEW_DIRECTION_* bits: which group names which in `connects_to`. */
    uint32_t direction;
    /** Servers in view, connected or not. */
    uint32_t count;
} sinew_group_info;

/** Another server, as seen from this one. */
typedef struct sinew_remote_info {
    /** Set to sizeof(sinew_remote_info) before the call. */
    uint32_t size;
    /** SINEW_STATE_*. */
    uint32_t state;
    /** The one asked for. */
    uint64_t id;
    /** Its group. */
    char group[64];
    /** Its name, unique in its group. */
    char name[64];
    /** What is dialled to reach it: a host name or an address. */
    char host[256];
    /** The port beside it. */
    uint32_t port;
    /** One of SINEW_DIRECTION_*: which side dials. */
    uint32_t direction;
    /** Round trip of the last keep-alive in microseconds; 0 while not measured. */
    uint32_t rtt_us;
    /** Kept for later: 0. */
    uint32_t reserved;
    /**
     * Bytes that wait to be sent to it or to be acknowledged by it, 8 bytes per message for its header included: what counts against
     * `limits.outbox_bytes`.
     */
    uint64_t queued_bytes;
    /** Its property `load`; NaN: it tells none. */
    double load;
    /** Its property `capacity`; NaN: it tells none. */
    double capacity;
    /** SINEW_READINESS_*: its property `state`. */
    uint32_t readiness;
    /** Requests of this server that it has not answered. */
    uint32_t open_requests;
} sinew_remote_info;

/** How this server is doing: numbers for operators. Counters of messages are over the servers in view now. */
typedef struct sinew_stats {
    /** Set to sizeof(sinew_stats) before the call. */
    uint32_t size;
    /** Servers in view. */
    uint32_t servers;
    /** Of those, connected. */
    uint32_t connected;
    /** Kept for later: 0. */
    uint32_t reserved;
    /** Messages taken by a send. */
    uint64_t messages_sent;
    /** Messages that arrived, polled or not. */
    uint64_t messages_received;
    /** Unreliable messages dropped because a link was busy. */
    uint64_t messages_dropped;
    /** Times a send was answered SINEW_RESULT_QUEUE_FULL. */
    uint64_t sends_refused;
    /** Bytes that wait in all outboxes. */
    uint64_t outbox_bytes;
    /** Bytes of messages received that wait for a poll, or are lent by the last one. */
    uint64_t inbox_bytes;
    /** Bytes of other events that wait for a poll. */
    uint64_t event_bytes;
    /** How long the oldest event that waits for a poll has waited, in microseconds. */
    uint64_t oldest_event_wait_us;
    /** Log lines dropped because nobody polled. */
    uint64_t logs_dropped;
    /** Connections that were not TLS 1.3 with Sinew's protocol. */
    uint64_t rejected_not_tls;
    /** Connections that showed no certificate, or not one of this cluster. */
    uint64_t rejected_untrusted;
    /** Connections that broke off during the handshake. */
    uint64_t rejected_aborted;
    /** Connections that did not finish the handshake in time. */
    uint64_t rejected_timed_out;
    /** Connections whose handshake made no sense. */
    uint64_t rejected_malformed;
    /** Connections that were refused with a sentence: version, cluster, identity, topology, registry. */
    uint64_t rejected_refused;
    /** Connections that came while too many handshakes were under way. */
    uint64_t rejected_overload;
    /** Bytes of messages, headers included, that are not known to have arrived, those that wait in an outbox included. */
    uint64_t unacknowledged_bytes;
    /** Memory that lies ready for the next messages. */
    uint64_t recycled_bytes;
    /** Most memory that messages and events can take by the limits, with as many links as now. */
    uint64_t ceiling_bytes;
    /** Of messages_dropped: because the stream was busy. */
    uint64_t dropped_link_busy;
    /** Of messages_dropped: because too many waited for a datagram. */
    uint64_t dropped_datagram_queue;
    /** Datagrams received that made no sense, dropped whole. */
    uint64_t dropped_malformed;
    /** Messages that came by datagram while too much waited for a poll. */
    uint64_t dropped_inbox_full;
    /** Of messages_received: those that came by datagram. */
    uint64_t received_by_datagram;
    /** Connections closed at once because their address opens them too often. */
    uint64_t rejected_throttled;
    /** Requests made by this server since its start; one that is tried again elsewhere counts again. */
    uint64_t requests_sent;
    /** Answers to them that came in time. */
    uint64_t requests_answered;
    /** Those of which SINEW_EVENT_REQUEST_FAILED told, or the error of a future. */
    uint64_t requests_failed;
    /** Answers that came when nobody waited any more, dropped. */
    uint64_t replies_late;
    /** Requests of other servers. */
    uint64_t requests_received;
} sinew_stats;

/** A key and a value that a server registered with: UTF-8, any characters, NUL included. In an event a NUL stands behind both. */
typedef struct sinew_property {
    const char *key;
    /** Bytes in `key`, without the NUL. */
    size_t key_len;
    const char *value;
    /** Bytes in `value`, without the NUL. */
    size_t value_len;
} sinew_property;

/**
 * One entry of a registry that the game connects itself: in SINEW_EVENT_REGISTRY_REGISTER what this server is to be registered as,
 * in sinew_registry_server_joined what stands in the registry.
 */
typedef struct sinew_registration {
    /** Set to sizeof(sinew_registration) before the call. In an event: how much of it there is. */
    uint32_t size;
    /** SINEW_VISIBILITY_* of its group, for your own use. Not read in a call: there it is what the configuration says of the group. */
    uint32_t visibility;
    /** In an event: an id that nobody has, to be used unless the registry gives ids of its own. */
    uint64_t id;
    /** 1 to 63 characters of a-z A-Z 0-9 _ . - */
    const char *group;
    /** Bytes in `group`, without the NUL. */
    size_t group_len;
    /** Unique in its group; the same characters. */
    const char *name;
    /** Bytes in `name`, without the NUL. */
    size_t name_len;
    /** What the others dial: a host name or an address, IPv6 without brackets. At most 255 bytes. */
    const char *host;
    /** Bytes in `host`, without the NUL. */
    size_t host_len;
    /** The port beside it, 1 to 65535. */
    uint32_t port;
    /** Kept for later: 0. */
    uint32_t reserved;
    /** Any number of them, at most 4 KiB in all; NULL is fine for none. */
    const struct sinew_property *properties;
    /** How many there are. */
    size_t property_count;
} sinew_registration;

/* ---- Functions. --------------------------------------------------------------------------------------------------- */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Starts a server from a TOML text (UTF-8, `config_len` bytes), with the process's SINEW_* environment variables on top.
 *
 * The addresses are bound when this returns; the server registers and connects in the background, tries again for as
 * long as it must, and tells in events how it goes. `*out` is yours, to be ended with sinew_server_free.
 * Thread: reads the environment, so let no other thread call setenv meanwhile.
 *
 * Errors: INVALID_CONFIG, KEY, ADDRESS_IN_USE, IO, INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_server_start(const char *config,
                                size_t config_len,
                                sinew_server **out);

/**
 * Starts a server from a TOML file; `path` is UTF-8, relative to the working directory. Otherwise as sinew_server_start.
 *
 * Errors: those of sinew_server_start; a file that cannot be read is INVALID_CONFIG.
 */
sinew_result sinew_server_start_file(const char *path,
                                     size_t path_len,
                                     sinew_server **out);

/**
 * Hands over up to `capacity` events, in order; `*count` tells how many. Call it every frame.
 *
 * What the events point to is lent until the next poll on this server. `timeout_ms` 0 never blocks; otherwise it waits
 * up to that long for the first event, and UINT32_MAX is for ever. When `*count == capacity` there may be more: poll
 * again. 0 events is SINEW_RESULT_OK.
 *
 * Thread: one at a time. Errors: BUSY (another thread polls), STOPPED (SINEW_EVENT_STOPPED has been handed over, nothing
 * more comes), INVALID_ARGUMENT; all of them leave alone what the last poll lent, except STOPPED.
 */
sinew_result sinew_server_poll(sinew_server *server,
                               uint32_t timeout_ms,
                               sinew_event *events,
                               size_t capacity,
                               size_t *count);

/**
 * Sends a message of `len` bytes (0 is fine) to a connected server. Copied before this returns; never blocks.
 *
 * `tag` is yours: what kind of message it is. `mode`: SINEW_MODE_*, perhaps with SINEW_LANE_*. An unreliable message that
 * finds the link busy is dropped and counted in sinew_stats, and that is SINEW_RESULT_OK.
 *
 * Errors: QUEUE_FULL (nothing was queued, SINEW_EVENT_WRITABLE follows), NOT_CONNECTED, UNKNOWN_SERVER (it has left),
 * MESSAGE_TOO_BIG, STOPPED, INVALID_ARGUMENT.
 */
sinew_result sinew_server_send(const sinew_server *server,
                               uint64_t to,
                               uint16_t tag,
                               uint32_t mode,
                               const uint8_t *data,
                               size_t len);

/**
 * Sends a message to every connected server of a group. `*sent` (NULL allowed) tells to how many.
 *
 * Those of the group that did not get it are in `missed`: `*missed_count` (NULL allowed) tells how many there are, the first `capacity` of
 * them are written. `missed` may be NULL when `capacity` is 0.
 * Errors: QUEUE_FULL (to servers whose outbox is full nothing was sent; the others have it, and all of the above is written),
 * UNKNOWN_GROUP (not in the topology, or not connected with this server's group), MESSAGE_TOO_BIG, STOPPED,
 * INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_server_broadcast(const sinew_server *server,
                                    const char *group,
                                    size_t group_len,
                                    uint16_t tag,
                                    uint32_t mode,
                                    const uint8_t *data,
                                    size_t len,
                                    size_t *sent,
                                    uint64_t *missed,
                                    size_t capacity,
                                    size_t *missed_count);

/**
 * Applies a new configuration (a whole one, as for sinew_server_start) to the running server: groups, limits, key and certificate files,
 * the trust list, the log's level and some more; docs/configuration.md lists them. All of it or nothing. Reads the files it names.
 *
 * Links that stand go on; new handshakes show and trust what the new files say. Servers that the new groups show join, those that they hide
 * are disconnected and leave. Limits of a link hold for servers that come into view from now on.
 * Thread: reads the environment, so let no other thread call setenv meanwhile.
 *
 * Errors: INVALID_CONFIG (the sentence names every key that is wrong, or that needs a restart to change, such as `server.name`), KEY,
 * STOPPED, INVALID_UTF8, INVALID_ARGUMENT. Nothing has changed then.
 */
sinew_result sinew_server_reload(const sinew_server *server,
                                 const char *config,
                                 size_t config_len);

/**
 * Begins a graceful end and returns at once: the server leaves the registry, sends what is queued (for at most
 * `limits.drain_ms`) and says goodbye. Go on polling until SINEW_EVENT_STOPPED, the last event, then free.
 *
 * Calling it again does nothing. Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_stop(const sinew_server *server);

/**
 * Ends a server as sinew_server_free does, but leaves `server` valid: its threads, sockets and files are gone when this returns, within
 * `limits.shutdown_ms`, and calls on it answer STOPPED, or with what was known at the end.
 *
 * Other calls on it may be under way on any thread, and may follow: for programs whose threads end in no particular order, and for
 * languages whose finalizers say when nobody can call any more. A poll that waits is ended with STOPPED; what was lent stays so.
 * sinew_server_free is still to be called, as the last call. Calling this again does nothing. Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_close(const sinew_server *server);

/**
 * Ends a server: closes it if that has not been done, and gives its memory back.
 *
 * Returns within `limits.shutdown_ms`. What its events point to is gone afterwards. NULL does nothing.
 * Must be the last call on this server. No other call on it may be under way, except one: a sinew_server_poll that waits on
 * another thread is ended with STOPPED, and has returned before the server is gone. Where other threads send, call
 * sinew_server_close first: their sends are answered with STOPPED from then on; join them, then free.
 *
 * A look-up of a host name that hangs cannot be ended: its thread outlives this call until the look-up returns, and uses
 * nothing but the library's own code and memory.
 */
void sinew_server_free(sinew_server *server);

/**
 * Asks a connected server something. Copied before this returns; never blocks.
 *
 * `*request` becomes the number under which exactly one of SINEW_EVENT_REPLY and SINEW_EVENT_REQUEST_FAILED follows, within
 * `timeout_ms` (1 or more; noticed up to 10 ms late). Another thread's poll may have it before this returns. `tag`, `mode`: as in
 * sinew_server_send; the answer travels in the same way. An unreliable one that gets lost times out.
 *
 * Errors: those of sinew_server_send (MESSAGE_TOO_BIG 12 bytes earlier), TOO_MANY_REQUESTS; no event follows then.
 */
sinew_result sinew_server_request(const sinew_server *server,
                                  uint64_t to,
                                  uint16_t tag,
                                  uint32_t mode,
                                  const uint8_t *data,
                                  size_t len,
                                  uint32_t timeout_ms,
                                  uint64_t *request);

/**
 * Answers SINEW_EVENT_REQUEST, now or later: `from` and `request` are its `server` and `request`. `code` is a number of yours.
 * Copied before this returns; never blocks.
 *
 * Errors: UNKNOWN_REQUEST (it has been answered, who asked has given up, or it was never asked), NOT_CONNECTED (the session is over,
 * and who asked knows), UNKNOWN_SERVER, STOPPED, INVALID_ARGUMENT; QUEUE_FULL and MESSAGE_TOO_BIG: it can still be answered.
 */
sinew_result sinew_server_reply(const sinew_server *server,
                                uint64_t from,
                                uint64_t request,
                                uint32_t code,
                                const uint8_t *data,
                                size_t len);

/**
 * Answers SINEW_EVENT_REQUEST with a no: `reason` is SINEW_REQUEST_REFUSED, or SINEW_REQUEST_NO_HANDLER if nothing here answers requests of
 * its tag. Who asked gets SINEW_EVENT_REQUEST_FAILED with it. Never blocks.
 *
 * Errors: those of sinew_server_reply.
 */
sinew_result sinew_server_refuse(const sinew_server *server,
                                 uint64_t from,
                                 uint64_t request,
                                 uint32_t reason);

/**
 * Gives up a request of this server: SINEW_EVENT_REQUEST_FAILED with SINEW_REQUEST_CANCELLED follows, and an answer that still comes is
 * dropped and counted.
 *
 * Errors: UNKNOWN_REQUEST (it has ended, or was never made), INVALID_ARGUMENT.
 */
sinew_result sinew_server_cancel(const sinew_server *server,
                                 uint64_t request);

/**
 * Sends a message to one server of a group. `policy` is SINEW_POLICY_*; `key` (`key_len` bytes, 1 or more) goes with SINEW_POLICY_KEY, and
 * is NULL and 0 otherwise. `*to` (NULL allowed) tells to which. Copied before this returns; never blocks.
 *
 * Servers that are not connected, `starting` or `draining` are passed over, and except by key those whose outbox is full.
 * Errors: NO_CANDIDATE (none is left), QUEUE_FULL, UNKNOWN_GROUP, MESSAGE_TOO_BIG, STOPPED, INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_server_send_any(const sinew_server *server,
                                   const char *group,
                                   size_t group_len,
                                   uint32_t policy,
                                   const uint8_t *key,
                                   size_t key_len,
                                   uint16_t tag,
                                   uint32_t mode,
                                   const uint8_t *data,
                                   size_t len,
                                   uint64_t *to);

/**
 * Asks one server of a group: sinew_server_request with the choice of sinew_server_send_any. The event tells in `server` who answered.
 *
 * `retries`: how many more servers are asked, one after the other, each for `timeout_ms`, when one fails to answer; the request may then be
 * carried out more than once. 0: none, the failure is told.
 * Errors: those of sinew_server_request and sinew_server_send_any.
 */
sinew_result sinew_server_request_any(const sinew_server *server,
                                      const char *group,
                                      size_t group_len,
                                      uint32_t policy,
                                      const uint8_t *key,
                                      size_t key_len,
                                      uint16_t tag,
                                      uint32_t mode,
                                      const uint8_t *data,
                                      size_t len,
                                      uint32_t timeout_ms,
                                      uint32_t retries,
                                      uint64_t *request);

/**
 * Sets one of this server's properties; `value` NULL (with `value_len` 0) removes it. Connected servers are told within 100 ms and get
 * SINEW_EVENT_SERVER_UPDATED; one that changes more often than ten times a second is told as it is then. Never blocks.
 *
 * UTF-8, at most 4 KiB for all keys and values. `load` (how much work there is, in pieces of it: players, matches, jobs), `capacity` (how
 * much it can take) and `state` (`starting`, `ready`, `draining`) mean something to SINEW_POLICY_*. A registry keeps the properties that
 * this server started with.
 * Errors: INVALID_ARGUMENT (too many bytes; an empty key; a `load` or `capacity` that is no number, a `state` that is none),
 * INVALID_UTF8; nothing is changed then.
 */
sinew_result sinew_server_set_property(const sinew_server *server,
                                       const char *key,
                                       size_t key_len,
                                       const char *value,
                                       size_t value_len);

/**
 * Copies one property of a remote server (`id` 0: of this one) into `out`, as sinew_server_explain does.
 *
 * `*found` (NULL allowed) becomes 1, or 0 and an empty text if it has no such property. All of them are in the `data` of
 * SINEW_EVENT_SERVER_JOINED and SINEW_EVENT_SERVER_UPDATED.
 * Errors: UNKNOWN_SERVER, INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_server_property(const sinew_server *server,
                                   uint64_t id,
                                   const char *key,
                                   size_t key_len,
                                   char *out,
                                   size_t capacity,
                                   size_t *needed,
                                   uint32_t *found);

/**
 * This server, as the others see it. Set `out->size` first.
 *
 * Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_info(const sinew_server *server, sinew_local_info *out);

/**
 * The groups that this server's group is connected with, ordered by name. Set `out[0].size` first.
 *
 * `*count` tells how many there are; the first `capacity` of them are written. `out` may be NULL when `capacity` is 0.
 *
 * Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_groups(const sinew_server *server,
                                 sinew_group_info *out,
                                 size_t capacity,
                                 size_t *count);

/**
 * The ids of a group's servers in view, connected or not, the oldest registration first.
 *
 * `*count` tells how many there are; the first `capacity` of them are written. `ids` may be NULL when `capacity` is 0.
 *
 * Errors: UNKNOWN_GROUP (not in the topology, or not connected with this server's group), INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_server_group_members(const sinew_server *server,
                                        const char *group,
                                        size_t group_len,
                                        uint64_t *ids,
                                        size_t capacity,
                                        size_t *count);

/**
 * One remote server in view. Set `out->size` first.
 *
 * Errors: UNKNOWN_SERVER (it has left, or never was visible), INVALID_ARGUMENT.
 */
sinew_result sinew_server_find(const sinew_server *server, uint64_t id, sinew_remote_info *out);

/**
 * Why the link to a remote server is, or is not, up: several lines of text for a person to read, not to parse.
 *
 * `*needed` (NULL allowed) is its length in bytes without the NUL; it is longer than what fits in `capacity` when the
 * copy was cut.
 *
 * Errors: UNKNOWN_SERVER, INVALID_ARGUMENT.
 */
sinew_result sinew_server_explain(const sinew_server *server,
                                  uint64_t id,
                                  char *out,
                                  size_t capacity,
                                  size_t *needed);

/**
 * How this server is doing. Set `out->size` first.
 *
 * Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_server_stats(const sinew_server *server, sinew_stats *out);

/**
 * Answers SINEW_EVENT_REGISTRY_REGISTER: this server is registered, under the id of the event or another one that nobody ever had. A
 * server that restarts under the same name must get a higher id. SINEW_EVENT_STARTED follows. Calling it again does nothing.
 *
 * This and the other sinew_registry_* functions are for `registry.kind = "external"`, may be called from any thread, never block, and do
 * nothing when they fail.
 *
 * Errors: INVALID_STATE (not external; nobody asked; registered under another id), STOPPED (take the entry out again), INVALID_ARGUMENT.
 */
sinew_result sinew_registry_registered(const sinew_server *server,
                                       uint64_t id);

/**
 * Answers SINEW_EVENT_REGISTRY_REGISTER: it was not possible; `text` (`len` bytes) says why. SINEW_EVENT_REGISTRY_LOST tells it, once,
 * and SINEW_EVENT_REGISTRY_REGISTER comes again after a pause that grows from 100 ms to 2 s.
 *
 * Errors: INVALID_STATE (not external; nobody asked, or registered already), STOPPED, INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_registry_register_failed(const sinew_server *server,
                                            const char *text,
                                            size_t len);

/**
 * Reports that a server stands in the registry. Set `entry->size` first. Report everybody: this server itself, and those whom the
 * topology does not show it, are left out.
 *
 * A higher id under a group and name replaces the lower one; under this server's own, it ends this server (SINEW_STOP_REPLACED).
 * Errors: ALREADY_JOINED (the id is known, and no snapshot asks for it; or it is known with other details), INVALID_STATE (not external;
 * not registered yet; 65536 servers have joined), QUEUE_FULL, STOPPED, INVALID_UTF8, INVALID_ARGUMENT.
 */
sinew_result sinew_registry_server_joined(const sinew_server *server,
                                          const sinew_registration *entry);

/**
 * Reports that a server does not stand in the registry any more. It is a hint: a live link outlives it, and the id may join again.
 *
 * Errors: UNKNOWN_SERVER (it was not reported as joined, or has left already), INVALID_STATE (not external; not registered yet),
 * QUEUE_FULL, STOPPED, INVALID_ARGUMENT.
 */
sinew_result sinew_registry_server_left(const sinew_server *server,
                                        uint64_t id);

/**
 * Begins a look at the whole registry: report everybody with sinew_registry_server_joined, known or not, then call
 * sinew_registry_snapshot_end. Whoever was not reported in between has left.
 *
 * Errors: INVALID_STATE (not external; not registered yet; one has begun already), STOPPED, INVALID_ARGUMENT.
 */
sinew_result sinew_registry_snapshot_begin(const sinew_server *server);

/**
 * Ends what sinew_registry_snapshot_begin began.
 *
 * Errors: INVALID_STATE (not external; not registered yet; none has begun), QUEUE_FULL, STOPPED, INVALID_ARGUMENT.
 */
sinew_result sinew_registry_snapshot_end(const sinew_server *server);

/**
 * Reports that the registry cannot be reached; `text` (`len` bytes) says why. SINEW_EVENT_REGISTRY_LOST tells it, once per outage:
 * calling it again does nothing. Links live on.
 *
 * Errors: INVALID_STATE (not external; not registered yet: sinew_registry_register_failed then), QUEUE_FULL, STOPPED, INVALID_UTF8,
 * INVALID_ARGUMENT.
 */
sinew_result sinew_registry_lost(const sinew_server *server,
                                 const char *text,
                                 size_t len);

/**
 * Reports that the registry can be reached again: SINEW_EVENT_REGISTRY_RESTORED. Does nothing where nothing was lost. Report what has
 * changed meanwhile, best as a snapshot.
 *
 * Errors: INVALID_STATE (not external; not registered yet), QUEUE_FULL, STOPPED, INVALID_ARGUMENT.
 */
sinew_result sinew_registry_restored(const sinew_server *server);

/** Names a result and says what it means in a few words. Static, NUL-terminated, never NULL, for any number. */
const char *sinew_result_text(sinew_result result);

/**
 * Copies the whole sentence about the last call that failed on this thread: the cause and the cure.
 *
 * `*needed` (NULL allowed) is its length in bytes without the NUL; it is longer than what fits in `capacity` when the
 * copy was cut. Empty if nothing has failed on this thread.
 *
 * Errors: INVALID_ARGUMENT.
 */
sinew_result sinew_last_error(char *out, size_t capacity, size_t *needed);

/** The ABI version of the loaded library; another one than SINEW_ABI_VERSION means that header and library do not fit. */
uint32_t sinew_abi_version(void);

/** The version of the loaded library, such as "0.1.0". Static, NUL-terminated. */
const char *sinew_version(void);

#ifdef __cplusplus
}
#endif

#endif  /* SINEW_H */
