// Two servers in one process find each other and talk: the lobby says hello, the world answers, and both go. In a game each would be a process
// of its own, with the same lines.
#include <sinew.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace {

constexpr std::uint16_t HELLO = 1;

void say(const char *who, std::string_view what) { std::printf("%s: %.*s\n", who, static_cast<int>(what.size()), what.data()); }

int fail(const char *what, const sinew::Error &error)
{
    std::fprintf(stderr, "%s: %s\n", what, error.message().c_str());
    return 1;
}

std::string config(const char *group, const std::string &registry)
{
    return std::string("log.to = 'none'\n"
                       "groups.lobby.connects_to = ['world']\n" // lobbies talk to worlds, and not among themselves
                       "groups.world.visibility = 'internal'\n"
                       "server.group = '") +
           group + "'\n" + registry;
}

// One frame of the world: answers everybody.
void world_frame(sinew::Server &world)
{
    for (const sinew::Event event : world.poll()) {
        if (event.type() == sinew::EventType::Message) {
            say("world", event.message().reader().read_str());
            sinew::Writer writer;
            writer.write_str("hello, lobby");
            if (auto sent = event.server().send(HELLO, writer); !sent) {
                say("world", sent.error().message());
            }
        }
    }
}

} // namespace

int main(int argc, char **argv)
{
    // The world hosts the registry. For real, `sinew registry` runs somewhere and all servers know its address.
    const std::string registry = argc > 1 ? argv[1] : "127.0.0.1:4100";
    auto world = sinew::Server::start(config("world", "registry = { host = true, listen = '" + registry + "' }\n"));
    if (!world) {
        return fail("the world", world.error());
    }
    auto lobby = sinew::Server::start(config("lobby", "registry.addresses = ['" + registry + "']\n"));
    if (!lobby) {
        return fail("the lobby", lobby.error());
    }

    bool answered = false;
    while (!answered) {
        world_frame(*world);
        for (const sinew::Event event : lobby->poll(std::chrono::milliseconds(16))) { // in a game: poll(), once per frame
            switch (event.type()) {
            case sinew::EventType::ServerConnected: {
                sinew::Writer writer;
                writer.write_str("hello, world");
                if (auto sent = event.server().send(HELLO, writer, sinew::SendMode::Reliable); !sent) {
                    return fail("send", sent.error());
                }
                break;
            }
            case sinew::EventType::Message:
                say("lobby", event.message().reader().read_str());
                answered = true;
                break;
            default: // there are more events, and later versions add some
                break;
            }
        }
    }

    // The graceful end: EventType::Stopped is the last event, then a poll answers Code::Stopped.
    lobby->stop().ignore();
    for (bool stopped = false; !stopped;) {
        world_frame(*world);
        for (const sinew::Event event : lobby->poll(std::chrono::milliseconds(16))) {
            stopped = stopped || event.type() == sinew::EventType::Stopped;
        }
    }
    say("lobby", "goodbye");
    return 0; // the destructors end both servers
}
