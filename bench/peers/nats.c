/* NATS: two clients and the broker between them. Its CPU time counts, too: the driver adds it. */
#include "requests.h"

#include <nats/nats.h>

static natsConnection *connection;
static natsSubscription *subscription;
static const char *subject;
static natsInbox *inbox;
static natsMsg *single_answer;

static void check(natsStatus status, const char *what)
{
    if (status != NATS_OK) {
        fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
        exit(1);
    }
}

static void peer_send(const uint8_t *message, size_t len, int unreliable)
{
    (void)unreliable;
    check(natsConnection_Publish(connection, subject, message, (int)len), "publish");
}

static void peer_flush(void)
{
    /* One thread of the client's writes what has gathered; nothing but `send asap` changes when. */
}

static void peer_receive(unsigned wait)
{
    natsMsg *message;
    int i;
    for (i = 0; i < 1024; i++) {
        natsStatus status = natsSubscription_NextMsg(&message, subscription, i == 0 ? wait : 0);
        if (status == NATS_TIMEOUT) {
            return;
        }
        if (status == NATS_SLOW_CONSUMER) {
            continue; /* it has dropped some and goes on; the gap is seen */
        }
        check(status, "receive");
        take_message(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
        natsMsg_Destroy(message);
    }
}

/* One at a time: what its client has for that. Many: all answers go to one inbox, and are told apart by their payload. */
static void peer_ask(const uint8_t *payload, size_t len, uint64_t place)
{
    (void)place;
    if (setting.flight == 1) {
        check(natsConnection_Request(&single_answer, connection, subject, payload, (int)len, 10000), "request");
    } else {
        check(natsConnection_PublishRequest(connection, subject, inbox, payload, (int)len), "request");
    }
}

static void peer_exchange(unsigned wait)
{
    natsMsg *message;
    int i;
    if (single_answer != NULL) {
        message = single_answer;
        single_answer = NULL;
        take_answer(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
        natsMsg_Destroy(message);
        return;
    }
    for (i = 0; i < 1024; i++) {
        natsStatus status = natsSubscription_NextMsg(&message, subscription, i == 0 ? wait : 0);
        if (status == NATS_TIMEOUT) {
            return;
        }
        check(status, "receive");
        if (setting.is_server) {
            check(natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message), natsMsg_GetDataLength(message)),
                  "answer");
            served_one();
        } else {
            take_answer(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
        }
        natsMsg_Destroy(message);
    }
}

int main(int argc, char **argv)
{
    char url[64];
    const char *own;
    natsOptions *options;
    setting = parse(argc, argv);
    /* A subscriber that cannot follow is cut off by the broker: without a window there is nothing to measure. */
    reliable_is_windowed = 1;
    setting.window = ((uint64_t)8 << 20) / (setting.size + 1);
    setting.window = setting.window < 32 ? 32 : setting.window > 32768 ? 32768 : setting.window;
    snprintf(url, sizeof url, "nats://localhost:%u", setting.broker);
    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, url), "address");
    /* Round trips must not wait for the writer's pause; rates profit from it. */
    check(natsOptions_SetSendAsap(options, setting.is_rtt || setting.flight == 1), "send asap");
    if (is(setting.variant, "nats-tls")) {
        check(natsOptions_SetSecure(options, true), "TLS");
        check(natsOptions_LoadCATrustedCertificates(options, setting.cert), "TLS authority");
    }
    check(natsConnection_Connect(&connection, options), "connect");
    check(natsInbox_Create(&inbox), "inbox");
    subject = setting.is_server ? "to.client" : "to.server";
    own = setting.is_server ? "to.server" : setting.flight == 0 ? "to.client" : inbox;
    check(natsConnection_SubscribeSync(&subscription, connection, own), "subscribe");
    check(natsConnection_Flush(connection), "flush");
    if (setting.is_server) {
        ready(setting.broker);
    }
    run_any();
    return 0;
}
