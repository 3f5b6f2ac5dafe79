// Snapshots: what a server, a group and a registry entry were like when they were asked for.
#ifndef SINEW_INFO_HPP
#define SINEW_INFO_HPP

#include "names.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

namespace sinew {

/// How this server is doing, in numbers for operators: sinew.h describes each field.
using Stats = sinew_stats;

/// This server, as the others see it. Its text lives as long as this.
class LocalInfo {
public:
    LocalInfo() noexcept { raw_.size = sizeof raw_; }

    /// 0 until EventType::Started.
    ServerId id() const noexcept { return raw_.id; }
    std::string_view group() const noexcept { return raw_.group; }
    /// Unique in its group.
    std::string_view name() const noexcept { return raw_.name; }
    /// What others dial; until EventType::Started, the bound address.
    std::string_view host() const noexcept { return raw_.host; }
    /// The real one, also where the configuration says 0.
    std::uint16_t port() const noexcept { return static_cast<std::uint16_t>(raw_.port); }
    /// Of its group.
    Visibility visibility() const noexcept { return static_cast<Visibility>(raw_.visibility); }

    /// As in sinew.h, for what a newer one knows more.
    sinew_local_info &raw() noexcept { return raw_; }

private:
    sinew_local_info raw_{};
};

/// A group that this server's group is connected with. Its text lives as long as this.
class GroupInfo {
public:
    GroupInfo() noexcept { raw_.size = sizeof raw_; }

    std::string_view name() const noexcept { return raw_.name; }
    Visibility visibility() const noexcept { return static_cast<Visibility>(raw_.visibility); }
    /// Which group names which in `connects_to`.
    Direction direction() const noexcept { return static_cast<Direction>(raw_.direction); }
    /// Servers in view, connected or not.
    std::size_t count() const noexcept { return raw_.count; }

    /// As in sinew.h.
    sinew_group_info &raw() noexcept { return raw_; }

private:
    sinew_group_info raw_{};
};

/// Another server, as seen from this one. Its text lives as long as this.
class RemoteInfo {
public:
    RemoteInfo() noexcept
    {
        raw_.size = sizeof raw_;
        // What a library tells that does not know these.
        raw_.load = raw_.capacity = std::numeric_limits<double>::quiet_NaN();
    }

    ServerId id() const noexcept { return raw_.id; }
    std::string_view group() const noexcept { return raw_.group; }
    /// Unique in its group.
    std::string_view name() const noexcept { return raw_.name; }
    /// What is dialled to reach it: a host name or an address.
    std::string_view host() const noexcept { return raw_.host; }
    std::uint16_t port() const noexcept { return static_cast<std::uint16_t>(raw_.port); }
    ConnectionState state() const noexcept { return static_cast<ConnectionState>(raw_.state); }
    /// Which side dials.
    Direction direction() const noexcept { return static_cast<Direction>(raw_.direction); }
    /// Of the last keep-alive; none while not measured.
    std::optional<std::chrono::microseconds> round_trip_time() const noexcept
    {
        return raw_.rtt_us == 0 ? std::nullopt : std::optional(std::chrono::microseconds(raw_.rtt_us));
    }
    /// Bytes that wait to be sent to it or to be acknowledged by it: what counts against `limits.outbox_bytes`.
    std::uint64_t queued_bytes() const noexcept { return raw_.queued_bytes; }
    /// Its property `load`, if it tells one.
    std::optional<double> load() const noexcept { return told(raw_.load); }
    /// Its property `capacity`, if it tells one.
    std::optional<double> capacity() const noexcept { return told(raw_.capacity); }
    /// Its property `state`.
    Readiness readiness() const noexcept { return static_cast<Readiness>(raw_.readiness); }
    /// Requests of this server that it has not answered.
    std::uint32_t open_requests() const noexcept { return raw_.open_requests; }

