// Handles: other servers, groups of them, and how one of a group is chosen.
#ifndef SINEW_REMOTE_HPP
#define SINEW_REMOTE_HPP

#include "bytes.hpp"
#include "info.hpp"
#include "names.hpp"
#include "result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sinew {

/// How long an answer is waited for unless you say otherwise, as in every language.
inline constexpr std::chrono::milliseconds REQUEST_TIMEOUT{5000};

namespace detail {

// As sinew.h wants it: what is longer than 49 days is for ever, what is negative is nothing.
constexpr std::uint32_t milliseconds(std::chrono::milliseconds time) noexcept
{
    return time.count() < 0 ? 0 : time.count() > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(time.count());
}

} // namespace detail

/// How one server of a group is chosen. Whoever is not connected, `starting` or `draining` is passed over.
class Policy {
public:
    /// Each in turn.
    static Policy round_robin() noexcept { return Policy(SINEW_POLICY_ROUND_ROBIN, Bytes()); }
    /// The least full by its property `load`, as a share of its `capacity` where it tells one.
    static Policy least_loaded() noexcept { return Policy(SINEW_POLICY_LEAST_LOADED, Bytes()); }
    /// The server that the key (lent, not empty) belongs to: the same on every server for the same names.
    static Policy key(Bytes key) noexcept { return Policy(SINEW_POLICY_KEY, key); }

    /// SINEW_POLICY_*.
    std::uint32_t number() const noexcept { return number_; }
    /// Empty except by key.
    Bytes key() const noexcept { return key_; }

private:
    Policy(std::uint32_t number, Bytes key) noexcept : number_(number), key_(key) {}

    std::uint32_t number_;
    Bytes key_;
};

/// Another server: a handle that stays valid after it has left, when calls answer Code::UnknownServer. Do not use it after the Server that
/// it came from has ended.
class RemoteServer {
public:
    /// None: calls answer Code::InvalidArgument.
    RemoteServer() noexcept = default;
    RemoteServer(const sinew_server *server, ServerId id) noexcept : server_(server), id_(id) {}

    /// 0: none.
    ServerId id() const noexcept { return id_; }

    /// Its name, group, host, port, state, direction, round trip time, queued bytes and load, as they are now.
    ///
    /// Errors: UnknownServer.
    Result<RemoteInfo> info() const noexcept
    {
        RemoteInfo info;
        const auto result = Result<void>::from(sinew_server_find(server_, id_, &info.raw()));
        return result ? Result<RemoteInfo>(info) : Result<RemoteInfo>(result);
    }

    /// How it stands with it: Left when it is not in view any more.
    ConnectionState state() const noexcept
    {
        const auto now = info();
        return now ? now->state() : ConnectionState::Left;
    }

    /// One of its properties, if it has it. All of them come with EventType::ServerJoined and ServerUpdated.
    ///
    /// Errors: UnknownServer, InvalidUtf8.
    Result<std::optional<std::string>> property(std::string_view key) const
    {
        std::uint32_t found = 0;
        auto text = detail::copied([&](char *out, std::size_t capacity, std::size_t *needed) {
            return sinew_server_property(server_, id_, key.data(), key.size(), out, capacity, needed, &found);
        });
        if (!text) {
            return text.code();
        }
        return found != 0 ? std::optional(*std::move(text)) : std::nullopt;
    }

    /// Why the link to it is, or is not, up: several lines for a person to read, not to parse.
    ///
    /// Errors: UnknownServer.
    Result<std::string> explain() const
    {
        return detail::copied([&](char *out, std::size_t capacity, std::size_t *needed) {
            return sinew_server_explain(server_, id_, out, capacity, needed);
        });
    }

    /// Sends it a message. Copied before this returns; never blocks. `tag` is yours: what kind of message it is. An unreliable message that
    /// finds the link busy is dropped and counted in Stats, and that is a success.
    ///
    /// Errors: QueueFull (nothing was queued, EventType::Writable follows), NotConnected, UnknownServer, MessageTooBig, Stopped.
    Result<void> send(std::uint16_t tag, Bytes payload, Delivery delivery = SendMode::Reliable) const noexcept
    {
        return Result<void>::from(sinew_server_send(server_, id_, tag, delivery.number(), payload.data(), payload.size()));
    }

    /// Asks it something. Exactly one of EventType::Reply and EventType::RequestFailed follows under the number that this answers, within
    /// `timeout` (1 ms or more; noticed up to 10 ms late). Copied before this returns; never blocks. The answer travels by the same
    /// delivery.
    ///
    /// Errors: those of send() (MessageTooBig 12 bytes earlier), TooManyRequests; no event follows then.
    Result<RequestId> request(std::uint16_t tag, Bytes payload, std::chrono::milliseconds timeout = REQUEST_TIMEOUT,
                              Delivery delivery = SendMode::Reliable) const noexcept
    {
        RequestId request = 0;
        const auto result = Result<void>::from(sinew_server_request(server_, id_, tag, delivery.number(), payload.data(), payload.size(),
                                                                    detail::milliseconds(timeout), &request));
        return result ? Result<RequestId>(request) : Result<RequestId>(result);
    }

    friend bool operator==(RemoteServer a, RemoteServer b) noexcept { return a.server_ == b.server_ && a.id_ == b.id_; }
    friend bool operator!=(RemoteServer a, RemoteServer b) noexcept { return !(a == b); }

private:
    const sinew_server *server_ = nullptr;
    ServerId id_ = 0;
};

