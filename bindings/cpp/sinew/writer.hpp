// Fills payloads, with the same bytes in every language: docs/messages.md specifies them.
#ifndef SINEW_WRITER_HPP
#define SINEW_WRITER_HPP

#include "bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace sinew {

/// An unsigned number of 128 bits in two halves, since not every compiler has one.
struct U128 {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend constexpr bool operator==(U128 a, U128 b) noexcept { return a.low == b.low && a.high == b.high; }
    friend constexpr bool operator!=(U128 a, U128 b) noexcept { return !(a == b); }
};

/// A signed number of 128 bits (two's complement) in two halves: -1 has all bits set in both.
struct I128 {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend constexpr bool operator==(I128 a, I128 b) noexcept { return a.low == b.low && a.high == b.high; }
    friend constexpr bool operator!=(I128 a, I128 b) noexcept { return !(a == b); }
};

namespace detail {

// The first byte of a number that takes more than that byte.
inline constexpr std::uint8_t LAST_SMALL = 250;
inline constexpr std::uint8_t TWO_BYTES = 251;
inline constexpr std::uint8_t FOUR_BYTES = 252;
inline constexpr std::uint8_t EIGHT_BYTES = 253;
inline constexpr std::uint8_t SIXTEEN_BYTES = 254;

// Numbers close to zero become small ones: 0, -1, 1, -2 are 0, 1, 2, 3.
constexpr std::uint64_t fold(std::int64_t number) noexcept
{
    return (static_cast<std::uint64_t>(number) << 1) ^ (number < 0 ? ~std::uint64_t{0} : 0);
}

} // namespace detail

/// Fills a payload field by field: a Reader takes the same fields in the same order. Hand it to send() as it is.
///
/// Keep one and clear() it between messages: then it allocates only until it has seen the longest. Over storage of yours it never
/// allocates; what does not fit there makes ok() false and leaves the payload empty.
///
///     writer.write_u64(70000).write_str("Köln").write_some().write_u32(7);
class Writer {
public:
    /// Grows as it needs to.
    Writer() = default;

    /// Writes into `storage`, which must live as long as this, and never beyond `capacity` bytes.
    Writer(std::uint8_t *storage, std::size_t capacity) noexcept : storage_(storage), capacity_(capacity), fixed_(true) {}

    /// Writes into an array, which must live as long as this.
    template <std::size_t N>
    explicit Writer(std::uint8_t (&storage)[N]) noexcept : Writer(storage, N)
    {
    }

    /// A number of 8 bits takes 1 byte; all others as few as their value needs.
    Writer &write_u8(std::uint8_t value) { return append(&value, 1); }
    Writer &write_u16(std::uint16_t value) { return number(value); }
    Writer &write_u32(std::uint32_t value) { return number(value); }
    Writer &write_u64(std::uint64_t value) { return number(value); }
    Writer &write_u128(U128 value)
    {
        if (value.high == 0) {
            return number(value.low);
        }
        std::uint8_t bytes[17] = {detail::SIXTEEN_BYTES};
        put(bytes + 1, value.low, 8);
        put(bytes + 9, value.high, 8);
        return append(bytes, sizeof bytes);
    }
    Writer &write_i8(std::int8_t value) { return write_u8(static_cast<std::uint8_t>(value)); }
    Writer &write_i16(std::int16_t value) { return number(detail::fold(value)); }
    Writer &write_i32(std::int32_t value) { return number(detail::fold(value)); }
    Writer &write_i64(std::int64_t value) { return number(detail::fold(value)); }
    Writer &write_i128(I128 value)
    {
        const std::uint64_t sign = (value.high >> 63) != 0 ? ~std::uint64_t{0} : 0;
        return write_u128({(value.low << 1) ^ sign, ((value.high << 1) | (value.low >> 63)) ^ sign});
    }

    /// Every bit is kept, those of a NaN too.
    Writer &write_f32(float value)
    {
        static_assert(sizeof value == 4, "IEEE 754");
        std::uint32_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        std::uint8_t bytes[4];
        put(bytes, bits, sizeof bytes);
        return append(bytes, sizeof bytes);
    }
    /// Every bit is kept, those of a NaN too.
    Writer &write_f64(double value)
    {
        static_assert(sizeof value == 8, "IEEE 754");
        std::uint64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        std::uint8_t bytes[8];
        put(bytes, bits, sizeof bytes);
        return append(bytes, sizeof bytes);
    }

