// Two programs, each with a server: the parent hosts the registry, the child (this program again, after exec) dials it. They talk both ways; then
// a child leaves as it should, and another one is killed while both sides are sending.
//
// Nothing here ignores SIGPIPE: a peer that is gone must not end the program that writes to it.
#include "support.hpp"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>

using sinew::Code;
using sinew::EventType;

namespace {

constexpr std::uint32_t MESSAGES = 10000, UNRELIABLE = 100, LONGEST = 300;
constexpr std::uint16_t COUNTED = 1, MAYBE = 2, LEAVE = 3, FLOOD = 4;

// The content of message `number`: its number, then text that depends on it, of a length that does, too.
void fill(sinew::Writer &writer, std::uint32_t number)
{
    writer.clear();
    writer.write_u32(number).write_str(std::string(number * 7919 % LONGEST, static_cast<char>('a' + number % 26)));
}

// What one side knows of the other.
class Side {
public:
    explicit Side(sinew::Server &server) : server_(server) {}

    // Sends all numbered messages and takes all of the other's; a full outbox makes it wait, nothing else.
    void talk()
    {
        sinew::Writer writer;
        while (!connected) {
            CHECK(frame(PATIENCE));
        }
        for (std::uint32_t i = 0; i < UNRELIABLE; i++) {
            CHECK_CODE(other.send(MAYBE, sinew::Bytes(), sinew::SendMode::Unreliable), Code::Ok);
        }
        while (sent_ < MESSAGES || received_ < MESSAGES) {
            while (sent_ < MESSAGES && !waits_) {
                fill(writer, sent_);
                const auto result = other.send(COUNTED, writer);
                waits_ = result.code() == Code::QueueFull;
                if (!waits_) {
                    CHECK_CODE(result, Code::Ok);
                    sent_++;
                }
            }
            CHECK(frame(PATIENCE) && !disconnected);
        }
        CHECK(received_ == MESSAGES && unreliable_ <= UNRELIABLE);
    }

    // Polls once. False when the server has stopped.
    bool frame(std::chrono::milliseconds timeout)
    {
        const sinew::Batch batch = server_.poll(timeout);
        if (batch.code() == Code::Stopped) {
            return false;
        }
        CHECK_CODE(batch, Code::Ok);
        for (const sinew::Event event : batch) {
            see(event);
        }
        return true;
    }

    sinew::RemoteServer other;
    bool joined = false, connected = false, disconnected = false, left = false, leave = false;
    sinew::DisconnectReason disconnect_reason{};
    sinew::LeaveReason leave_reason{};
    std::uint64_t unacknowledged = 0;

private:
    // The one order of events.
    void see(const sinew::Event &event)
    {
        switch (event.type()) {
        case EventType::ServerJoined:
            CHECK(!joined);
            joined = true;
            other = event.server();
            break;
        case EventType::ServerConnected:
            CHECK(joined && !connected && !left);
            connected = true;
            break;
        case EventType::Message:
            CHECK(connected && !disconnected);
            hear(event.message());
            break;
        case EventType::Writable:
            waits_ = false;
            break;
        case EventType::ServerDisconnected:
            CHECK(connected && !disconnected && !event.text().empty() && event.text().data()[event.text().size()] == '\0');
            disconnected = true;
            disconnect_reason = event.disconnect_reason();
            unacknowledged = event.unacknowledged();
            break;
        case EventType::ServerLeft:
            CHECK(joined && connected == disconnected && !left);
            left = true;
            leave_reason = event.leave_reason();
            break;
        default: // those that are not about the other one, and what later versions add
            return;
        }
        CHECK(event.server() == other && !event.group().empty());
    }

    void hear(const sinew::Message &message)
    {
        if (message.tag == COUNTED) {
            sinew::Writer expected;
            fill(expected, received_);
            CHECK(message.mode() == sinew::SendMode::Reliable && message.payload.text() == expected.bytes().text());
            received_++;
        } else if (message.tag == MAYBE) {
            CHECK(message.mode() == sinew::SendMode::Unreliable && message.payload.empty());
            unreliable_++;
        } else if (message.tag == LEAVE) {
            leave = true;
        }
    }

