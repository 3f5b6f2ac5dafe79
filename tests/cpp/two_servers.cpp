// Two servers in one program: what each event tells, what handles and snapshots say, and what is left of them when the other one has gone.
#include "support.hpp"

#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

using sinew::Code;
using sinew::EventType;

namespace {

constexpr auto RELIABLE = sinew::SendMode::Reliable;

void messages(sinew::Server &lobby, sinew::RemoteServer world, sinew::Server &world_server)
{
    const std::array<std::uint8_t, 3> array{1, 2, 3};
    const std::vector<std::uint8_t> vector{4, 5};
    sinew::Writer writer;
    writer.write_str("Köln").write_u32(70000);

    CHECK_CODE(world.send(1, array), Code::Ok);
    CHECK_CODE(lobby.send(world.id(), 65535, vector, RELIABLE | sinew::Lane::Three), Code::Ok);
    CHECK_CODE(world.send(3, writer, RELIABLE), Code::Ok);
    CHECK_CODE(world.send(4, sinew::Bytes()), Code::Ok);
    CHECK_CODE(world.send(5, "text", RELIABLE | sinew::Lane::Zero), Code::Ok);

    unsigned seen = 0, previous = 0;
    while (seen < 5) {
        const sinew::Event event = wait_for(world_server, EventType::Message);
        const sinew::Message message = event.message();
        CHECK(event.group() == "lobby" && event.server().id() == taken(lobby.info(), "info").id() && message.mode() == RELIABLE);
        CHECK(message.lane() == (message.tag == 65535 ? sinew::Lane::Three : sinew::Lane::Zero));
        // Accessors of other types do no harm.
        CHECK(event.registration().id() == 0 && event.registration().properties().empty() && event.text().empty());
        switch (message.tag) {
        case 1: CHECK(message.payload.size() == 3 && message.payload[2] == 3); break;
        case 65535: CHECK(message.payload.size() == 2 && message.payload[0] == 4); break;
        case 3: {
            sinew::Reader reader = message.reader();
            CHECK(reader.read_str() == "Köln" && reader.read_u32() == 70000 && reader.finish());
            break;
        }
        case 4: CHECK(message.payload.empty() && message.payload.data() != nullptr); break;
        default: CHECK(message.tag == 5 && message.payload.text() == "text"); break;
        }
        if (message.tag != 65535) {
            CHECK(message.tag > previous); // one lane, one order
            previous = message.tag;
        }
        seen++;
    }

    // Unreliable ones may get lost, so until one arrives.
    bool arrived = false;
    const auto until = std::chrono::steady_clock::now() + PATIENCE;
    while (!arrived) {
        CHECK(std::chrono::steady_clock::now() < until);
        CHECK_CODE(world.send(6, "maybe", sinew::SendMode::Unreliable), Code::Ok);
        for (const sinew::Event event : world_server.poll(std::chrono::milliseconds(20))) {
            arrived = arrived || (event.type() == EventType::Message && event.message().mode() == sinew::SendMode::Unreliable);
        }
    }

    const std::vector<std::uint8_t> huge(2 * 1024 * 1024);
    CHECK_CODE(world.send(7, huge), Code::MessageTooBig);
    CHECK_SAYS(world.send(7, huge), "max_message_bytes");
}

void snapshots(sinew::Server &lobby, sinew::RemoteServer world)
{
    const auto info = taken(world.info(), "info");
    CHECK(info.id() == world.id() && info.group() == "world" && info.name() == "w1" && info.host() == "127.0.0.1" && info.port() != 0);
    CHECK(info.state() == sinew::ConnectionState::Connected && world.state() == info.state() && info.direction() == sinew::Direction::Outgoing);
    CHECK(info.readiness() == sinew::Readiness::Ready && !info.capacity() && info.load() == 2.5 && info.open_requests() == 0);
    CHECK(taken(lobby.find(world.id()), "find") == world && lobby.remote(world.id()) == world && world != sinew::RemoteServer());
    const std::string why = taken(world.explain(), "explain");
    CHECK(why.find("w1") != std::string::npos && why.back() != '\0' && why == taken(lobby.explain(world.id()), "explain"));

    const auto group = taken(lobby.group("world"), "group");
    CHECK(group.count() == 1 && group.direction() == sinew::Direction::Outgoing && group.visibility() == sinew::Visibility::Internal);
    CHECK(taken(group.remote_servers(), "remote_servers") == std::vector<sinew::RemoteServer>{world});
    sinew::ServerId id = 0;
    CHECK(taken(group.remote_servers(nullptr, 0), "remote_servers") == 1 && taken(group.remote_servers(&id, 1), "remote_servers") == 1);
    CHECK(id == world.id());
    const auto everybody = group.broadcast(9, "all");
    CHECK(everybody.ok() && everybody.sent() == 1 && everybody.missed() == 0);
    CHECK(lobby.broadcast("world", 9, "all", RELIABLE | sinew::Lane::One, &id, 1).sent() == 1);
    CHECK(taken(group.send_any(sinew::Policy::least_loaded(), 9, "one"), "send_any") == world);
    CHECK(taken(lobby.send_any("world", sinew::Policy::key("ann"), 9, "one"), "send_any") == world);
    const auto stats = taken(lobby.stats(), "stats");
    CHECK(stats.servers == 1 && stats.connected == 1 && stats.messages_sent >= 9);
}

// Properties: at the start, when they change, and read one by one.
void properties(sinew::Server &lobby, sinew::Server &world_server, sinew::RemoteServer world)
{
    CHECK_CODE(world_server.set_property("map", "düne"), Code::Ok);
    CHECK_CODE(world_server.set_property("load", "2.5"), Code::Ok);
    for (;;) {
        const sinew::Event event = wait_for(lobby, EventType::ServerUpdated);
        CHECK(event.server() == world);
        const sinew::Registration entry = event.registration();
        CHECK(entry.name() == "w1" && entry.group() == "world" && entry.id() == world.id());
        if (entry.properties().find("load") == "2.5") { // the two may come as one or as two
            std::size_t count = 0;
            for (const sinew::Property property : entry.properties()) {
                count += property.key() == "map" || property.key() == "load" || property.key() == "season" ? 1u : 0u;
            }
            CHECK(count == 3 && entry.properties().size() == 3 && entry.properties().find("map") == "düne" && !entry.properties().find("mop"));
            break;
        }
    }
    CHECK(taken(world.property("map"), "property") == "düne" && !taken(world.property("mop"), "property"));
}

// Fills the outbox until it says so; once the other side polls again there is room.
void back_pressure(sinew::Server &lobby, sinew::RemoteServer world, sinew::Server &world_server)
{
    const std::vector<std::uint8_t> bytes(10000);
    std::size_t sent = 0;
    sinew::Result<void> result;
    while ((result = world.send(10, bytes)).ok()) {
        sent++;
    }
    CHECK_CODE(result, Code::QueueFull);
    CHECK_SAYS(result, "outbox");
    sinew::ServerId missed = 0;
    const auto broadcast = lobby.broadcast("world", 10, bytes, RELIABLE, &missed, 1);
    CHECK(broadcast.code() == Code::QueueFull && broadcast.sent() == 0 && broadcast.missed() == 1 && missed == world.id());
    std::size_t received = 0;
    while (received < sent) {
        const auto batch = world_server.poll(PATIENCE);
        CHECK(batch.ok() && !batch.empty() && batch.size() == static_cast<std::size_t>(std::distance(batch.begin(), batch.end())));
        for (const sinew::Event event : batch) {
            received += event.type() == EventType::Message && event.message().tag == 10 ? 1 : 0;
        }
    }
    CHECK(wait_for(lobby, EventType::Writable).server() == world);
}

// A batch that is full says so, and what is left comes with the next.
void full_batches(sinew::RemoteServer world, sinew::Server &world_server)
{
    constexpr std::size_t MESSAGES = 3 * sinew::Server::EVENTS / 2;
    for (std::size_t i = 0; i < MESSAGES; i++) {
        CHECK_CODE(world.send(static_cast<std::uint16_t>(i), "x"), Code::Ok);
    }
    std::size_t received = 0;
    bool was_full = false;
    const auto until = std::chrono::steady_clock::now() + PATIENCE;
    sinew_event three[3];
    while (received < MESSAGES) {
        CHECK(std::chrono::steady_clock::now() < until);
        for (bool more = true; more;) {
            const sinew::Batch batch = received < 30 ? world_server.poll(three, 3) : world_server.poll();
            for (const sinew::Event event : batch) {
                if (event.type() == EventType::Message) {
                    CHECK(event.message().tag == received);
                    received++;
                }
            }
            more = batch.full();
            was_full = was_full || more;
        }
    }
    CHECK(was_full);
}

void log_lines(const std::string &registry)
{
    // A registry that is not there is told of, in the log, too.
    auto server = start("log = { to = 'events', level = 'debug' }\nserver.group = 'world'\ngroups.world.connects_to = ['world']\nregistry.addresses = ['" +
                        registry + "']\n");
    const auto line = wait_for(server, EventType::Log);
    CHECK(!line.text().empty() && line.log_level() >= sinew::LogLevel::Error && line.log_level() <= sinew::LogLevel::Debug);
    const auto lost = wait_for(server, EventType::RegistryLost);
    CHECK(lost.text().find(registry) != std::string_view::npos && lost.server().id() == 0 && lost.group().empty());
}

} // namespace