/// How a broadcast went. When it is not ok because of Code::QueueFull, the others have it all the same.
class [[nodiscard]] Broadcast {
public:
    Broadcast(Result<void> result, std::size_t sent, std::size_t missed) noexcept : result_(result), sent_(sent), missed_(missed) {}

    bool ok() const noexcept { return result_.ok(); }
    explicit operator bool() const noexcept { return ok(); }
    Code code() const noexcept { return result_.code(); }
    /// As Result<void>::error.
    Error error() const { return result_.error(); }
    void ignore() const noexcept {}

    /// To how many servers it was sent.
    std::size_t sent() const noexcept { return sent_; }
    /// How many of the group did not get it: those that are not connected, and those whose outbox is full.
    std::size_t missed() const noexcept { return missed_; }

private:
    Result<void> result_;
    std::size_t sent_, missed_;
};

/// The servers of one name, as their group was when it was asked for. Do not use it after the Server that it came from has ended.
class Group {
public:
    /// None: calls answer Code::InvalidArgument.
    Group() noexcept = default;
    Group(const sinew_server *server, const GroupInfo &info) noexcept : server_(server), info_(info) {}

    /// Lives as long as this.
    std::string_view name() const noexcept { return info_.name(); }
    Visibility visibility() const noexcept { return info_.visibility(); }
    /// Which group names which in `connects_to`.
    Direction direction() const noexcept { return info_.direction(); }
    /// Servers that were in view, connected or not. remote_servers() tells how it is now.
    std::size_t count() const noexcept { return info_.count(); }

    /// Its servers in view, connected or not, the oldest registration first. Allocates.
    ///
    /// Errors: UnknownGroup (a reload has hidden it).
    Result<std::vector<RemoteServer>> remote_servers() const
    {
        std::vector<ServerId> ids;
        for (;;) {
            const auto count = remote_servers(ids.data(), ids.size());
            if (!count) {
                return count.code();
            }
            const bool complete = *count <= ids.size();
            ids.resize(*count);
            if (complete) {
                std::vector<RemoteServer> servers;
                servers.reserve(ids.size());
                for (const ServerId id : ids) {
                    servers.emplace_back(server_, id);
                }
                return servers;
            }
        }
    }

    /// The ids of its servers in view, without an allocation: writes the first `capacity` of them, and answers how many there are.
    ///
    /// Errors: UnknownGroup.
    Result<std::size_t> remote_servers(ServerId *ids, std::size_t capacity) const noexcept
    {
        std::size_t count = 0;
        const auto result = Result<void>::from(sinew_server_group_members(server_, name().data(), name().size(), ids, capacity, &count));
        return result ? Result<std::size_t>(count) : Result<std::size_t>(result);
    }

    /// Sends to every connected server of it. The ids of the first `capacity` that did not get it are written to `missed`.
    ///
    /// Errors: QueueFull (nothing was sent to servers whose outbox is full, but to all others), UnknownGroup, MessageTooBig, Stopped.
    Broadcast broadcast(std::uint16_t tag, Bytes payload, Delivery delivery = SendMode::Reliable, ServerId *missed = nullptr,
                        std::size_t capacity = 0) const noexcept
    {
        std::size_t sent = 0, missing = 0;
        const auto result = Result<void>::from(sinew_server_broadcast(server_, name().data(), name().size(), tag, delivery.number(), payload.data(),
                                                                      payload.size(), &sent, missed, capacity, &missing));
        return Broadcast(result, sent, missing);
    }

    /// Sends to one server of it, and answers to which. Except by key, those whose outbox is full are passed over.
    ///
    /// Errors: NoCandidate (none is left), QueueFull, UnknownGroup, MessageTooBig, Stopped, InvalidArgument (an empty key).
    Result<RemoteServer> send_any(Policy policy, std::uint16_t tag, Bytes payload, Delivery delivery = SendMode::Reliable) const noexcept
    {
        ServerId to = 0;
        const auto result = Result<void>::from(sinew_server_send_any(server_, name().data(), name().size(), policy.number(), policy.key().data(),
                                                                     policy.key().size(), tag, delivery.number(), payload.data(), payload.size(),
                                                                     &to));
        return result ? Result<RemoteServer>(RemoteServer(server_, to)) : Result<RemoteServer>(result);
    }

    /// Asks one server of it: RemoteServer::request with the choice of send_any(). `retries`: how many more servers are asked, one after the
    /// other, each for `timeout`, when one fails to answer; the request may then be carried out more than once.
    ///
    /// Errors: those of RemoteServer::request and send_any().
    Result<RequestId> request_any(Policy policy, std::uint16_t tag, Bytes payload, std::chrono::milliseconds timeout = REQUEST_TIMEOUT,
                                  std::uint32_t retries = 0, Delivery delivery = SendMode::Reliable) const noexcept
    {
        RequestId request = 0;
        const auto result = Result<void>::from(
            sinew_server_request_any(server_, name().data(), name().size(), policy.number(), policy.key().data(), policy.key().size(), tag,
                                     delivery.number(), payload.data(), payload.size(), detail::milliseconds(timeout), retries, &request));
        return result ? Result<RequestId>(request) : Result<RequestId>(result);
    }

private:
    const sinew_server *server_ = nullptr;
    GroupInfo info_;
};

} // namespace sinew

#endif