    sinew::Server &server_;
    std::uint32_t sent_ = 0, received_ = 0, unreliable_ = 0;
    bool waits_ = false; // the outbox was full, and Writable has not come
};

// An outbox small enough to be full now and then; nobody comes back here.
const char LIMITS[] = "limits.outbox_bytes = 65536\nlimits.resume_window_ms = 300\n";

int child(const std::string &registry)
{
    sinew::Server server = start(member("lobby", registry, LIMITS));
    Side here(server);
    here.talk();
    while (!here.leave) {
        // The one that will be killed is killed while it sends.
        const auto result = here.other.send(FLOOD, "x");
        CHECK(result.ok() || result.code() == Code::QueueFull);
        CHECK(here.frame(std::chrono::milliseconds(0)) && !here.disconnected);
    }
    CHECK_CODE(server.stop(), Code::Ok);
    while (here.frame(PATIENCE)) {
    }
    CHECK(here.disconnected && here.disconnect_reason == sinew::DisconnectReason::Stopping);
    CHECK(here.left && here.leave_reason == sinew::LeaveReason::Stopping);
    return 0;
}

// Everything of one child, with its server as the parent knew it.
sinew::RemoteServer one_child(sinew::Server &server, const char *program, const std::string &registry, bool kill_it)
{
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execl(program, program, registry.c_str(), static_cast<char *>(nullptr));
        std::perror(program);
        _exit(127);
    }
    Side here(server);
    here.talk();
    if (kill_it) {
        bool killed = false;
        // Goes on writing to it until its end is known.
        while (!here.disconnected) {
            for (int i = 0; i < 100; i++) {
                // It may even have left since the last poll.
                const Code code = here.other.send(FLOOD, "y").code();
                CHECK(code == Code::Ok || code == Code::QueueFull || code == Code::NotConnected || code == Code::UnknownServer);
            }
            CHECK(here.frame(std::chrono::milliseconds(0)));
            killed = killed || kill(pid, SIGKILL) == 0;
        }
    } else {
        Code code;
        do { // the child floods us, so our outbox may be full of nothing but acknowledgements for a while
            code = here.other.send(LEAVE, sinew::Bytes()).code();
            CHECK(code == Code::Ok || code == Code::QueueFull);
            CHECK(here.frame(std::chrono::milliseconds(1)));
        } while (code == Code::QueueFull);
    }
    while (!here.left) {
        CHECK(here.frame(PATIENCE));
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        CHECK(errno == EINTR);
    }
    if (kill_it) {
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        CHECK(here.disconnect_reason == sinew::DisconnectReason::Lost && here.leave_reason == sinew::LeaveReason::Expired);
    } else {
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && here.unacknowledged == 0);
        CHECK(here.disconnect_reason == sinew::DisconnectReason::PeerStopped && here.leave_reason == sinew::LeaveReason::Stopped);
    }
    CHECK_CODE(here.other.send(COUNTED, sinew::Bytes()), Code::UnknownServer);
    return here.other;
}

} // namespace

int main(int argc, char **argv)
{
    alarm(100);
    if (argc == 2) {
        return child(argv[1]);
    }
    const std::string registry = local(free_port());
    sinew::Server server = start(member("world", registry, hosting(registry) + "registry.lease_ms = 500\n" + LIMITS));
    wait_for(server, EventType::Started);
    const auto first = one_child(server, argv[0], registry, false);
    const auto second = one_child(server, argv[0], registry, true);
    CHECK(first != second); // an id is never used again
    CHECK_CODE(server.stop(), Code::Ok);
    CHECK(wait_for(server, EventType::Stopped).stop_reason() == sinew::StopReason::Requested);
    return 0;
}
