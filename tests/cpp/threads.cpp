// Threads as a game has them: some send and ask, one polls; a second one that polls is told so; and a destructor ends a poll that waits.
#include "support.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using sinew::Code;
using sinew::EventType;

namespace {

constexpr std::uint32_t SENDERS = 4, EACH = 20000;

// Errors belong to the thread that made them.
void own_sentences(const sinew::Server &server, std::atomic<bool> &wrong)
{
    for (int i = 0; i < 1000; i++) {
        const auto refused = server.broadcast("no-such-group-" + std::to_string(i), 1, "x");
        if (refused.error().message().find("`no-such-group-" + std::to_string(i) + "`") == std::string::npos) {
            wrong = true;
        }
    }
}

void send_all(sinew::RemoteServer to, std::uint16_t tag, std::atomic<bool> &wrong)
{
    sinew::Writer writer;
    for (std::uint32_t number = 0; number < EACH;) {
        writer.clear();
        writer.write_u32(number);
        const Code code = to.send(tag, writer).code();
        if (code == Code::Ok) {
            number++;
        } else if (code == Code::QueueFull) {
            std::this_thread::yield(); // the polling thread hears of it when there is room
        } else {
            wrong = true;
            return;
        }
    }
}

// One poll waits; its server ends under it, and the events it filled with it.
void destructor_ends_a_poll()
{
    auto server = std::make_unique<sinew::Server>(start(member("world", local(free_port()))));
    wait_for(*server, EventType::RegistryLost);
    std::atomic<bool> waits{false};
    std::atomic<int> code{0};
    std::thread waiter([&, polled = server.get()] {
        waits = true;
        Code last = Code::Ok;
        while (last == Code::Ok || last == Code::Busy) {
            last = polled->poll(std::chrono::milliseconds::max()).code();
        }
        code = static_cast<int>(last);
    });
    // Until it is inside: a second poll is refused then.
    const auto until = std::chrono::steady_clock::now() + PATIENCE;
    sinew_event event;
    for (Code second = Code::Ok; second != Code::Busy;) {
        CHECK(std::chrono::steady_clock::now() < until);
        second = server->poll(&event, 1).code();
        CHECK(second == Code::Ok || second == Code::Busy);
    }
    CHECK(waits);
    server.reset();
    waiter.join();
    CHECK(code == static_cast<int>(Code::Stopped));
}

} // namespace

int main()
{
    const std::size_t threads = count_entries("/proc/self/task");
    {
        const std::string registry = local(free_port());
        auto lobby = start(member("lobby", registry, hosting(registry)));
        auto world_server = start(member("world", registry));
        const sinew::RemoteServer world = wait_for(lobby, EventType::ServerConnected).server();

        std::atomic<bool> wrong{false};
        std::vector<std::thread> running;
        for (std::uint32_t i = 0; i < SENDERS; i++) {
            running.emplace_back(send_all, world, static_cast<std::uint16_t>(i), std::ref(wrong));
        }
        running.emplace_back(own_sentences, std::cref(lobby), std::ref(wrong));

        // What each thread sends keeps its order.
        std::array<std::uint32_t, SENDERS> next{};
        std::uint32_t received = 0;
        const auto until = std::chrono::steady_clock::now() + PATIENCE;
        while (received < SENDERS * EACH) {
            CHECK(std::chrono::steady_clock::now() < until && !wrong);
            for (const sinew::Event event : world_server.poll(std::chrono::milliseconds(10))) {
                if (event.type() == EventType::Message) {
                    const sinew::Message message = event.message();
                    CHECK(message.tag < SENDERS && message.reader().read_u32() == next[message.tag]++);
                    received++;
                }
            }
            CHECK_CODE(lobby.poll(), Code::Ok);
        }
        for (std::thread &thread : running) {
            thread.join();
        }
        CHECK(!wrong);
    }
    destructor_ends_a_poll();
    wait_for_threads(threads);
    return 0;
}
