// What poll() hands over.
#ifndef SINEW_EVENT_HPP
#define SINEW_EVENT_HPP

#include "bytes.hpp"
#include "info.hpp"
#include "names.hpp"
#include "reader.hpp"
#include "remote.hpp"
#include "result.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string_view>

namespace sinew {

/// What a connected server sent.
struct Message {
    /// What kind of message it is: the game's own number.
    std::uint16_t tag;
    /// How it was sent.
    Delivery delivery;
    /// Lent until the next poll.
    Bytes payload;

    SendMode mode() const noexcept { return delivery.mode(); }
    Lane lane() const noexcept { return delivery.lane(); }
    /// Reads the payload from its start.
    Reader reader() const noexcept { return Reader(payload); }
};

/// What a connected server asks. Answer it with reply() or refuse(), now or later: copy it to keep it, but its payload is lent only until the
/// next poll. One that is never answered times out on the other side.
class Request {
public:
    Request(const sinew_server *server, const sinew_event &event) noexcept : server_(server), event_(event) {}

    /// Who asks.
    RemoteServer server() const noexcept { return RemoteServer(server_, event_.server); }
    /// The number under which it is asked; only server() and this together are unique.
    RequestId id() const noexcept { return event_.request; }
    std::uint16_t tag() const noexcept { return static_cast<std::uint16_t>(event_.tag); }
    Delivery delivery() const noexcept { return Delivery::from_number(event_.mode); }
    /// Lent until the next poll.
    Bytes payload() const noexcept { return Bytes(event_.data, event_.len); }
    /// Reads the payload from its start.
    Reader reader() const noexcept { return Reader(payload()); }
    /// For how long it was waited for an answer when this came.
    std::chrono::milliseconds timeout() const noexcept { return std::chrono::milliseconds(event_.count); }

    /// Answers it. `code` is a number of yours. Copied before this returns; never blocks.
    ///
    /// Errors: UnknownRequest (it has been answered, or who asked has given up), NotConnected, UnknownServer, Stopped; QueueFull and
    /// MessageTooBig: it can still be answered.
    Result<void> reply(Bytes payload, std::uint32_t code = 0) const noexcept
    {
        return Result<void>::from(sinew_server_reply(server_, event_.server, event_.request, code, payload.data(), payload.size()));
    }

    /// Says no: RequestFailure::Refused, or NoHandler if nothing here answers requests of its tag. Never blocks.
    ///
    /// Errors: those of reply(); InvalidArgument for other reasons.
    Result<void> refuse(RequestFailure reason = RequestFailure::Refused) const noexcept
    {
        return Result<void>::from(sinew_server_refuse(server_, event_.server, event_.request, static_cast<std::uint32_t>(reason)));
    }

private:
    const sinew_server *server_;
    sinew_event event_;
};

/// The answer to a request of this server.
struct Reply {
    /// Which request: what request() answered.
    RequestId request;
    /// Who answered.
    RemoteServer server;
    /// The answering game's own number.
    std::uint32_t code;
    /// That of the request.
    std::uint16_t tag;
    Delivery delivery;
    /// Lent until the next poll.
    Bytes payload;

    /// Reads the payload from its start.
    Reader reader() const noexcept { return Reader(payload); }
};

/// One thing that happened: a view of what poll() has filled, valid until the next poll. EventType says which accessors tell something; the
/// others answer nothing, but do no harm. Types that you do not know come with later versions: skip them.
class Event {
public:
    Event(const sinew_server *server, const sinew_event *raw) noexcept : server_(server), raw_(raw) {}

    EventType type() const noexcept { return static_cast<EventType>(raw_->type); }

    /// The remote server it is about; this server itself in Started and RegistryDeregister; id 0 if it is about none.
    RemoteServer server() const noexcept { return RemoteServer(server_, raw_->server); }

    /// That server's group; empty if it is about none. Lent.
    std::string_view group() const noexcept { return raw_->group == nullptr ? std::string_view() : std::string_view(raw_->group); }

    /// Of Message.
    Message message() const noexcept
    {
        return {static_cast<std::uint16_t>(raw_->tag), Delivery::from_number(raw_->mode), Bytes(raw_->data, raw_->len)};
    }

    /// Of Request: what is to be answered.
    Request request() const noexcept { return Request(server_, *raw_); }

