// For the programs of this folder: a check that says what it saw, and waiting for events with a bound.
#ifndef SINEW_TESTS_SUPPORT_HPP
#define SINEW_TESTS_SUPPORT_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sinew.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

// Nothing on loopback takes this long, also under valgrind.
constexpr std::chrono::seconds PATIENCE{30};

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)
#define CHECK_CODE(result, expected) check_code((result), (expected), #result, __FILE__, __LINE__)
#define CHECK_SAYS(result, text) check_says((result).error().message(), (text), __FILE__, __LINE__)

inline void check(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        std::fprintf(stderr, "%s:%d: does not hold: %s\n  last error: %s\n", file, line, what,
                     sinew::Error::last(sinew::Code::Panic).message().c_str());
        std::exit(1);
    }
}

template <typename Result>
void check_code(const Result &result, sinew::Code expected, const char *call, const char *file, int line)
{
    if (result.code() != expected) {
        std::fprintf(stderr, "%s:%d: %s\n  answered %s, not %s\n  %s\n", file, line, call, sinew::text(result.code()).data(),
                     sinew::text(expected).data(), result.error().message().c_str());
        std::exit(1);
    }
}

template <typename T>
T taken(sinew::Result<T> result, const char *what)
{
    check_code(result, sinew::Code::Ok, what, __FILE__, __LINE__);
    return std::move(result).value();
}

inline void check_says(const std::string &sentence, std::string_view text, const char *file, int line)
{
    if (sentence.find(text) == std::string::npos) {
        std::fprintf(stderr, "%s:%d: \"%.*s\" is not in: %s\n", file, line, static_cast<int>(text.size()), text.data(), sentence.c_str());
        std::exit(1);
    }
}

// A port that was free a moment ago, for what two servers must know before it is bound.
inline unsigned free_port()
{
    sockaddr_in address{};
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto *const any = reinterpret_cast<sockaddr *>(&address);
    CHECK(fd >= 0 && bind(fd, any, sizeof address) == 0 && getsockname(fd, any, &length) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

// A server of one of two groups, of which the lobby dials the world; `more` is further TOML.
inline std::string member(const std::string &group, const std::string &registry, const std::string &more = "")
{
    return "log.to = 'none'\nserver.group = '" + group +
           "'\ngroups.lobby.connects_to = ['world']\ngroups.world.visibility = 'internal'\nregistry.addresses = ['" + registry + "']\n" + more;
}

inline std::string hosting(const std::string &registry) { return "registry.host = true\nregistry.listen = '" + registry + "'\n"; }

inline std::string local(unsigned port) { return "127.0.0.1:" + std::to_string(port); }

inline sinew::Server start(const std::string &config) { return taken(sinew::Server::start(config), "Server::start"); }

// Polls one event at a time until one of `type` comes; everything before it is passed over. Its pointers live until the next poll.
inline sinew::Event wait_for(sinew::Server &server, sinew::EventType type)
{
    static sinew_event storage; // one thread of each program waits
    for (;;) {
        const sinew::Batch batch = server.poll(&storage, 1, PATIENCE);
        CHECK_CODE(batch, sinew::Code::Ok);
        if (batch.empty()) {
            std::fprintf(stderr, "event %u did not come\n", static_cast<unsigned>(type));
            std::exit(1);
        }
        const sinew::Event event = *batch.begin();
        if (event.type() == type) {
            return event;
        }
    }
}

inline std::size_t count_entries(const char *folder)
{
    std::size_t count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        count += entry.path().empty() ? 0 : 1;
    }
    return count;
}

// A thread that has been joined may show for a moment yet: the kernel wakes who joins it before it takes its entry away.
inline void wait_for_threads(std::size_t expected)
{
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    std::size_t seen = count_entries("/proc/self/task");
    while (seen != expected && std::chrono::steady_clock::now() < until) {
        seen = count_entries("/proc/self/task");
    }
    if (seen != expected) {
        std::fprintf(stderr, "%zu threads are left, not %zu\n", seen, expected);
        std::exit(1);
    }
}

#endif
