// A registry of your own: with `registry.kind = "external"` your program keeps the directory of the cluster.
#ifndef SINEW_REGISTRY_HPP
#define SINEW_REGISTRY_HPP

#include "event.hpp"
#include "info.hpp"
#include "names.hpp"
#include "result.hpp"
#include "server.hpp"

#include <string_view>

namespace sinew {

/// Connects a server with a registry of your own. Derive from it, say what is to be done with an entry, and hand every event of the server to
/// dispatch(), on the thread that polls: your functions are called there and nowhere else. What you see in the registry you report with the
/// functions below, from any thread. docs/registries.md says what to do when, and what you can rely on.
///
/// It must end before the Server that it was made for; that one may be moved.
class RegistryConnector {
public:
    explicit RegistryConnector(const Server &server) noexcept : server_(server.raw()) {}
    virtual ~RegistryConnector() = default;
    RegistryConnector(const RegistryConnector &) = delete;
    RegistryConnector &operator=(const RegistryConnector &) = delete;

    /// Calls what the event is for. False: it is not for a connector.
    bool dispatch(const Event &event)
    {
        switch (event.type()) {
        case EventType::RegistryRegister:
            register_server(event.registration());
            return true;
        case EventType::RegistryDeregister:
            deregister_server(event.server().id());
            return true;
        case EventType::RegistryConnectionFailure:
            handle_connection_failure(event.server());
            return true;
        default:
            return false;
        }
    }

    /// Answers register_server: this server is registered, under the id of the entry or another one that nobody ever had.
    /// EventType::Started follows.
    ///
    /// None of these functions blocks, or does anything when it fails.
    /// Errors: InvalidState (not external; nobody asked; registered under another id), Stopped (take the entry out again), InvalidArgument.
    Result<void> registered(ServerId id) const noexcept { return Result<void>::from(sinew_registry_registered(server_, id)); }

    /// Answers register_server: it was not possible, and `why`. EventType::RegistryLost tells it, once, and register_server is called again
    /// after a pause that grows from 100 ms to 2 s.
    ///
    /// Errors: InvalidState (nobody asked, or registered already), Stopped, InvalidUtf8.
    Result<void> register_failed(std::string_view why) const noexcept
    {
        return Result<void>::from(sinew_registry_register_failed(server_, why.data(), why.size()));
    }

    /// Reports that a server stands in the registry. Report everybody: this server itself, and those that the topology does not show it, are
    /// left out.
    ///
    /// Errors: AlreadyJoined, InvalidState, QueueFull (report it again after the next poll), Stopped, InvalidUtf8, InvalidArgument.
    Result<void> server_joined(const Registration &entry) const noexcept
    {
        sinew_registration raw = entry.raw();
        raw.size = sizeof raw;
        return Result<void>::from(sinew_registry_server_joined(server_, &raw));
    }

    /// Reports that a server does not stand in the registry any more. It is a hint: a live link outlives it, and the id may join again.
    ///
    /// Errors: UnknownServer (it was not reported as joined, or has left already), InvalidState, QueueFull, Stopped.
    Result<void> server_left(ServerId id) const noexcept { return Result<void>::from(sinew_registry_server_left(server_, id)); }

    /// Begins a look at the whole registry: report everybody with server_joined, known or not, then call snapshot_end. Whoever was not
    /// reported in between has left.
    ///
    /// Errors: InvalidState (not registered yet; one has begun already), Stopped.
    Result<void> snapshot_begin() const noexcept { return Result<void>::from(sinew_registry_snapshot_begin(server_)); }

    /// Ends what snapshot_begin began.
    ///
    /// Errors: InvalidState (none has begun), QueueFull, Stopped.
    Result<void> snapshot_end() const noexcept { return Result<void>::from(sinew_registry_snapshot_end(server_)); }

    /// Reports that the registry cannot be reached, and `why`. EventType::RegistryLost tells it, once per outage. Links live on.
    ///
    /// Errors: InvalidState (not registered yet: register_failed then), QueueFull, Stopped, InvalidUtf8.
    Result<void> lost(std::string_view why) const noexcept
    {
        return Result<void>::from(sinew_registry_lost(server_, why.data(), why.size()));
    }

    /// Reports that the registry can be reached again: EventType::RegistryRestored. Does nothing where nothing was lost.
    ///
    /// Errors: InvalidState (not registered yet), QueueFull, Stopped.
    Result<void> restored() const noexcept { return Result<void>::from(sinew_registry_restored(server_)); }

protected:
    /// Put this server's entry into your registry, then call registered() or register_failed(), now or later. `entry` is lent until the
    /// next poll.
    virtual void register_server(const Registration &entry) = 0;

    /// Take the entry of this id out of your registry, and no other. EventType::Stopped may be the very next event.
    virtual void deregister_server(ServerId id) = 0;

    /// A server cannot be dialled, again and again: look whether it is really there, and call server_left() if it is not.
    virtual void handle_connection_failure(RemoteServer server) = 0;

private:
    const sinew_server *server_;
};

} // namespace sinew

#endif
