// The member of a mixed cluster in C++; README.md tells what it does. It is never the conductor.
#include <sinew.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void wrong(const std::string &what)
{
    std::printf("wrong: %s\n", what.c_str());
    std::exit(1);
}

void must(const sinew::Result<void> &result, const char *what)
{
    if (!result) {
        wrong(std::string(what) + ": " + result.error().message());
    }
}

class Payload {
public:
    explicit Payload(std::uint32_t number) : size_(4 + number % 100)
    {
        for (unsigned i = 0; i < 4; i++) {
            bytes_[i] = static_cast<std::uint8_t>(number >> (8 * i));
        }
        for (std::uint32_t i = 0; i + 4 < size_; i++) {
            bytes_[4 + i] = static_cast<std::uint8_t>(number + 7 * i);
        }
    }

    sinew::Bytes bytes() const { return sinew::Bytes(bytes_, size_); }

private:
    std::uint8_t bytes_[4 + 99];
    std::size_t size_;
};

// How far it is with one of the others.
struct Peer {
    sinew::RemoteServer server;
    std::uint32_t sent = 0, received = 0;
};

class Member {
public:
    Member(sinew::Server &server, std::uint32_t messages, std::size_t wanted) : server_(server), messages_(messages), wanted_(wanted) {}

    // False when it has stopped.
    bool frame()
    {
        const sinew::Batch batch = server_.poll(std::chrono::milliseconds(20));
        if (!batch) {
            wrong("poll: " + batch.error().message());
        }
        for (const sinew::Event event : batch) {
            see(event);
        }
        bool complete = peers_.size() == wanted_;
        for (Peer &peer : peers_) {
            send(peer);
            complete = complete && peer.sent == messages_ && peer.received == messages_;
        }
        if (complete && !verified_) {
            verified_ = true;
            tell("verified");
        }
        if (verified_ && conductor_left_) {
            must(server_.stop(), "stop");
        }
        return !stopped_;
    }

private:
    static void tell(const std::string &line)
    {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
    }

    void see(const sinew::Event &event)
    {
        switch (event.type()) {
        case sinew::EventType::ServerJoined:
            names_[event.server().id()] = event.registration().name();
            tell("joined " + name(event));
            break;
        case sinew::EventType::ServerConnected:
            tell("connected " + name(event));
            if (peers_.size() < wanted_) {
                peers_.push_back({event.server()});
            }
            break;
        case sinew::EventType::Message:
            hear(event);
            break;
        case sinew::EventType::ServerDisconnected:
            if (!verified_) {
                wrong(name(event) + " is disconnected: " + std::string(event.text()));
            }
            break;
        case sinew::EventType::ServerLeft:
            tell("left " + name(event));
            conductor_left_ = conductor_left_ || name(event) == "conductor";
            break;
        case sinew::EventType::Stopped:
            stopped_ = true;
            break;
        default: // Writable, too: what waits is sent in every frame
            break;
        }
    }

    void hear(const sinew::Event &event)
    {
        const sinew::Message message = event.message();
        for (Peer &peer : peers_) {
            if (peer.server == event.server() && peer.received < messages_) {
                if (message.tag != peer.received % 65536 || message.payload.text() != Payload(peer.received).bytes().text()) {
                    wrong("message " + std::to_string(peer.received) + " of " + name(event) + ": tag " + std::to_string(message.tag) + ", " +
                          std::to_string(message.payload.size()) + " bytes");
                }
                peer.received++;
                return;
            }
        }
        wrong("a message too much of " + name(event));
    }

    void send(Peer &peer) const
    {
        while (peer.sent < messages_) {
            const auto result = peer.server.send(static_cast<std::uint16_t>(peer.sent % 65536), Payload(peer.sent).bytes());
            if (result.code() == sinew::Code::QueueFull) {
                return;
            }
            must(result, "send");
            peer.sent++;
        }
    }

    // A server that has left is found no more.
    const std::string &name(const sinew::Event &event) { return names_[event.server().id()]; }

    sinew::Server &server_;
    std::uint32_t messages_;
    std::size_t wanted_;
    std::vector<Peer> peers_;
    std::map<sinew::ServerId, std::string> names_;
    bool verified_ = false, conductor_left_ = false, stopped_ = false;
};

} // namespace

int main(int argc, char **argv)
{
    if (argc != 5) {
        wrong("it is called as: member NAME REGISTRY COUNT PEERS");
    }
    auto server = sinew::Server::start(std::string("server = { group = 'mixed', name = '") + argv[1] +
                                       "' }\ngroups.mixed.connects_to = ['mixed']\nregistry.addresses = ['" + argv[2] + "']\nlog.level = 'error'\n");
    if (!server) {
        wrong("start: " + server.error().message());
    }
    Member member(*server, static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10)), std::strtoul(argv[4], nullptr, 10));
    while (member.frame()) {
    }
    std::printf("stopped\n");
    return 0;
}
