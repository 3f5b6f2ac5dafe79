// The server itself.
#ifndef SINEW_SERVER_HPP
#define SINEW_SERVER_HPP

#include "bytes.hpp"
#include "event.hpp"
#include "info.hpp"
#include "names.hpp"
#include "remote.hpp"
#include "result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinew {

/// One server of the cluster. Its destructor ends it: its threads, sockets and files are gone then, within `limits.shutdown_ms`. For a
/// graceful end call stop() first, and poll until EventType::Stopped.
///
///     auto server = sinew::Server::start(toml);
///     if (!server) { log(server.error().message()); return; }
///     for (sinew::Event event : server->poll()) { ... }
class Server {
public:
    /// How many events poll() hands over at once.
    static constexpr std::size_t EVENTS = 256;

    /// No server, like one that was moved from: every call answers Code::InvalidArgument.
    Server() noexcept = default;

    /// Starts a server from a TOML text (UTF-8), with the process's SINEW_* environment variables on top.
    ///
    /// The addresses are bound when this returns; the server registers and connects in the background, and tells in events how it goes.
    /// Thread: reads the environment, so let no other thread call setenv meanwhile.
    /// Errors: InvalidConfig, Key, AddressInUse, Io, InvalidUtf8, WrongLibrary.
    static Result<Server> start(std::string_view config)
    {
        return started([config](sinew_server **out) { return sinew_server_start(config.data(), config.size(), out); });
    }

    /// Starts a server from a TOML file; `path` is UTF-8, relative to the working directory. Otherwise as start().
    ///
    /// Errors: those of start(); a file that cannot be read is InvalidConfig.
    static Result<Server> start_file(std::string_view path)
    {
        return started([path](sinew_server **out) { return sinew_server_start_file(path.data(), path.size(), out); });
    }

    Server(Server &&other) noexcept : server_(std::exchange(other.server_, nullptr)), events_(std::move(other.events_)) {}

    /// Ends what this was, unless both are the same.
    Server &operator=(Server &&other) noexcept
    {
        sinew_server_free(std::exchange(server_, std::exchange(other.server_, nullptr)));
        events_ = std::move(other.events_);
        return *this;
    }

    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    /// A poll that waits on another thread is ended with Code::Stopped, and has returned before this does. No other call may be under way.
    ~Server() { sinew_server_free(server_); }

    /// Whether there is a server: it was started and not moved from.
    explicit operator bool() const noexcept { return server_ != nullptr; }

    /// Hands over what has happened since the last poll, at most EVENTS at once: call it every frame. Never blocks, allocates nothing.
    ///
    /// What the events point to is lent until the next poll on this server. Usually one is enough for a frame; to have all that is there,
    /// poll again while the batch is full(). Thread: one at a time.
    Batch poll() noexcept { return poll(std::chrono::milliseconds(0)); }

    /// The same, but waits up to `timeout` for the first event; std::chrono::milliseconds::max() is for ever.
    Batch poll(std::chrono::milliseconds timeout) noexcept { return poll(events_.get(), EVENTS, timeout); }

    /// The same into your own array of `capacity` events, which must live as long as the batch is looked at.
    Batch poll(sinew_event *events, std::size_t capacity, std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) noexcept
    {
        std::size_t count = 0;
        const auto result = Result<void>::from(sinew_server_poll(server_, detail::milliseconds(timeout), events, capacity, &count));
        return Batch(server_, events, count, capacity, result);
    }

    /// Sends a message to a connected server: RemoteServer::send.
    Result<void> send(ServerId to, std::uint16_t tag, Bytes payload, Delivery delivery = SendMode::Reliable) const noexcept
    {
        return remote(to).send(tag, payload, delivery);
    }

    /// Asks a connected server something: RemoteServer::request.
    Result<RequestId> request(ServerId to, std::uint16_t tag, Bytes payload, std::chrono::milliseconds timeout = REQUEST_TIMEOUT,
                              Delivery delivery = SendMode::Reliable) const noexcept
    {
        return remote(to).request(tag, payload, timeout, delivery);
    }

