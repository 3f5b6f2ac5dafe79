/* ENet: one host with one peer, driven by the application thread as it asks for it. */
#include "run.h"

#include <enet/enet.h>

static ENetHost *host;
static ENetPeer *other;
static uint64_t under_way;
static unsigned unflushed;

/*
 * ENet queues without a limit and tells nobody. For rates, the application keeps at most this many bytes under way (or four
 * messages): with more, ENet's walks through its own lists cost more than they bring (tried: 64 KiB to 1 MiB).
 */
enum { UNDER_WAY_BYTES = 1 << 17, FLUSH_EVERY = 128 };

static void ENET_CALLBACK freed(ENetPacket *packet) { under_way -= packet->dataLength; }

static void service(unsigned wait)
{
    ENetEvent event;
    int result = enet_host_service(host, &event, wait);
    unflushed = 0;
    while (result > 0) {
        switch (event.type) {
        case ENET_EVENT_TYPE_CONNECT:
            other = event.peer;
            /* Never drop unreliable packets by guess. */
            enet_peer_throttle_configure(other, 5000, ENET_PEER_PACKET_THROTTLE_SCALE, 0);
            break;
        case ENET_EVENT_TYPE_RECEIVE:
            take_message(event.packet->data, event.packet->dataLength);
            enet_packet_destroy(event.packet);
            break;
        case ENET_EVENT_TYPE_DISCONNECT:
            fail("disconnected: a timeout of ENet's");
            break;
        default:
            break;
        }
        result = enet_host_check_events(host, &event);
    }
}

static void peer_send(const uint8_t *message, size_t len, int unreliable)
{
    ENetPacket *packet = enet_packet_create(message, len, unreliable ? 0 : ENET_PACKET_FLAG_RELIABLE);
    packet->freeCallback = freed;
    under_way += len;
    if (enet_peer_send(other, 0, packet) != 0) {
        fail("enet_peer_send failed");
    }
    if (!setting.is_rtt && ++unflushed >= FLUSH_EVERY) {
        service(0);
    }
    while (setting.is_reliable && under_way >= UNDER_WAY_BYTES && under_way >= 4 * setting.size) {
        service(1);
    }
}

static void peer_flush(void) { enet_host_flush(host); }

static void peer_receive(unsigned wait) { service(wait); }

int main(int argc, char **argv)
{
    ENetAddress address;
    setting = parse(argc, argv);
    if (enet_initialize() != 0) {
        fail("enet_initialize failed");
    }
    enet_address_set_host(&address, "127.0.0.1");
    address.port = setting.is_server ? 0 : (enet_uint16)setting.port;
    host = enet_host_create(setting.is_server ? &address : NULL, 1, 1, 0, 0);
    if (host == NULL) {
        fail("enet_host_create failed");
    }
    if (setting.is_server) {
        ready(host->address.port);
    } else {
        enet_host_connect(host, &address, 1, 0);
        while (other == NULL) {
            service(WAIT_MS);
        }
    }
    run();
    return 0;
}
