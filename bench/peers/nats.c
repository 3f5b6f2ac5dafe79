/* NATS: two clients and the broker between them. Its CPU time counts, too: the driver adds it. */
#include "run.h"

#include <nats/nats.h>

static natsConnection *connection;
static natsSubscription *subscription;
static const char *subject;

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

int main(int argc, char **argv)
{
    char url[64];
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
    check(natsOptions_SetSendAsap(options, setting.is_rtt), "send asap");
    if (is(setting.variant, "nats-tls")) {
        check(natsOptions_SetSecure(options, true), "TLS");
        check(natsOptions_LoadCATrustedCertificates(options, setting.cert), "TLS authority");
    }
    check(natsConnection_Connect(&connection, options), "connect");
    subject = setting.is_server ? "to.client" : "to.server";
    check(natsConnection_SubscribeSync(&subscription, connection, setting.is_server ? "to.server" : "to.client"), "subscribe");
    check(natsConnection_Flush(connection), "flush");
    if (setting.is_server) {
        ready(setting.broker);
    }
    run();
    return 0;
}
