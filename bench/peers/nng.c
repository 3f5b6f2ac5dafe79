/* NNG: a pair of sockets over TCP or TLS. */
#include "run.h"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/supplemental/tls/tls.h>

static nng_socket endpoint;

static void check(int result, const char *what)
{
    if (result != 0) {
        fprintf(stderr, "%s: %s\n", what, nng_strerror(result));
        exit(1);
    }
}

static void peer_send(const uint8_t *message, size_t len, int unreliable)
{
    (void)unreliable;
    check(nng_send(endpoint, (void *)(uintptr_t)message, len, 0), "send");
}

static void peer_flush(void) {}

static void peer_receive(unsigned wait)
{
    nng_msg *message;
    int i;
    for (i = 0; i < 1024; i++) {
        int result = nng_recvmsg(endpoint, &message, i == 0 && wait != 0 ? 0 : NNG_FLAG_NONBLOCK);
        if (result == NNG_EAGAIN || result == NNG_ETIMEDOUT) {
            return;
        }
        check(result, "receive");
        take_message(nng_msg_body(message), nng_msg_len(message));
        nng_msg_free(message);
    }
}

static char *text_of(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL) {
        fclose(file);
    }
    text[length] = '\0';
    return strdup(text);
}

int main(int argc, char **argv)
{
    char address[256];
    int tls, buffers;
    nng_tls_config *config;
    setting = parse(argc, argv);
    tls = is(setting.variant, "nng-tls");
    /* The largest it takes is 8192 messages. */
    buffers = setting.size <= 1024 ? 4096 : 32;
    check(nng_pair0_open(&endpoint), "open");
    check(nng_socket_set_int(endpoint, NNG_OPT_SENDBUF, buffers), "send buffer");
    check(nng_socket_set_int(endpoint, NNG_OPT_RECVBUF, buffers), "receive buffer");
    check(nng_socket_set_ms(endpoint, NNG_OPT_RECVTIMEO, WAIT_MS), "timeout");
    if (setting.is_server) {
        setting.port = free_port(SOCK_STREAM);
    }
    snprintf(address, sizeof address, "%s://%s:%u", tls ? "tls+tcp" : "tcp", tls ? "localhost" : "127.0.0.1", setting.port);
    if (tls) {
        check(nng_tls_config_alloc(&config, setting.is_server ? NNG_TLS_MODE_SERVER : NNG_TLS_MODE_CLIENT), "TLS");
        if (setting.is_server) {
            check(nng_tls_config_own_cert(config, text_of(setting.cert), text_of(setting.key), NULL), "TLS certificate");
        } else {
            check(nng_tls_config_ca_chain(config, text_of(setting.cert), NULL), "TLS authority");
            check(nng_tls_config_server_name(config, "localhost"), "TLS name");
        }
    }
    if (setting.is_server) {
        nng_listener listener;
        check(nng_listener_create(&listener, endpoint, address), "listen");
        if (tls) {
            check(nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config), "TLS");
        }
        check(nng_listener_start(listener, 0), "listen");
        ready(setting.port);
    } else {
        nng_dialer dialer;
        check(nng_dialer_create(&dialer, endpoint, address), "dial");
        if (tls) {
            check(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), "TLS");
        }
        check(nng_dialer_start(dialer, 0), "dial");
    }
    run();
    return 0;
}
