// A cluster whose registry the program connects itself: file_registry.hpp. The parent starts a server, then this program again as a child with
// another one; they find each other through a folder and exchange messages. A first child leaves as it should, a second one is killed, and between them
// the folder is away for a while.
#include "file_registry.hpp"
#include "support.hpp"

#include <sys/wait.h>

#include <csignal>
#include <string>
#include <utility>

using sinew::Code;
using sinew::EventType;

namespace {

constexpr std::chrono::milliseconds LEASE{600};
constexpr std::uint16_t HELLO = 1, LEAVE = 2;

std::string config(const char *group)
{
    return std::string("log.to = 'none'\n"
                       "server.properties.map = 'düne'\n"
                       "groups.lobby.connects_to = ['world']\n"
                       "groups.world.visibility = 'external'\n"
                       "limits.resume_window_ms = 100\n"
                       "limits.reconnect_attempts = 2\n"
                       "limits.reconnect_min_ms = 1\n"
                       "limits.reconnect_max_ms = 5\n"
                       "registry.kind = 'external'\n"
                       "server.group = '") +
           group + "'\n";
}

// Counts when it is asked to look.
class Watched final : public FileRegistry {
public:
    using FileRegistry::FileRegistry;
    int failures = 0;

protected:
    void handle_connection_failure(sinew::RemoteServer server) override
    {
        failures += server.id() != 0 ? 1 : 0;
        FileRegistry::handle_connection_failure(server);
    }
};

class Side {
public:
    Side(const std::string &folder, const char *group) : server(start(config(group))), registry(server, folder, LEASE) {}

    // Goes on until `condition`, for at most PATIENCE.
    template <typename Condition>
    void until(Condition condition)
    {
        const auto patience = std::chrono::steady_clock::now() + PATIENCE;
        while (!condition()) {
            CHECK(std::chrono::steady_clock::now() < patience);
            frame();
        }
    }

    void frame()
    {
        for (const sinew::Event event : server.poll(std::chrono::milliseconds(10))) {
            const bool for_registry = registry.dispatch(event);
            CHECK(for_registry == (event.type() == EventType::RegistryRegister || event.type() == EventType::RegistryDeregister ||
                                   event.type() == EventType::RegistryConnectionFailure));
            see(event);
        }
        registry.tick();
    }

    void end()
    {
        CHECK_CODE(server.stop(), Code::Ok);
        until([this] { return stopped; });
        CHECK(registry.id() == 0); // the goodbye came first, and the file is gone
    }

    sinew::Server server;
    Watched registry;
    sinew::RemoteServer other;
    int joined = 0, hello = 0, lost = 0, restored = 0;
    bool started = false, connected = false, leave = false, left = false, stopped = false;

private:
    void see(const sinew::Event &event)
    {
        switch (event.type()) {
        case EventType::RegistryRegister: {
            const auto entry = event.registration();
            CHECK(entry.id() == event.server().id() && entry.port() != 0 && entry.host() == "127.0.0.1" && entry.group() == event.group());
            CHECK(entry.properties().size() == 1 && entry.properties().find("map") == "düne");
            break;
        }
        case EventType::Started:
            CHECK(event.server().id() == registry.id());
            started = true;
            break;
        case EventType::ServerJoined:
            // What the other one's connector wrote and this one's read.
            CHECK(event.registration().properties().find("map") == "düne");
            other = event.server();
            joined++;
            connected = left = false;
            break;
        case EventType::ServerConnected:
            CHECK(event.server() == other);
            connected = true;
            CHECK_CODE(other.send(HELLO, "hello"), Code::Ok);
            break;
        case EventType::Message:
            hello += event.message().tag == HELLO && event.message().payload.text() == "hello" ? 1 : 0;
            leave = leave || event.message().tag == LEAVE;
            break;
        case EventType::ServerLeft:
            left = true;
            break;
        case EventType::RegistryLost:
            CHECK(!event.text().empty());
            lost++;
            break;
        case EventType::RegistryRestored:
            restored++;
            break;
        case EventType::Stopped:
            stopped = true;
            break;
        default:
            break;
        }
    }
};

int child(const std::string &folder)
{
    Side here(folder, "world");
    here.until([&] { return here.leave; });
    here.end();
    return 0;
}

pid_t spawn(const char *program, const std::string &folder)
{
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execl(program, program, folder.c_str(), static_cast<char *>(nullptr));
        std::perror(program);
        _exit(127);
    }
    return pid;
}

void run(const char *program, const std::string &folder)
{
    const std::string away = folder + "-away";
    int status = 0;

    // Without the folder there is no registration, and one word about that.
    CHECK(std::rename(folder.c_str(), away.c_str()) == 0);
    Side here(folder, "lobby");
    here.until([&] { return here.lost == 1; });
    CHECK(std::rename(away.c_str(), folder.c_str()) == 0);
    here.until([&] { return here.started && here.restored == 1; });
    // A mistake is answered, and changes nothing.
    CHECK_CODE(here.registry.registered(here.registry.id() + 1), Code::InvalidState);
    CHECK_CODE(here.registry.snapshot_end(), Code::InvalidState);
    CHECK_CODE(here.registry.server_left(12345), Code::UnknownServer);
    CHECK_CODE(here.registry.server_joined(sinew::Registration(12345, "world", "no-port", "x", 0)), Code::InvalidArgument);

    pid_t pid = spawn(program, folder);
    here.until([&] { return here.joined == 1 && here.connected && here.hello == 1; });
    const auto first = here.other;

    // An outage harms nobody.
    CHECK(std::rename(folder.c_str(), away.c_str()) == 0);
    here.until([&] { return here.lost == 2; });
    CHECK(here.connected && !here.left);
    CHECK(std::rename(away.c_str(), folder.c_str()) == 0);
    here.until([&] { return here.restored == 2; });
    CHECK(here.connected && !here.left && here.joined == 1);

    CHECK_CODE(here.other.send(LEAVE, sinew::Bytes()), Code::Ok);
    here.until([&] { return here.left; });
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);

    pid = spawn(program, folder);
    here.until([&] { return here.joined == 2 && here.connected && here.hello == 2; });
    CHECK(here.other != first);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    // It cannot be dialled any more, so the connector is asked; its lease is not over then, so it stays for a moment.
    here.until([&] { return here.registry.failures > 0 && here.left; });
    here.end();
}

} // namespace

int main(int argc, char **argv)
{
    alarm(100);
    if (argc == 2) {
        return child(argv[1]);
    }
    char folder[] = "file-registry-XXXXXX";
    CHECK(mkdtemp(folder) != nullptr);
    run(argv[0], folder);
    std::error_code error;
    CHECK(std::filesystem::remove_all(folder, error) > 0 && !error);
    return 0;
}
