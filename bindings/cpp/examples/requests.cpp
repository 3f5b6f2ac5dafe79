// Questions with answers: a lobby asks the world that a player is in, and gives work to the least loaded world.
#include <sinew.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

constexpr std::uint16_t WHERE_IS = 30, START_MATCH = 40;

// Every world answers where a player is, and takes matches.
void world_frame(sinew::Server &world, unsigned &matches)
{
    for (const sinew::Event event : world.poll()) {
        if (event.type() != sinew::EventType::Request) {
            continue;
        }
        const sinew::Request request = event.request();
        if (request.tag() == WHERE_IS) {
            sinew::Writer writer;
            writer.write_str(request.reader().read_str() == "ann" ? "at the harbour" : "nowhere");
            request.reply(writer).ignore(); // who asked may be gone meanwhile
        } else if (request.tag() == START_MATCH) {
            matches++;
            request.reply(sinew::Bytes(), matches).ignore();
            world.set_property("load", std::to_string(matches)).ignore();
        } else {
            request.refuse(sinew::RequestFailure::NoHandler).ignore();
        }
    }
}

std::string config(const char *group, const char *name, const std::string &registry)
{
    return std::string("log.to = 'none'\ngroups.lobby.connects_to = ['world']\ngroups.world.visibility = 'internal'\nserver = { group = '") + group +
           "', name = '" + name + "' }\n" + registry;
}

// Asks when the worlds are there, and tells the answers. False when there is nothing more to wait for.
class Lobby {
public:
    explicit Lobby(sinew::Server &server) : server_(server) {}

    bool frame()
    {
        for (const sinew::Event event : server_.poll(std::chrono::milliseconds(5))) {
            switch (event.type()) {
            case sinew::EventType::ServerConnected:
                if (++worlds_ == 2) {
                    ask(event.server());
                }
                break;
            case sinew::EventType::Reply: {
                const sinew::Reply reply = event.reply();
                const auto from = reply.server.info();
                const std::string_view name = from ? from->name() : "somebody who is gone";
                if (reply.request == where_) {
                    const std::string_view place = reply.reader().read_str();
                    std::printf("%.*s says that ann is %.*s\n", static_cast<int>(name.size()), name.data(), static_cast<int>(place.size()), place.data());
                } else {
                    std::printf("a match starts on %.*s\n", static_cast<int>(name.size()), name.data());
                }
                waiting_--;
                break;
            }
            case sinew::EventType::RequestFailed: // each request ends in exactly one of the two
                std::printf("request %llu failed\n", static_cast<unsigned long long>(event.request_id()));
                waiting_--;
                break;
            default:
                break;
            }
        }
        return worlds_ < 2 || waiting_ > 0;
    }

private:
    void ask(sinew::RemoteServer world)
    {
        sinew::Writer player;
        player.write_str("ann");
        if (auto asked = world.request(WHERE_IS, player); asked) {
            where_ = *asked;
            waiting_++;
        }
        for (int match = 0; match < 2; match++) {
            // Two: so each world gets one. If the first that is asked does not answer within a second, the other one is.
            const auto asked = server_.request_any("world", sinew::Policy::least_loaded(), START_MATCH, "red against blue", std::chrono::seconds(1), 1);
            waiting_ += asked ? 1 : 0;
        }
    }

    sinew::Server &server_;
    sinew::RequestId where_ = 0;
    int worlds_ = 0, waiting_ = 0;
};

} // namespace

int main(int argc, char **argv)
{
    const std::string address = argc > 1 ? argv[1] : "127.0.0.1:4100", registry = "registry.addresses = ['" + address + "']\n";
    auto north = sinew::Server::start(config("world", "north", "registry = { host = true, listen = '" + address + "' }\n"));
    auto south = sinew::Server::start(config("world", "south", registry));
    auto lobby = sinew::Server::start(config("lobby", "lobby", registry));
    if (!north || !south || !lobby) {
        const sinew::Error error = (!north ? north : !south ? south : lobby).error();
        std::fprintf(stderr, "%s\n", error.message().c_str());
        return 1;
    }
    unsigned matches_north = 0, matches_south = 0;
    Lobby game(*lobby);
    do { // one loop for all three, so that this fits into one program
        world_frame(*north, matches_north);
        world_frame(*south, matches_south);
    } while (game.frame());
    return 0;
}
