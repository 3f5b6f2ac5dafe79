// Sinew through sinew.hpp, doing what sinew.c does through sinew.h: what the header adds to a message is the difference between the two.
#include "requests.h"

#include <sinew.hpp>

#include <chrono>
#include <string>

namespace {

constexpr std::uint16_t TAG = 1;
constexpr std::size_t EVENTS = 256; // as sinew.c has

sinew::Server server;
sinew_event events[EVENTS];
sinew::RemoteServer other;
sinew::RequestId *asked; // the library's number of what is under way from each place
bool writable;

[[noreturn]] void stop_with(const char *what, const sinew::Error &error)
{
    std::fprintf(stderr, "%s: %s: %s\n", what, sinew::text(error.code()).data(), error.message().c_str());
    std::exit(1);
}

template <typename Result>
void check(const Result &result, const char *what)
{
    if (!result) {
        stop_with(what, result.error());
    }
}

void start(const char *group, unsigned registry_port, const std::string &more)
{
    auto started = sinew::Server::start(std::string("log.to = 'none'\n"
                                                    "groups.world.visibility = 'internal'\n"
                                                    "groups.lobby.connects_to = ['world']\n"
                                                    "server.group = '") +
                                        group + "'\nregistry.addresses = ['127.0.0.1:" + std::to_string(registry_port) + "']\n" + more);
    check(started, "start");
    server = *std::move(started);
}

} // namespace

static void peer_receive(unsigned wait)
{
    const sinew::Batch batch = server.poll(events, EVENTS, std::chrono::milliseconds(wait));
    check(batch, "poll");
    for (const sinew::Event event : batch) {
        switch (event.type()) {
        case sinew::EventType::Message: {
            const sinew::Message message = event.message();
            take_message(message.payload.data(), message.payload.size());
            break;
        }
        case sinew::EventType::ServerConnected:
            other = event.server();
            break;
        case sinew::EventType::Writable:
            writable = true;
            break;
        case sinew::EventType::Request: {
            const sinew::Request request = event.request();
            check(request.reply(request.payload()), "reply");
            served_one();
            break;
        }
        case sinew::EventType::Reply: {
            const sinew::Reply reply = event.reply();
            if (reply.payload.size() == setting.size && reply.request != asked[place_of(reply.payload.data())]) {
                wrong_answers++;
            }
            take_answer(reply.payload.data(), reply.payload.size());
            break;
        }
        case sinew::EventType::RequestFailed:
            std::fprintf(stderr, "request failed: %u\n", static_cast<unsigned>(event.failure()));
            std::exit(1);
        case sinew::EventType::ServerDisconnected:
            std::fprintf(stderr, "disconnected: %s\n", event.text().data());
            std::exit(1);
        default:
            break;
        }
    }
}

// Sends for certain: a full outbox is waited for.
static void peer_send(const std::uint8_t *message, std::size_t len, int unreliable)
{
    const sinew::SendMode mode = unreliable != 0 ? sinew::SendMode::Unreliable : sinew::SendMode::Reliable;
    for (;;) {
        const auto result = other.send(TAG, sinew::Bytes(message, len), mode);
        if (result.code() != sinew::Code::QueueFull) {
            check(result, "send");
            return;
        }
        writable = false;
        while (!writable) {
            peer_receive(100);
        }
    }
}

// Sinew writes what has gathered without being asked.
static void peer_flush(void) {}

static void peer_ask(const std::uint8_t *payload, std::size_t len, std::uint64_t place)
{
    const auto request = other.request(TAG, sinew::Bytes(payload, len), std::chrono::seconds(10));
    check(request, "request");
    asked[place] = *request;
}

static void peer_exchange(unsigned wait) { peer_receive(wait); }

int main(int argc, char **argv)
{
    setting = parse(argc, argv);
    asked = new sinew::RequestId[setting.flight + 1]();
    if (setting.is_server) {
        const unsigned port = free_port(SOCK_STREAM);
        start("world", port, "registry.host = true\nregistry.listen = '127.0.0.1:" + std::to_string(port) + "'\n");
        ready(port);
    } else {
        start("lobby", setting.port, "");
        while (other.id() == 0) {
            peer_receive(WAIT_MS);
        }
    }
    run_any();
    return 0;
}
