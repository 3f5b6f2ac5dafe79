/* ZeroMQ: a pair of sockets, plain or with CURVE; a DEALER and a ROUTER for requests. */
#include "requests.h"

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

static void peer_ask(const uint8_t *payload, size_t len, uint64_t place)
{
    (void)place;
    check(zmq_send(endpoint, payload, len, 0), "ask");
}

/* What the ROUTER gets begins with who asked, and so does what it is given: both parts go back as they are, without a copy. */
static void answer_all(unsigned wait)
{
    zmq_msg_t who, payload;
    int i;
    zmq_msg_init(&who);
    zmq_msg_init(&payload);
    for (i = 0; i < 1024 && zmq_msg_recv(&who, endpoint, i == 0 && wait != 0 ? 0 : ZMQ_DONTWAIT) >= 0; i++) {
        check(zmq_msg_recv(&payload, endpoint, 0), "payload");
        check(zmq_msg_send(&who, endpoint, ZMQ_SNDMORE), "answer");
        check(zmq_msg_send(&payload, endpoint, 0), "answer");
        served_one();
    }
    zmq_msg_close(&payload);
    zmq_msg_close(&who);
}

static void peer_exchange(unsigned wait)
{
    zmq_msg_t answer;
    int i;
    if (setting.is_server) {
        answer_all(wait);
        return;
    }
    zmq_msg_init(&answer);
    for (i = 0; i < 1024 && zmq_msg_recv(&answer, endpoint, i == 0 && wait != 0 ? 0 : ZMQ_DONTWAIT) >= 0; i++) {
        take_answer(zmq_msg_data(&answer), zmq_msg_size(&answer));
    }
    zmq_msg_close(&answer);
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
    endpoint = zmq_socket(zmq_ctx_new(), setting.flight == 0 ? ZMQ_PAIR : setting.is_server ? ZMQ_ROUTER : ZMQ_DEALER);
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
    run_any();
    return 0;
}
