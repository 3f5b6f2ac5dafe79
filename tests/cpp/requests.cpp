// Requests: thousands under way at once, each answered once with what it asked; refusals, failures, answers that come later, and the choice of a
// server.
#include "support.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using sinew::Code;
using sinew::EventType;
using sinew::RequestFailure;

namespace {

constexpr std::uint64_t REQUESTS = 50000, AT_ONCE = 1000;

// What request `number` says: its number, then text that depends on it.
void fill(sinew::Writer &writer, std::uint64_t number)
{
    writer.clear();
    writer.write_u64(number).write_str(std::string(static_cast<std::size_t>(number * 7919 % 300), static_cast<char>('a' + number % 26)));
}

bool is(sinew::Bytes payload, std::uint64_t number)
{
    sinew::Writer expected;
    fill(expected, number);
    return payload.text() == expected.bytes().text();
}

// Answers everything with what was asked and how; keeps those for which there is no room.
class Responder {
public:
    explicit Responder(sinew::Server &server) : server_(server) {}

    void frame()
    {
        std::vector<std::pair<sinew::Request, std::vector<std::uint8_t>>> waiting;
        waiting.swap(waiting_);
        for (auto &[request, payload] : waiting) {
            answer(request, payload);
        }
        for (const sinew::Event event : server_.poll()) {
            if (event.type() == EventType::Request) {
                const sinew::Request request = event.request();
                CHECK(request.timeout() > std::chrono::milliseconds(0) && request.id() != 0 && event.request_id() == request.id());
                answer(request, {request.payload().begin(), request.payload().end()});
            }
        }
    }

    std::uint64_t answered = 0;

private:
    void answer(const sinew::Request &request, std::vector<std::uint8_t> payload)
    {
        const auto result = request.reply(payload, 7);
        if (result.code() == Code::QueueFull) {
            waiting_.emplace_back(request, std::move(payload));
        } else {
            CHECK_CODE(result, Code::Ok);
            answered++;
        }
    }