    /// Of Reply.
    Reply reply() const noexcept
    {
        return {raw_->request, server(), raw_->code, static_cast<std::uint16_t>(raw_->tag), Delivery::from_number(raw_->mode),
                Bytes(raw_->data, raw_->len)};
    }

    /// Of Reply and RequestFailed: which request of this server.
    RequestId request_id() const noexcept { return raw_->request; }

    /// Of RequestFailed.
    RequestFailure failure() const noexcept { return static_cast<RequestFailure>(raw_->code); }

    /// Of ServerDisconnected.
    DisconnectReason disconnect_reason() const noexcept { return static_cast<DisconnectReason>(raw_->code); }

    /// Of ServerDisconnected: reliable messages not known to have arrived, which nobody will send again.
    std::uint64_t unacknowledged() const noexcept { return raw_->count; }

    /// Of ServerLeft.
    LeaveReason leave_reason() const noexcept { return static_cast<LeaveReason>(raw_->code); }

    /// Of Stopped.
    StopReason stop_reason() const noexcept { return static_cast<StopReason>(raw_->code); }

    /// Of Log.
    LogLevel log_level() const noexcept { return static_cast<LogLevel>(raw_->code); }

    /// Of ServerDisconnected, RegistryLost, Log and Stopped: the line, or why. Lent.
    std::string_view text() const noexcept
    {
        switch (type()) {
        case EventType::ServerDisconnected:
        case EventType::RegistryLost:
        case EventType::Log:
        case EventType::Stopped:
            return Bytes(raw_->data, raw_->len).text();
        default:
            return std::string_view();
        }
    }

    /// Of ServerJoined, ServerUpdated and RegistryRegister: the entry with its properties. Lent.
    Registration registration() const noexcept
    {
        sinew_registration entry{};
        switch (type()) {
        case EventType::ServerJoined:
        case EventType::ServerUpdated:
        case EventType::RegistryRegister:
            // A library that is older than this header tells less.
            std::memcpy(&entry, raw_->data, (std::min)(raw_->len, sizeof entry));
            break;
        default:
            break;
        }
        return Registration(entry);
    }

    /// As in sinew.h, for what a newer one knows more.
    const sinew_event &raw() const noexcept { return *raw_; }

private:
    const sinew_server *server_;
    const sinew_event *raw_;
};

/// What one poll handed over, to go through: for (sinew::Event event : server.poll()). Empty if nothing happened, or if it failed.
class [[nodiscard]] Batch {
public:
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Event;
        using difference_type = std::ptrdiff_t;
        using pointer = const Event *;
        using reference = Event;

        Iterator(const sinew_server *server, const sinew_event *at) noexcept : server_(server), at_(at) {}
        Event operator*() const noexcept { return Event(server_, at_); }
        Iterator &operator++() noexcept
        {
            ++at_;
            return *this;
        }
        Iterator operator++(int) noexcept
        {
            const Iterator before = *this;
            ++at_;
            return before;
        }
        friend bool operator==(const Iterator &a, const Iterator &b) noexcept { return a.at_ == b.at_; }
        friend bool operator!=(const Iterator &a, const Iterator &b) noexcept { return a.at_ != b.at_; }

    private:
        const sinew_server *server_;
        const sinew_event *at_;
    };

    Batch(const sinew_server *server, const sinew_event *events, std::size_t count, std::size_t capacity, Result<void> result) noexcept
        : server_(server), events_(events), count_(count), capacity_(capacity), result_(result)
    {
    }

    Iterator begin() const noexcept { return Iterator(server_, events_); }
    Iterator end() const noexcept { return Iterator(server_, events_ + count_); }
    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }

    /// Whether there was no more room: there may be more events, so poll again.
    bool full() const noexcept { return count_ == capacity_; }

    /// Whether the poll succeeded. Codes: Stopped (EventType::Stopped has been handed over, nothing more comes), Busy (another thread
    /// polls), InvalidArgument (no server, no room).
    bool ok() const noexcept { return result_.ok(); }
    explicit operator bool() const noexcept { return ok(); }
    Code code() const noexcept { return result_.code(); }
    /// As Result<void>::error.
    Error error() const { return result_.error(); }

private:
    const sinew_server *server_;
    const sinew_event *events_;
    std::size_t count_, capacity_;
    Result<void> result_;
};

} // namespace sinew

#endif