    /// Gives up a request of this server: EventType::RequestFailed with RequestFailure::Cancelled follows.
    ///
    /// Errors: UnknownRequest (it has ended, or was never made).
    Result<void> cancel(RequestId request) const noexcept { return Result<void>::from(sinew_server_cancel(server_, request)); }

    /// Sends to every connected server of a group: Group::broadcast.
    Broadcast broadcast(std::string_view group, std::uint16_t tag, Bytes payload, Delivery delivery = SendMode::Reliable,
                        ServerId *missed = nullptr, std::size_t capacity = 0) const noexcept
    {
        std::size_t sent = 0, missing = 0;
        const auto result = Result<void>::from(sinew_server_broadcast(server_, group.data(), group.size(), tag, delivery.number(), payload.data(),
                                                                      payload.size(), &sent, missed, capacity, &missing));
        return Broadcast(result, sent, missing);
    }

    /// Sends to one server of a group: Group::send_any.
    Result<RemoteServer> send_any(std::string_view group, Policy policy, std::uint16_t tag, Bytes payload,
                                  Delivery delivery = SendMode::Reliable) const noexcept
    {
        ServerId to = 0;
        const auto result = Result<void>::from(sinew_server_send_any(server_, group.data(), group.size(), policy.number(), policy.key().data(),
                                                                     policy.key().size(), tag, delivery.number(), payload.data(),
                                                                     payload.size(), &to));
        return result ? Result<RemoteServer>(remote(to)) : Result<RemoteServer>(result);
    }

    /// Asks one server of a group: Group::request_any.
    Result<RequestId> request_any(std::string_view group, Policy policy, std::uint16_t tag, Bytes payload,
                                  std::chrono::milliseconds timeout = REQUEST_TIMEOUT, std::uint32_t retries = 0,
                                  Delivery delivery = SendMode::Reliable) const noexcept
    {
        RequestId request = 0;
        const auto result = Result<void>::from(sinew_server_request_any(
            server_, group.data(), group.size(), policy.number(), policy.key().data(), policy.key().size(), tag, delivery.number(), payload.data(),
            payload.size(), detail::milliseconds(timeout), retries, &request));
        return result ? Result<RequestId>(request) : Result<RequestId>(result);
    }

    /// This server, as the others see it: id, group, name, host, port, visibility.
    Result<LocalInfo> info() const noexcept
    {
        LocalInfo info;
        const auto result = Result<void>::from(sinew_server_info(server_, &info.raw()));
        return result ? Result<LocalInfo>(info) : Result<LocalInfo>(result);
    }

    /// The groups that this server's group is connected with, ordered by name. Allocates.
    Result<std::vector<Group>> groups() const
    {
        std::vector<sinew_group_info> infos(8);
        for (;;) {
            std::size_t count = 0;
            infos[0].size = sizeof infos[0];
            const auto result = Result<void>::from(sinew_server_groups(server_, infos.data(), infos.size(), &count));
            if (!result) {
                return result;
            }
            if (count > infos.size()) {
                infos.resize(count);
                continue;
            }
            infos.resize(count);
            std::vector<Group> groups;
            groups.reserve(count);
            for (const sinew_group_info &raw : infos) {
                GroupInfo info;
                info.raw() = raw;
                groups.emplace_back(server_, info);
            }
            return groups;
        }
    }

    /// One group by its name. Allocates.
    ///
    /// Errors: UnknownGroup (not in the topology, or not connected with this server's group), InvalidUtf8.
    Result<Group> group(std::string_view name) const
    {
        for (;;) {
            auto all = groups();
            if (!all) {
                return all.code();
            }
            for (const Group &group : *all) {
                if (group.name() == name) {
                    return group;
                }
            }
            // The library words the refusal; it answers OK only if a reload has shown the group meanwhile.
            std::size_t count = 0;
            const auto refused = Result<void>::from(sinew_server_group_members(server_, name.data(), name.size(), nullptr, 0, &count));
            if (!refused) {
                return refused;
            }
        }
    }