int main()
{
    log_lines(local(free_port()));
    const std::size_t threads = count_entries("/proc/self/task");
    const std::string registry = local(free_port());
    auto lobby = start(member("lobby", registry, hosting(registry) + "limits.outbox_bytes = 262144\nlimits.inbox_bytes = 65536\nlimits.max_message_bytes = 1000000\n"));
    auto world_server = start(member("world", registry, "server.name = 'w1'\nserver.properties.season = 'winter'\nlimits.inbox_bytes = 65536\nlimits.max_message_bytes = 1000000\n"));
    CHECK(wait_for(lobby, EventType::Started).server().id() == taken(lobby.info(), "info").id());
    const auto joined = wait_for(lobby, EventType::ServerJoined);
    CHECK(joined.group() == "world" && joined.registration().properties().find("season") == "winter");
    CHECK(joined.registration().visibility() == sinew::Visibility::Internal && joined.registration().port() != 0);
    const sinew::RemoteServer world = wait_for(lobby, EventType::ServerConnected).server();
    wait_for(world_server, EventType::ServerConnected);

    messages(lobby, world, world_server);
    properties(lobby, world_server, world);
    snapshots(lobby, world);
    back_pressure(lobby, world, world_server);
    full_batches(world, world_server);

    // A graceful end, seen from both sides; the handles stay harmless.
    const auto group = taken(lobby.group("world"), "group");
    CHECK_CODE(world_server.stop(), Code::Ok);
    CHECK(wait_for(world_server, EventType::Stopped).stop_reason() == sinew::StopReason::Requested);
    const auto ended = wait_for(lobby, EventType::ServerDisconnected);
    CHECK(ended.server() == world && ended.disconnect_reason() == sinew::DisconnectReason::PeerStopped && !ended.text().empty());
    const auto left = wait_for(lobby, EventType::ServerLeft);
    CHECK(left.server() == world && left.leave_reason() == sinew::LeaveReason::Stopped && left.group() == "world");
    CHECK_CODE(world.send(1, "x"), Code::UnknownServer);
    CHECK_CODE(world.request(1, "x"), Code::UnknownServer);
    CHECK_CODE(world.info(), Code::UnknownServer);
    CHECK_CODE(world.explain(), Code::UnknownServer);
    CHECK_CODE(lobby.find(world.id()), Code::UnknownServer);
    CHECK(world.state() == sinew::ConnectionState::Left);
    CHECK(taken(group.remote_servers(), "remote_servers").empty() && group.count() == 1);

    // A server that takes its predecessor's place: the handles of the one that was assigned to point nowhere any more, its own are new.
    world_server = start(member("world", registry, "server.name = 'w1'\n"));
    CHECK(wait_for(lobby, EventType::ServerConnected).server() != world);
    lobby = sinew::Server();
    CHECK(!lobby && wait_for(world_server, EventType::ServerDisconnected).disconnect_reason() == sinew::DisconnectReason::PeerStopped);
    world_server = sinew::Server();
    wait_for_threads(threads);
    return 0;
}