    /// As in sinew.h, for what a newer one knows more.
    sinew_remote_info &raw() noexcept { return raw_; }

private:
    // NaN: it tells none.
    static std::optional<double> told(double value) noexcept { return value >= 0 ? std::optional(value) : std::nullopt; }

    sinew_remote_info raw_{};
};

/// A key and a value that a server says of itself: UTF-8, any characters. Lent, like what it was made from.
class Property {
public:
    Property(std::string_view key, std::string_view value) noexcept : raw_{key.data(), key.size(), value.data(), value.size()} {}
    explicit Property(const sinew_property &raw) noexcept : raw_(raw) {}

    std::string_view key() const noexcept { return {raw_.key, raw_.key_len}; }
    std::string_view value() const noexcept { return {raw_.value, raw_.value_len}; }

private:
    sinew_property raw_;
};

// An array of these is given to the library as what they hold.
static_assert(sizeof(Property) == sizeof(sinew_property) && std::is_standard_layout_v<Property>);

/// All properties of an entry, to go through: for (sinew::Property property : entry.properties()).
class Properties {
public:
    class Iterator {
    public:
        explicit Iterator(const sinew_property *at) noexcept : at_(at) {}
        Property operator*() const noexcept { return Property(*at_); }
        Iterator &operator++() noexcept
        {
            ++at_;
            return *this;
        }
        friend bool operator==(Iterator a, Iterator b) noexcept { return a.at_ == b.at_; }
        friend bool operator!=(Iterator a, Iterator b) noexcept { return a.at_ != b.at_; }

    private:
        const sinew_property *at_;
    };

    Properties(const sinew_property *first, std::size_t count) noexcept : first_(first), count_(count) {}

    Iterator begin() const noexcept { return Iterator(first_); }
    Iterator end() const noexcept { return Iterator(first_ + count_); }
    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }

    /// The value of a key, if it is there. Looks at one after the other.
    std::optional<std::string_view> find(std::string_view key) const noexcept
    {
        for (const Property property : *this) {
            if (property.key() == key) {
                return property.value();
            }
        }
        return std::nullopt;
    }

private:
    const sinew_property *first_;
    std::size_t count_;
};

/// What stands of a server in a registry. Lent: from an event until the next poll, otherwise as long as what it was made from.
class Registration {
public:
    /// No entry: id 0.
    Registration() noexcept { raw_.size = sizeof raw_; }

    /// What a connector found in its registry, for RegistryConnector::server_joined.
    Registration(ServerId id, std::string_view group, std::string_view name, std::string_view host, std::uint16_t port,
                 const Property *properties = nullptr, std::size_t property_count = 0) noexcept
        : Registration()
    {
        raw_.id = id;
        raw_.group = group.data();
        raw_.group_len = group.size();
        raw_.name = name.data();
        raw_.name_len = name.size();
        raw_.host = host.data();
        raw_.host_len = host.size();
        raw_.port = port;
        raw_.properties = reinterpret_cast<const sinew_property *>(properties);
        raw_.property_count = property_count;
    }

    explicit Registration(const sinew_registration &raw) noexcept : raw_(raw) {}

    ServerId id() const noexcept { return raw_.id; }
    std::string_view group() const noexcept { return {raw_.group, raw_.group_len}; }
    /// Unique in its group.
    std::string_view name() const noexcept { return {raw_.name, raw_.name_len}; }
    /// What the others dial: a host name or an address, IPv6 without brackets.
    std::string_view host() const noexcept { return {raw_.host, raw_.host_len}; }
    std::uint16_t port() const noexcept { return static_cast<std::uint16_t>(raw_.port); }
    /// Of its group, in events. Not said in what is reported: there the configuration's word counts.
    Visibility visibility() const noexcept { return static_cast<Visibility>(raw_.visibility); }
    Properties properties() const noexcept { return Properties(raw_.properties, raw_.property_count); }

    /// As in sinew.h.
    const sinew_registration &raw() const noexcept { return raw_; }

private:
    sinew_registration raw_{};
};

} // namespace sinew

#endif
