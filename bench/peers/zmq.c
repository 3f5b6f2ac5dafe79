/* ZeroMQ: a pair of sockets, plain or with CURVE. */
#include "run.h"

#include <zmq.h>

static void *endpoint;

static void check(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
        exit(1);
    }
}

static void set_number(int option, int value) { check(zmq_setsockopt(endpoint, option, &value, sizeof value), "option"); }

static void peer_send(const uint8_t *message, size_t len, int unreliable)
{
    (void)unreliable;
    check(zmq_send(endpoint, message, len, 0), "send");
}

static void peer_flush(void) {}

static void peer_receive(unsigned wait)
{
    zmq_msg_t message;
    int i;
    zmq_msg_init(&message);
    for (i = 0; i < 1024 && zmq_msg_recv(&message, endpoint, i == 0 && wait != 0 ? 0 : ZMQ_DONTWAIT) >= 0; i++) {
        take_message(zmq_msg_data(&message), zmq_msg_size(&message));
    }
    zmq_msg_close(&message);
}

/* Both sides make the same key pair; what it protects here is nothing. */
static void use_curve(void)
{
    uint8_t bytes[32];
    char secret[41], public[41];
    int is_the_server = setting.is_server;
    memset(bytes, 7, sizeof bytes);
    zmq_z85_encode(secret, bytes, sizeof bytes);
    check(zmq_curve_public(public, secret), "CURVE");
    check(zmq_setsockopt(endpoint, ZMQ_CURVE_SECRETKEY, secret, 40), "CURVE");
    check(zmq_setsockopt(endpoint, ZMQ_CURVE_PUBLICKEY, public, 40), "CURVE");
    if (is_the_server) {
        set_number(ZMQ_CURVE_SERVER, 1);
    } else {
        check(zmq_setsockopt(endpoint, ZMQ_CURVE_SERVERKEY, public, 40), "CURVE");
    }
}

int main(int argc, char **argv)
{
    char address[256];
    size_t length = sizeof address;
    size_t messages;
    setting = parse(argc, argv);
    endpoint = zmq_socket(zmq_ctx_new(), ZMQ_PAIR);
    /* The default of 1000 messages is too few for small ones and more than needed for big ones: about 8 MiB, as Sinew has it. */
    messages = ((size_t)8 << 20) / (setting.size + 1);
    messages = messages < 32 ? 32 : messages > 100000 ? 100000 : messages;
    set_number(ZMQ_SNDHWM, (int)messages);
    set_number(ZMQ_RCVHWM, (int)messages);
    set_number(ZMQ_RCVTIMEO, WAIT_MS);
    if (is(setting.variant, "zmq-curve")) {
        use_curve();
    }
    if (setting.is_server) {
        check(zmq_bind(endpoint, "tcp://127.0.0.1:*"), "bind");
        check(zmq_getsockopt(endpoint, ZMQ_LAST_ENDPOINT, address, &length), "address");
        ready((unsigned)strtoul(strrchr(address, ':') + 1, NULL, 10));
    } else {
        snprintf(address, sizeof address, "tcp://127.0.0.1:%u", setting.port);
        check(zmq_connect(endpoint, address), "connect");
    }
    run();
    return 0;
}