    /// A server in view, connected or not.
    ///
    /// Errors: UnknownServer (it has left, or never was visible).
    Result<RemoteServer> find(ServerId id) const noexcept
    {
        const auto found = remote(id).info();
        return found ? Result<RemoteServer>(remote(id)) : Result<RemoteServer>(found.code());
    }

    /// A handle for an id that you have kept, without looking whether it is in view.
    RemoteServer remote(ServerId id) const noexcept { return RemoteServer(server_, id); }

    /// Why the link to a remote server is, or is not, up: RemoteServer::explain.
    Result<std::string> explain(ServerId id) const { return remote(id).explain(); }

    /// Sets one of this server's properties. Connected servers are told within 100 ms, and get EventType::ServerUpdated. Never blocks.
    ///
    /// `load` (pieces of work there are), `capacity` (how many it can take) and `state` (`starting`, `ready`, `draining`) mean something to
    /// Policy. UTF-8, at most 4 KiB for all keys and values.
    /// Errors: InvalidArgument (too many bytes; a `load` or `capacity` that is no number, a `state` that is none), InvalidUtf8.
    Result<void> set_property(std::string_view key, std::string_view value) const noexcept
    {
        // A null pointer would remove it.
        const char *const text = value.data() == nullptr ? "" : value.data();
        return Result<void>::from(sinew_server_set_property(server_, key.data(), key.size(), text, value.size()));
    }

    /// Removes one of this server's properties.
    Result<void> remove_property(std::string_view key) const noexcept
    {
        return Result<void>::from(sinew_server_set_property(server_, key.data(), key.size(), nullptr, 0));
    }

    /// One of this server's own properties, if it has it.
    Result<std::optional<std::string>> property(std::string_view key) const { return remote(0).property(key); }

    /// How this server is doing, in numbers for operators.
    Result<Stats> stats() const noexcept
    {
        Stats stats{};
        stats.size = sizeof stats;
        const auto result = Result<void>::from(sinew_server_stats(server_, &stats));
        return result ? Result<Stats>(stats) : Result<Stats>(result);
    }

    /// Applies a new configuration, a whole one, to the running server: all of it or nothing. docs/configuration.md lists what can change.
    /// Thread: reads the environment, so let no other thread call setenv meanwhile.
    ///
    /// Errors: InvalidConfig (the sentence names every key that is wrong or needs a restart), Key, Stopped, InvalidUtf8.
    Result<void> reload(std::string_view config) const noexcept
    {
        return Result<void>::from(sinew_server_reload(server_, config.data(), config.size()));
    }

    /// Begins a graceful end and returns at once: the server leaves the registry, sends what is queued (for at most `limits.drain_ms`) and
    /// says goodbye. Go on polling until EventType::Stopped, the last event. Calling it again does nothing.
    Result<void> stop() const noexcept { return Result<void>::from(sinew_server_stop(server_)); }

    /// Ends the server now, also while other threads use it: its threads, sockets and files are gone when this returns, within
    /// `limits.shutdown_ms`, and every call answers Code::Stopped, or with what was known at the end. Calling it again does nothing.
    Result<void> close() const noexcept { return Result<void>::from(sinew_server_close(server_)); }

    /// For functions of sinew.h that this does not wrap yet. Still owned by this; null if there is no server.
    sinew_server *raw() const noexcept { return server_; }

private:
    Server(sinew_server *server, std::unique_ptr<sinew_event[]> events) noexcept : server_(server), events_(std::move(events)) {}

    template <typename Start>
    static Result<Server> started(Start start)
    {
        if (sinew_abi_version() != SINEW_ABI_VERSION) {
            return Code::WrongLibrary;
        }
        auto events = std::make_unique<sinew_event[]>(EVENTS);
        sinew_server *server = nullptr;
        const auto result = Result<void>::from(start(&server));
        return result ? Result<Server>(Server(server, std::move(events))) : Result<Server>(result);
    }

    sinew_server *server_ = nullptr;
    std::unique_ptr<sinew_event[]> events_;
};

} // namespace sinew

#endif
