// The hot path allocates nothing: once warm, sending, polling, reading and writing a hundred thousand messages leaves the allocator alone.
//
// malloc is watched, which operator new calls, on the thread that plays; what the library's own threads do is held by tests/steady.rs.
#include "support.hpp"

#include <cstdint>
#include <cstdlib>

using sinew::Code;
using sinew::EventType;

namespace {

thread_local bool counting = false;
std::size_t allocations = 0; // of one thread

} // namespace

extern "C" void *__libc_malloc(std::size_t size);
extern "C" void *__libc_calloc(std::size_t count, std::size_t size);
extern "C" void *__libc_realloc(void *memory, std::size_t size);

// glibc calls these instead of its own, in the library too.
extern "C" void *malloc(std::size_t size) noexcept
{
    allocations += counting ? 1 : 0;
    return __libc_malloc(size);
}

extern "C" void *calloc(std::size_t count, std::size_t size) noexcept
{
    allocations += counting ? 1 : 0;
    return __libc_calloc(count, size);
}

extern "C" void *realloc(void *memory, std::size_t size) noexcept
{
    allocations += counting ? 1 : 0;
    return __libc_realloc(memory, size);
}

namespace {

constexpr std::uint32_t MESSAGES = 100000, ROUNDS = 12;

// Sends and receives MESSAGES; every result is looked at, and full outboxes are part of it.
void play(sinew::RemoteServer world, sinew::Server &lobby, sinew::Server &world_server, sinew::Writer &writer)
{
    std::uint32_t sent = 0, received = 0;
    const auto until = std::chrono::steady_clock::now() + PATIENCE;
    while (received < MESSAGES) {
        CHECK(std::chrono::steady_clock::now() < until);
        for (int i = 0; i < 500 && sent < MESSAGES; i++) {
            writer.clear();
            writer.write_u32(sent).write_str("the same for all").write_f32(1.5F);
            const auto result = world.send(static_cast<std::uint16_t>(sent), writer);
            if (!result) {
                CHECK(result.code() == Code::QueueFull);
                break;
            }
            sent++;
        }
        for (const sinew::Event event : lobby.poll()) {
            CHECK(event.type() == EventType::Writable);
        }
        for (const sinew::Event event : world_server.poll()) {
            CHECK(event.type() == EventType::Message && event.group() == "lobby");
            sinew::Reader reader = event.message().reader();
            CHECK(reader.read_u32() == received && reader.read_str() == "the same for all" && reader.read_f32() > 1 && reader.finish());
            received++;
        }
    }
}

} // namespace

int main()
{
    const std::string registry = local(free_port());
    auto lobby = start(member("lobby", registry, hosting(registry)));
    auto world_server = start(member("world", registry));
    const sinew::RemoteServer world = wait_for(lobby, EventType::ServerConnected).server();
    wait_for(world_server, EventType::ServerConnected);

    // The hook works, or it would prove nothing.
    sinew::Writer writer;
    counting = true;
    writer.write_u8(7);
    counting = false;
    CHECK(allocations > 0);

    std::size_t fewest = SIZE_MAX;
    for (std::uint32_t round = 0; round < ROUNDS && fewest > 0; round++) {
        allocations = 0;
        counting = true;
        play(world, lobby, world_server, writer);
        counting = false;
        std::printf("round %u: %zu allocations for %u messages\n", round, allocations, MESSAGES);
        fewest = allocations < fewest ? allocations : fewest;
    }
    CHECK(fewest == 0); // once warm
    return 0;
}
