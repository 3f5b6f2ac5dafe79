// Bytes that somebody else owns: what std::span<const std::uint8_t> is in C++20, for C++17 too.
#ifndef SINEW_BYTES_HPP
#define SINEW_BYTES_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sinew {

namespace detail {

// Whether T has data() and size(), and its elements are bytes.
template <typename T, typename = void>
struct holds_bytes : std::false_type {};

template <typename T>
struct holds_bytes<T, std::void_t<decltype(std::declval<const T &>().data()), decltype(std::declval<const T &>().size())>>
    : std::bool_constant<sizeof(*std::declval<const T &>().data()) == 1 &&
                         std::is_trivially_copyable_v<std::remove_pointer_t<decltype(std::declval<const T &>().data())>>> {};

} // namespace detail

/// Bytes that are lent, such as a message's payload: a pointer and a length, nothing is owned or copied.
///
/// Made from anything that holds bytes side by side: std::vector, std::array, std::string and std::span of one-byte elements, arrays of
/// std::uint8_t, a Writer, and text in quotes, whose NUL at the end is left out. Becomes a std::span<const std::uint8_t> where C++20
/// is there.
class Bytes {
public:
    using value_type = std::uint8_t;

    /// No bytes.
    constexpr Bytes() noexcept = default;

    /// `size` bytes from `data` on; `data` may be null if `size` is 0.
    constexpr Bytes(const std::uint8_t *data, std::size_t size) noexcept : data_(data), size_(size) {}

    /// `size` bytes of whatever lies there.
    Bytes(const void *data, std::size_t size) noexcept : data_(static_cast<const std::uint8_t *>(data)), size_(size) {}

    /// All bytes of an array.
    template <std::size_t N>
    constexpr Bytes(const std::uint8_t (&array)[N]) noexcept : data_(array), size_(N) {}

    /// Text up to its NUL, which is left out.
    Bytes(const char *text) noexcept : Bytes(std::string_view(text)) {}

    /// Is this a text with a NUL, or a buffer? Say Bytes(std::string_view(buffer)), or Bytes(buffer, size).
    template <std::size_t N>
    Bytes(char (&buffer)[N]) = delete;

    /// All bytes of a container.
    template <typename T, typename = std::enable_if_t<detail::holds_bytes<T>::value && !std::is_same_v<T, Bytes>>>
    Bytes(const T &container) noexcept : Bytes(static_cast<const void *>(container.data()), container.size()) {}

    constexpr const std::uint8_t *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr const std::uint8_t *begin() const noexcept { return data_; }
    constexpr const std::uint8_t *end() const noexcept { return data_ + size_; }

    /// Which must be below size().
    constexpr std::uint8_t operator[](std::size_t index) const noexcept { return data_[index]; }

    /// The same bytes as text. Nobody has looked whether they are UTF-8.
    std::string_view text() const noexcept
    {
        return size_ == 0 ? std::string_view() : std::string_view(static_cast<const char *>(static_cast<const void *>(data_)), size_);
    }

private:
    const std::uint8_t *data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace sinew

#endif