    sinew::Server &server_;
    std::vector<std::pair<sinew::Request, std::vector<std::uint8_t>>> waiting_;
};

void many(sinew::Server &lobby, sinew::RemoteServer world, sinew::Server &world_server)
{
    std::vector<sinew::RequestId> open(AT_ONCE);
    Responder responder(world_server);
    sinew::Writer writer;
    std::uint64_t asked = 0, ended = 0;
    auto until = std::chrono::steady_clock::now() + PATIENCE;
    while (ended < REQUESTS) {
        const std::uint64_t before = ended;
        // In order, so that each place is free when its turn comes round again.
        while (asked < REQUESTS && asked - ended < AT_ONCE && open[asked % AT_ONCE] == 0) {
            fill(writer, asked);
            const auto request = world.request(static_cast<std::uint16_t>(asked), writer, std::chrono::seconds(60));
            if (request.code() == Code::QueueFull) {
                break;
            }
            open[asked++ % AT_ONCE] = taken(request, "request");
        }
        responder.frame();
        for (const sinew::Event event : lobby.poll()) {
            CHECK(event.type() != EventType::RequestFailed && event.type() != EventType::ServerDisconnected);
            if (event.type() != EventType::Reply) {
                continue;
            }
            const sinew::Reply reply = event.reply();
            const std::uint64_t number = reply.reader().read_u64();
            CHECK(number < asked && is(reply.payload, number) && reply.code == 7 && reply.server == world);
            CHECK(reply.tag == static_cast<std::uint16_t>(number) && reply.delivery == sinew::SendMode::Reliable);
            // Once: the place is free from now on.
            CHECK(open[number % AT_ONCE] == reply.request && event.request_id() == reply.request && reply.request != 0);
            open[number % AT_ONCE] = 0;
            ended++;
        }
        if (ended != before) {
            until = std::chrono::steady_clock::now() + PATIENCE;
        }
        CHECK(std::chrono::steady_clock::now() < until);
    }
    CHECK(responder.answered == REQUESTS);
}

void fails(sinew::Server &lobby, sinew::RequestId request, RequestFailure failure, sinew::RemoteServer world)
{
    const sinew::Event event = wait_for(lobby, EventType::RequestFailed);
    CHECK(event.request_id() == request && event.failure() == failure && event.server() == world);
}

void failures(sinew::Server &lobby, sinew::RemoteServer world, sinew::Server &world_server)
{
    auto request = taken(world.request(1, "please"), "request");
    sinew::Request asked = wait_for(world_server, EventType::Request).request();
    CHECK(asked.tag() == 1 && asked.payload().text() == "please" && asked.server().state() == sinew::ConnectionState::Connected);
    CHECK(asked.timeout() <= sinew::REQUEST_TIMEOUT && asked.timeout() > sinew::REQUEST_TIMEOUT / 2);
    CHECK_CODE(asked.refuse(RequestFailure::TimedOut), Code::InvalidArgument);
    CHECK_SAYS(asked.refuse(RequestFailure::TimedOut), "no reason to refuse");
    CHECK_CODE(asked.refuse(), Code::Ok);
    CHECK_CODE(asked.reply("late"), Code::UnknownRequest);
    fails(lobby, request, RequestFailure::Refused, world);
    CHECK_CODE(lobby.cancel(request), Code::UnknownRequest);

    request = taken(lobby.request(world.id(), 2, sinew::Bytes()), "request");
    CHECK_CODE(wait_for(world_server, EventType::Request).request().refuse(RequestFailure::NoHandler), Code::Ok);
    fails(lobby, request, RequestFailure::NoHandler, world);

    request = taken(world.request(3, "never mind", std::chrono::hours(2000)), "request");
    CHECK(wait_for(world_server, EventType::Request).request().timeout() > std::chrono::hours(1000));
    CHECK(taken(world.info(), "info").open_requests() == 1);
    CHECK_CODE(lobby.cancel(request), Code::Ok);
    fails(lobby, request, RequestFailure::Cancelled, world);

    request = taken(world.request(4, "quick", std::chrono::milliseconds(30)), "request");
    fails(lobby, request, RequestFailure::TimedOut, world);
    CHECK_CODE(world.request(5, "x", std::chrono::milliseconds(0)), Code::InvalidArgument);
    CHECK_CODE(world.request(5, "x", std::chrono::milliseconds(-1)), Code::InvalidArgument);

    // Answered in a later frame, with the payload gone and the request kept.
    request = taken(world.request(6, "later", sinew::REQUEST_TIMEOUT, sinew::SendMode::Reliable | sinew::Lane::Two), "request");
    do {
        asked = wait_for(world_server, EventType::Request).request(); // what timed out above comes first
    } while (asked.tag() != 6);
    CHECK(asked.delivery().lane() == sinew::Lane::Two);
    CHECK(world_server.poll().ok() && world_server.poll().ok());
    CHECK_CODE(asked.reply("now", 42), Code::Ok);
    const auto reply = wait_for(lobby, EventType::Reply).reply();
    CHECK(reply.request == request && reply.payload.text() == "now" && reply.code == 42);

    request = taken(world.request(7, "too late"), "request");
    wait_for(world_server, EventType::Request);
    CHECK_CODE(world_server.stop(), Code::Ok);
    fails(lobby, request, RequestFailure::Left, world);
}

void chosen(sinew::Server &lobby, sinew::Server &world_server, sinew::RemoteServer world)
{
    const auto group = taken(lobby.group("world"), "group");
    const auto request = taken(group.request_any(sinew::Policy::round_robin(), 8, "any", std::chrono::seconds(5), 2), "request_any");
    CHECK_CODE(wait_for(world_server, EventType::Request).request().reply("me"), Code::Ok);
    const auto reply = wait_for(lobby, EventType::Reply).reply();
    CHECK(reply.request == request && reply.server == world && reply.tag == 8);
    CHECK_CODE(lobby.request_any("world", sinew::Policy::key("ann"), 8, "any", std::chrono::milliseconds(0)), Code::InvalidArgument);

    CHECK_CODE(world_server.set_property("state", "draining"), Code::Ok);
    CHECK(wait_for(lobby, EventType::ServerUpdated).server() == world && taken(world.info(), "info").readiness() == sinew::Readiness::Draining);
    CHECK_CODE(group.request_any(sinew::Policy::least_loaded(), 8, "any"), Code::NoCandidate);
    CHECK_CODE(world_server.remove_property("state"), Code::Ok);
    wait_for(lobby, EventType::ServerUpdated);
}

// Two worlds, and the first that is asked says nothing: the other one is asked, if that is wanted.
void another_one(sinew::Server &lobby, sinew::Server &near_world, sinew::Server &far_world)
{
    const auto group = taken(lobby.group("world"), "group");
    const auto silent_first = [&](sinew::RequestId request) {
        std::size_t asked = 0;
        const auto until = std::chrono::steady_clock::now() + PATIENCE;
        for (;;) {
            CHECK(std::chrono::steady_clock::now() < until);
            for (sinew::Server *const world : {&near_world, &far_world}) {
                for (const sinew::Event &event : world->poll(std::chrono::milliseconds(1))) {
                    if (event.type() == EventType::Request && asked++ > 0) {
                        CHECK_CODE(event.request().reply("second"), Code::Ok);
                    }
                }
            }
            for (const sinew::Event &event : lobby.poll()) {
                if (event.type() == EventType::Reply || event.type() == EventType::RequestFailed) {
                    CHECK(event.request_id() == request);
                    return event.type() == EventType::Reply && asked == 2 && event.reply().payload.text() == "second";
                }
            }
        }
    };
    const auto policy = sinew::Policy::round_robin();
    constexpr std::chrono::milliseconds soon{100};
    CHECK(silent_first(taken(group.request_any(policy, 9, "any", soon, 1), "request_any")));
    CHECK(silent_first(taken(lobby.request_any("world", policy, 9, "any", soon, 1), "request_any")));
    CHECK(!silent_first(taken(group.request_any(policy, 9, "any", soon), "request_any")));
    CHECK(!silent_first(taken(lobby.request_any("world", policy, 9, "any", soon), "request_any")));
}

} // namespace

int main()
{
    const std::string registry = local(free_port());
    auto lobby = start(member("lobby", registry, hosting(registry)));
    auto world_server = start(member("world", registry));
    const sinew::RemoteServer world = wait_for(lobby, EventType::ServerConnected).server();
    wait_for(world_server, EventType::ServerConnected);
    many(lobby, world, world_server);
    chosen(lobby, world_server, world);
    failures(lobby, world, world_server);
    wait_for(lobby, EventType::ServerLeft);

    auto near_world = start(member("world", registry, "server.name = 'near'\n"));
    auto far_world = start(member("world", registry, "server.name = 'far'\n"));
    wait_for(lobby, EventType::ServerConnected);
    wait_for(lobby, EventType::ServerConnected);
    another_one(lobby, near_world, far_world);
    return 0;
}