    Writer &write_bool(bool value) { return write_u8(value ? 1 : 0); }

    /// One Unicode character as UTF-8, without a length. What is none (a surrogate, over U+10FFFF) becomes U+FFFD.
    Writer &write_char(char32_t character)
    {
        std::uint32_t c = static_cast<std::uint32_t>(character);
        if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            c = 0xfffd;
        }
        const auto tail = [c](unsigned shift) { return static_cast<std::uint8_t>(0x80u | ((c >> shift) & 0x3fu)); };
        const auto head = [c](std::uint32_t mark, unsigned shift) { return static_cast<std::uint8_t>(mark | (c >> shift)); };
        if (c < 0x80) {
            return write_u8(static_cast<std::uint8_t>(c));
        }
        if (c < 0x800) {
            const std::uint8_t bytes[] = {head(0xc0, 6), tail(0)};
            return append(bytes, sizeof bytes);
        }
        if (c < 0x10000) {
            const std::uint8_t bytes[] = {head(0xe0, 12), tail(6), tail(0)};
            return append(bytes, sizeof bytes);
        }
        const std::uint8_t bytes[] = {head(0xf0, 18), tail(12), tail(6), tail(0)};
        return append(bytes, sizeof bytes);
    }

    /// Text with its length in front. It must be UTF-8: nobody looks here, and a reader refuses what is not.
    Writer &write_str(std::string_view text) { return write_bytes(text); }

    /// Bytes with their length in front.
    Writer &write_bytes(Bytes bytes)
    {
        number(bytes.size());
        return write_raw(bytes);
    }

    /// Bytes alone; the reader must know how many.
    Writer &write_raw(Bytes bytes) { return append(bytes.data(), bytes.size()); }

    /// Begins a sequence or a map of `count` elements, which follow.
    Writer &write_len(std::size_t count) { return number(count); }

    /// An optional value that is missing.
    Writer &write_none() { return write_u8(0); }

    /// An optional value that is there: it follows.
    Writer &write_some() { return write_u8(1); }

    /// An optional value; `write` (this, value) is called for one that is there.
    template <typename T, typename Write>
    Writer &write_option(const std::optional<T> &value, Write write)
    {
        if (!value) {
            return write_none();
        }
        write_some();
        write(*this, *value);
        return *this;
    }

    /// Whether everything fitted. Always true without storage of yours.
    bool ok() const noexcept { return ok_; }

    const std::uint8_t *data() const noexcept { return fixed_ ? storage_ : grown_.data(); }
    std::size_t size() const noexcept { return fixed_ ? length_ : grown_.size(); }
    Bytes bytes() const noexcept { return Bytes(data(), size()); }

    /// Begins anew, with the memory there is.
    void clear() noexcept
    {
        grown_.clear();
        length_ = 0;
        ok_ = true;
    }

private:
    static void put(std::uint8_t *to, std::uint64_t value, unsigned bytes) noexcept
    {
        for (unsigned i = 0; i < bytes; i++) {
            to[i] = static_cast<std::uint8_t>(value >> (8 * i));
        }
    }

    Writer &number(std::uint64_t value)
    {
        std::uint8_t bytes[9];
        if (value <= detail::LAST_SMALL) {
            return write_u8(static_cast<std::uint8_t>(value));
        }
        const unsigned width = value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
        bytes[0] = width == 2 ? detail::TWO_BYTES : width == 4 ? detail::FOUR_BYTES : detail::EIGHT_BYTES;
        put(bytes + 1, value, width);
        return append(bytes, 1 + width);
    }

    Writer &append(const std::uint8_t *bytes, std::size_t count)
    {
        if (!fixed_) {
            grown_.insert(grown_.end(), bytes, bytes + count);
        } else if (ok_ && count <= capacity_ - length_) {
            if (count > 0) {
                std::memcpy(storage_ + length_, bytes, count);
            }
            length_ += count;
        } else {
            // Half of a message would be read as another one.
            ok_ = false;
            length_ = 0;
        }
        return *this;
    }

    std::vector<std::uint8_t> grown_;
    std::uint8_t *storage_ = nullptr;
    std::size_t capacity_ = 0, length_ = 0;
    bool fixed_ = false, ok_ = true;
};

} // namespace sinew

#endif
