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
