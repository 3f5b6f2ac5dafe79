// What careless programs do: every mistake is answered, with a sentence that helps, and nothing crashes.
#include "support.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using sinew::Code;

namespace {

const char ALONE[] = "log.to = 'none'\n"
                     "server.group = 'world'\n"
                     "server.name = 'alone'\n"
                     "groups.world.connects_to = ['world', 'lobby']\n"
                     "groups.lobby.visibility = 'external'\n"
                     "groups.chat.connects_to = []\n"
                     "registry.host = true\n"
                     "registry.listen = '127.0.0.1:0'\n";

void starting()
{
    CHECK_CODE(sinew::Server::start(""), Code::InvalidConfig);
    CHECK_CODE(sinew::Server::start(std::string_view()), Code::InvalidConfig);
    CHECK_CODE(sinew::Server::start("server.group = 'w\xff'"), Code::InvalidUtf8);
    CHECK_CODE(sinew::Server::start(std::string_view(ALONE, sizeof ALONE)), Code::InvalidConfig);
    const auto typo = sinew::Server::start("[server]\ngroup = 'world'\n\n[limits]\noutbox_byte = 4096\n\n[groups.world]\n");
    CHECK(!typo && !typo.value());
    CHECK_SAYS(typo, "line 5");
    CHECK_SAYS(typo, "limits.outbox_bytes?");
    const auto file = sinew::Server::start_file("no/such/file.toml");
    CHECK_CODE(file, Code::InvalidConfig);
    CHECK_SAYS(file, "no/such/file.toml");
    CHECK_CODE(sinew::Server::start_file(std::string_view("a\0b", 3)), Code::InvalidConfig);
    CHECK_CODE(sinew::Server::start_file("\xc3"), Code::InvalidUtf8);
}

class Nothing final : public sinew::RegistryConnector {
public:
    using RegistryConnector::RegistryConnector;

protected:
    void register_server(const sinew::Registration &) override {}
    void deregister_server(sinew::ServerId) override {}
    void handle_connection_failure(sinew::RemoteServer) override {}
};

void every_report(const sinew::Server &server, Code expected)
{
    const Nothing connector(server);
    CHECK_CODE(connector.registered(7), expected);
    CHECK_CODE(connector.register_failed("why"), expected);
    CHECK_CODE(connector.server_joined(sinew::Registration(7, "x", "x", "x", 4000)), expected);
    CHECK_CODE(connector.server_left(7), expected);
    CHECK_CODE(connector.snapshot_begin(), expected);
    CHECK_CODE(connector.snapshot_end(), expected);
    CHECK_CODE(connector.lost("why"), expected);
    CHECK_CODE(connector.restored(), expected);
}

// A server that was never started, or was moved from.
void no_server(sinew::Server &none)
{
    const auto policy = sinew::Policy::round_robin();
    const sinew::RemoteServer remote = none.remote(1);
    sinew_event event;
    CHECK(!none && none.raw() == nullptr);
    CHECK_CODE(none.poll(), Code::InvalidArgument);
    CHECK(none.poll().empty());
    CHECK_CODE(none.poll(std::chrono::milliseconds(1)), Code::InvalidArgument);
    CHECK_CODE(none.poll(&event, 1), Code::InvalidArgument);
    CHECK_CODE(none.send(1, 1, "x"), Code::InvalidArgument);
    CHECK_CODE(none.request(1, 1, "x"), Code::InvalidArgument);
    CHECK_CODE(none.cancel(1), Code::InvalidArgument);
    CHECK_CODE(none.broadcast("world", 1, "x"), Code::InvalidArgument);
    CHECK_CODE(none.send_any("world", policy, 1, "x"), Code::InvalidArgument);
    CHECK_CODE(none.request_any("world", policy, 1, "x"), Code::InvalidArgument);
    CHECK_CODE(none.info(), Code::InvalidArgument);
    CHECK_CODE(none.groups(), Code::InvalidArgument);
    CHECK_CODE(none.group("world"), Code::InvalidArgument);
    CHECK_CODE(none.find(1), Code::InvalidArgument);
    CHECK_CODE(none.explain(1), Code::InvalidArgument);
    CHECK_CODE(none.set_property("load", "1"), Code::InvalidArgument);
    CHECK_CODE(none.remove_property("load"), Code::InvalidArgument);
    CHECK_CODE(none.property("load"), Code::InvalidArgument);
    CHECK_CODE(none.stats(), Code::InvalidArgument);
    CHECK_CODE(none.reload(ALONE), Code::InvalidArgument);
    CHECK_CODE(none.stop(), Code::InvalidArgument);
    CHECK_CODE(none.close(), Code::InvalidArgument);
    CHECK_SAYS(none.stop(), "server is NULL");
    CHECK_CODE(remote.send(1, "x"), Code::InvalidArgument);
    CHECK_CODE(remote.request(1, "x"), Code::InvalidArgument);
    CHECK_CODE(remote.info(), Code::InvalidArgument);
    CHECK_CODE(remote.property("x"), Code::InvalidArgument);
    CHECK(remote.state() == sinew::ConnectionState::Left);
    every_report(none, Code::InvalidArgument);

    const sinew::Group group;
    CHECK_CODE(group.broadcast(1, "x"), Code::InvalidArgument);
    CHECK_CODE(group.remote_servers(), Code::InvalidArgument);
    CHECK_CODE(group.send_any(policy, 1, "x"), Code::InvalidArgument);
    CHECK_CODE(group.request_any(policy, 1, "x"), Code::InvalidArgument);
}

void arguments(sinew::Server &server, sinew::ServerId own)
{
    sinew_event events[2];
    CHECK_CODE(server.poll(nullptr, 1), Code::InvalidArgument);
    CHECK_CODE(server.poll(events, 0), Code::InvalidArgument);
    CHECK_CODE(server.poll(events, SIZE_MAX / sizeof events[0]), Code::InvalidArgument);
    CHECK(server.poll(events, 2, std::chrono::milliseconds(-5)).empty());

    CHECK_CODE(server.send(0, 1, "x"), Code::InvalidArgument);
    CHECK_SAYS(server.send(0, 1, "x"), "0 is no server id");
    CHECK_CODE(server.send(UINT64_MAX, 1, "x"), Code::InvalidArgument);
    CHECK_CODE(server.send(9007199254740991, 1, "x"), Code::UnknownServer);
    CHECK_SAYS(server.send(9007199254740991, 1, "x"), "9007199254740991");
    CHECK_CODE(server.send(own, 1, "x"), Code::UnknownServer);
    CHECK_CODE(server.send(own, 1, "x", static_cast<sinew::SendMode>(2)), Code::InvalidArgument);
    CHECK_SAYS(server.send(own, 1, "x", static_cast<sinew::SendMode>(2)), "the mode 0x2 has unknown bits");
    CHECK_CODE(server.send(own, 1, "x", sinew::SendMode::Reliable | static_cast<sinew::Lane>(0x400)), Code::InvalidArgument);
    CHECK_CODE(server.send(own, 1, sinew::Bytes(static_cast<const std::uint8_t *>(nullptr), 1)), Code::InvalidArgument);
    CHECK_CODE(server.request(own, 1, "x"), Code::UnknownServer);
    CHECK_CODE(server.cancel(77), Code::UnknownRequest);

    CHECK_CODE(server.broadcast("wrld", 1, "x"), Code::UnknownGroup);
    CHECK_SAYS(server.broadcast("wrld", 1, "x"), "lobby, world");
    CHECK_CODE(server.broadcast("\xff", 1, "x"), Code::InvalidUtf8);
    CHECK_CODE(server.broadcast(std::string_view(), 1, "x"), Code::UnknownGroup);
    const auto nobody = server.broadcast("world", 1, "x");
    CHECK(nobody && nobody.sent() == 0 && nobody.missed() == 0);
    CHECK_CODE(server.send_any("world", sinew::Policy::round_robin(), 1, "x"), Code::NoCandidate);
    CHECK_CODE(server.send_any("world", sinew::Policy::key(sinew::Bytes()), 1, "x"), Code::InvalidArgument);
    CHECK_CODE(server.send_any("wrld", sinew::Policy::least_loaded(), 1, "x"), Code::UnknownGroup);
    CHECK_CODE(server.request_any("world", sinew::Policy::round_robin(), 1, "x"), Code::NoCandidate);
    every_report(server, Code::InvalidState);
}

void questions(sinew::Server &server, sinew::ServerId own)
{
    const auto info = taken(server.info(), "info");
    CHECK(info.id() == own && info.group() == "world" && info.name() == "alone" && info.host() == "127.0.0.1" && info.port() != 0);
    CHECK(info.visibility() == sinew::Visibility::Internal);

    const auto groups = taken(server.groups(), "groups");
    CHECK(groups.size() == 2 && groups[0].name() == "lobby" && groups[1].name() == "world");
    CHECK(groups[0].visibility() == sinew::Visibility::External && groups[0].direction() == sinew::Direction::Outgoing);
    CHECK(groups[1].direction() == sinew::Direction::Both && groups[1].count() == 0);
    CHECK(taken(groups[1].remote_servers(), "remote_servers").empty());
    CHECK(taken(server.group("lobby"), "group").name() == "lobby");
    CHECK_CODE(server.group("wrld"), Code::UnknownGroup);
    CHECK_SAYS(server.group("wrld"), "`wrld`");
    CHECK_CODE(server.group("chat"), Code::UnknownGroup);
    CHECK_CODE(server.group("\xff"), Code::InvalidUtf8);

    CHECK_CODE(server.find(0), Code::InvalidArgument);
    CHECK_CODE(server.find(12345), Code::UnknownServer);
    CHECK_CODE(server.explain(12345), Code::UnknownServer);
    CHECK_CODE(server.remote(12345).property("load"), Code::UnknownServer);
    CHECK(server.remote(12345).state() == sinew::ConnectionState::Left);
    const auto stats = taken(server.stats(), "stats");
    CHECK(stats.servers == 0 && stats.size == sizeof stats);
}

void properties(sinew::Server &server)
{
    CHECK_CODE(server.set_property("load", "much"), Code::InvalidArgument);
    CHECK_SAYS(server.set_property("load", "much"), "`load` cannot be `much`");
    CHECK_CODE(server.set_property("", "x"), Code::InvalidArgument);
    CHECK_CODE(server.set_property("map", "\xff"), Code::InvalidUtf8);
    CHECK(!taken(server.property("map"), "property").has_value());
    CHECK_CODE(server.set_property("map", "dune"), Code::Ok);
    CHECK(taken(server.property("map"), "property") == "dune");
    // Longer than what is asked for at first.
    const std::string longer(3000, 'x');
    CHECK_CODE(server.set_property("map", longer), Code::Ok);
    CHECK(taken(server.property("map"), "property") == longer);
    // Empty is not the same as missing, also where the text has no address.
    CHECK_CODE(server.set_property("map", std::string_view()), Code::Ok);
    CHECK(taken(server.property("map"), "property") == "");
    CHECK_CODE(server.remove_property("map"), Code::Ok);
    CHECK(!taken(server.property("map"), "property").has_value());
}

void sentences(sinew::Server &server)
{
    std::string wrong = ALONE;
    for (int i = 0; i < 20; i++) {
        wrong += "limits.no_such_limit_" + std::to_string(i) + " = 1\n";
    }
    const auto refused = server.reload(wrong);
    CHECK_CODE(refused, Code::InvalidConfig);
    CHECK_SAYS(refused, "no_such_limit_0");
    // Longer than the first guess, and whole: a group's name of any length is quoted.
    const std::string name = std::string(700, 'g') + "end";
    CHECK_SAYS(server.broadcast(name, 1, "x"), name + "`");
    // A result keeps no sentence of its own: it is the thread's last one.
    const sinew::Error kept = server.broadcast("wrld", 1, "x").error();
    CHECK_CODE(server.cancel(77), Code::UnknownRequest);
    CHECK(kept.code() == Code::UnknownGroup && kept.message().find("wrld") != std::string::npos);
    CHECK(server.stats().error().message().empty());

    CHECK(sinew::text(Code::Ok) == "OK" && sinew::text(Code::QueueFull).substr(0, 12) == "QUEUE_FULL: ");
    CHECK(sinew::text(static_cast<Code>(901)).substr(0, 9) == "UNKNOWN: " && sinew::text(Code::WrongLibrary).substr(0, 15) == "WRONG_LIBRARY: ");
    CHECK(sinew::version() == sinew_version());
}

void reloading(sinew::Server &server)
{
    CHECK_CODE(server.reload("\xff"), Code::InvalidUtf8);
    CHECK_CODE(server.reload("limit"), Code::InvalidConfig);
    CHECK_CODE(server.reload(std::string(ALONE) + "groups.later.connects_to = ['world']\n"), Code::Ok);
    CHECK(taken(server.groups(), "groups").size() == 3);
    const auto later = taken(server.group("later"), "group");
    CHECK_CODE(server.reload(ALONE), Code::Ok);
    // The handle of a group that is hidden now.
    CHECK(later.name() == "later");
    CHECK_CODE(later.remote_servers(), Code::UnknownGroup);
    CHECK_CODE(later.broadcast(1, "x"), Code::UnknownGroup);
}

void ending(sinew::Server server)
{
    const std::vector<sinew::Group> groups = taken(server.groups(), "groups");
    CHECK_CODE(server.stop(), Code::Ok);
    CHECK_CODE(server.stop(), Code::Ok);
    const auto last = wait_for(server, sinew::EventType::Stopped);
    CHECK(last.stop_reason() == sinew::StopReason::Requested && !last.text().empty());
    const auto after = server.poll(PATIENCE);
    CHECK_CODE(after, Code::Stopped);
    CHECK(after.empty() && !after && !after.full());
    CHECK_CODE(server.send(1234, 1, "x"), Code::Stopped);
    CHECK_CODE(groups[1].broadcast(1, "x"), Code::Stopped);
    CHECK_CODE(server.stop(), Code::Ok);
    CHECK_CODE(server.close(), Code::Ok);
    CHECK_CODE(server.close(), Code::Ok);
    CHECK_CODE(server.send(1234, 1, "x"), Code::Stopped);
    CHECK_CODE(server.stats(), Code::Ok);
}

} // namespace

int main()
{
    starting();
    const std::size_t threads = count_entries("/proc/self/task");
    {
        sinew::Server none;
        no_server(none);
    }
    sinew::Server first = start(ALONE);
    const auto own = wait_for(first, sinew::EventType::Started).server().id();
    sinew::Server server(std::move(first));
    no_server(first); // NOLINT: what was moved from is what this is about
    arguments(server, own);
    questions(server, own);
    properties(server);
    sentences(server);
    reloading(server);

    // Assigning ends what was there, and swapping ends nothing.
    sinew::Server other = start(ALONE);
    std::swap(server, other);
    CHECK(taken(other.info(), "info").id() == own);
    server = std::move(other);
    CHECK(taken(server.info(), "info").id() == own && !other);
    sinew::Server &same = server;
    server = std::move(same);
    CHECK(taken(server.info(), "info").id() == own);
    ending(std::move(server));
    wait_for_threads(threads);
    return 0;
}
