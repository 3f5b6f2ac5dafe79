// Takes payloads apart, whoever wrote them: docs/messages.md specifies the bytes.
#ifndef SINEW_READER_HPP
#define SINEW_READER_HPP

#include "result.hpp"
#include "utf8.hpp"
#include "writer.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sinew {

/// Reads a payload field by field, in the order and with the types it was written.
///
/// A read that fails gives 0 or an empty value, and so does every read after it: read all fields, then ask finish() once. Payloads may come
/// from anywhere: no announced length is believed before that many bytes are there, and nothing is allocated. Text and bytes point
/// into the payload.
///
///     sinew::Reader reader(message.payload);
///     const std::uint64_t population = reader.read_u64();
///     const std::string_view name = reader.read_str();
///     if (!reader.finish()) { log(reader.error().message()); return; }
class Reader {
public:
    explicit Reader(Bytes payload) noexcept : payload_(payload) {}

    std::uint8_t read_u8() noexcept { return take(1, "a u8") ? payload_[at_ - 1] : std::uint8_t{0}; }
    std::uint16_t read_u16() noexcept { return static_cast<std::uint16_t>(number(detail::TWO_BYTES, "a u16")); }
    std::uint32_t read_u32() noexcept { return static_cast<std::uint32_t>(number(detail::FOUR_BYTES, "a u32")); }
    std::uint64_t read_u64() noexcept { return number(detail::EIGHT_BYTES, "a u64"); }
    U128 read_u128() noexcept { return number128("a u128"); }
    std::int8_t read_i8() noexcept { return static_cast<std::int8_t>(take(1, "an i8") ? payload_[at_ - 1] : 0); }
    std::int16_t read_i16() noexcept { return static_cast<std::int16_t>(unfold(number(detail::TWO_BYTES, "an i16"))); }
    std::int32_t read_i32() noexcept { return static_cast<std::int32_t>(unfold(number(detail::FOUR_BYTES, "an i32"))); }
    std::int64_t read_i64() noexcept { return unfold(number(detail::EIGHT_BYTES, "an i64")); }
    I128 read_i128() noexcept
    {
        const U128 folded = number128("an i128");
        const std::uint64_t sign = (folded.low & 1) != 0 ? ~std::uint64_t{0} : 0;
        return {((folded.low >> 1) | (folded.high << 63)) ^ sign, (folded.high >> 1) ^ sign};
    }

    /// Every bit is kept, those of a NaN too.
    float read_f32() noexcept
    {
        const std::uint32_t bits = take(4, "an f32") ? static_cast<std::uint32_t>(get(at_ - 4, 4)) : 0;
        float value;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }
    /// Every bit is kept, those of a NaN too.
    double read_f64() noexcept
    {
        const std::uint64_t bits = take(8, "an f64") ? get(at_ - 8, 8) : 0;
        double value;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }

    bool read_bool() noexcept { return zero_or_one("a bool"); }

    /// One character written without a length.
    char32_t read_char() noexcept
    {
        char32_t character = 0;
        const std::size_t width = ok() ? detail::character(Bytes(payload_.data() + at_, remaining()), character) : 0;
        if (width == 0) {
            fail(Why::NoCharacter, "a char", remaining());
            return 0;
        }
        at_ += width;
        return character;
    }

    /// Text with its length in front: UTF-8, no NUL behind it.
    std::string_view read_str() noexcept
    {
        const std::size_t start = at_;
        const Bytes bytes = counted("a text");
        const std::size_t valid = detail::valid_utf8(bytes);
        if (valid < bytes.size()) {
            const std::size_t bad = at_ - bytes.size() + valid;
            at_ = start;
            fail(Why::NotUtf8, "a text", bad);
            return std::string_view();
        }
        return bytes.text();
    }

    /// Bytes with their length in front.
    Bytes read_bytes() noexcept { return counted("a run of bytes"); }

    /// The next `count` bytes.
    Bytes read_raw(std::size_t count) noexcept
    {
        return take(count, "a run of raw bytes") ? Bytes(payload_.data() + at_ - count, count) : Bytes();
    }

    /// The number of elements of the sequence or map that starts here: never more than remaining(), for each takes at least a byte. 0
    /// once a read has failed, so a loop over it ends.
    std::size_t read_len() noexcept { return length("a sequence"); }

    /// Whether an optional value is there: it follows after true.
    bool read_some() noexcept { return zero_or_one("the start of an optional value"); }

    /// An optional value; `read` (this) is called for one that is there.
    template <typename Read>
    auto read_option(Read read) -> std::optional<decltype(read(*this))>
    {
        if (!read_some()) {
            return std::nullopt;
        }
        auto value = read(*this);
        return ok() ? std::optional<decltype(read(*this))>(value) : std::nullopt;
    }

    /// Whether every read so far has succeeded.
    bool ok() const noexcept { return why_ == Why::Nothing; }

    /// Whether every read has succeeded and nothing is left over, which mostly means that both ends agree about the fields.
    [[nodiscard]] bool finish() noexcept
    {
        if (ok() && remaining() > 0) {
            fail(Why::LeftOver, "", remaining());
        }
        return ok();
    }

    /// The offset of the next byte to read; after a read that failed, of the value that could not be read.
    std::size_t position() const noexcept { return at_; }

    /// The bytes not read yet.
    std::size_t remaining() const noexcept { return payload_.size() - at_; }

    /// Forgets the failure: the reader stands before the value that could not be read, and another read may be tried.
    void retry() noexcept { why_ = Why::Nothing; }

    /// Code::InvalidData with the offset and what was found there, or Code::Ok. Allocates.
    Error error() const
    {
        if (ok()) {
            return Error(Code::Ok, std::string());
        }
        return Error(Code::InvalidData, "the data ends or is malformed at byte " + std::to_string(at_) + ": " + reason());
    }

private:
    enum class Why : std::uint8_t { Nothing, Ends, TooWide, NeitherZeroNorOne, NoCharacter, NotUtf8, TooLong, LeftOver };

    // The first failure counts: what comes after it is only its consequence.
    void fail(Why why, const char *what, std::uint64_t figure) noexcept
    {
        if (ok()) {
            why_ = why;
            what_ = what;
            figure_ = figure;
        }
    }

    bool take(std::size_t count, const char *what) noexcept
    {
        if (!ok() || count > remaining()) {
            fail(Why::Ends, what, count);
            return false;
        }
        at_ += count;
        return true;
    }

    std::uint64_t get(std::size_t at, unsigned bytes) const noexcept
    {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < bytes; i++) {
            value |= static_cast<std::uint64_t>(payload_[at + i]) << (8 * i);
        }
        return value;
    }

    static constexpr std::int64_t unfold(std::uint64_t folded) noexcept
    {
        return static_cast<std::int64_t>((folded >> 1) ^ ((folded & 1) != 0 ? ~std::uint64_t{0} : 0));
    }

    static constexpr unsigned width(std::uint8_t marker) noexcept { return 2u << (marker - detail::TWO_BYTES); }

    // A number in one of the forms up to `widest`; a longer one than necessary is fine.
    std::uint64_t number(std::uint8_t widest, const char *what) noexcept
    {
        if (!ok() || remaining() == 0) {
            fail(Why::Ends, what, 1);
            return 0;
        }
        const std::uint8_t marker = payload_[at_];
        if (marker <= detail::LAST_SMALL) {
            at_++;
            return marker;
        }
        if (marker > widest) {
            fail(Why::TooWide, what, marker);
            return 0;
        }
        const unsigned bytes = width(marker);
        return take(1 + bytes, what) ? get(at_ - bytes, bytes) : 0;
    }

    U128 number128(const char *what) noexcept
    {
        if (ok() && remaining() > 0 && payload_[at_] == detail::SIXTEEN_BYTES) {
            return take(17, what) ? U128{get(at_ - 16, 8), get(at_ - 8, 8)} : U128{};
        }
        return {number(detail::SIXTEEN_BYTES, what), 0};
    }

    bool zero_or_one(const char *what) noexcept
    {
        if (!ok() || remaining() == 0) {
            fail(Why::Ends, what, 1);
            return false;
        }
        if (payload_[at_] > 1) {
            fail(Why::NeitherZeroNorOne, what, payload_[at_]);
            return false;
        }
        return payload_[at_++] == 1;
    }

    // A count of things that take at least a byte each.
    std::size_t length(const char *what) noexcept
    {
        const std::size_t start = at_;
        const std::uint64_t count = number(detail::EIGHT_BYTES, "a length");
        if (count > remaining()) {
            at_ = start;
            fail(Why::TooLong, what, count);
            return 0;
        }
        return static_cast<std::size_t>(count);
    }

    Bytes counted(const char *what) noexcept
    {
        const std::size_t count = length(what);
        at_ += count;
        return ok() ? Bytes(payload_.data() + at_ - count, count) : Bytes();
    }

    std::string reason() const
    {
        const std::string what = what_, figure = std::to_string(figure_), left = std::to_string(remaining());
        const char *const cure = "; read the fields with the types and in the order they were written";
        switch (why_) {
        case Why::Ends:
            return what + " takes " + figure + " bytes here, but " + left + " are left" + cure;
        case Why::TooWide:
            return (figure_ == 255 ? "the byte 255 begins no number" : "the byte " + figure + " begins a number that is wider than " + what + " can be") +
                   cure;
        case Why::NeitherZeroNorOne:
            return what + " is 0 or 1, not " + figure + cure;
        case Why::NoCharacter:
            return "no UTF-8 character begins in the " + figure + " bytes that are left" + cure;
        case Why::NotUtf8:
            return what + " is not UTF-8 at byte " + figure + cure;
        case Why::TooLong:
            return what + " of " + figure + (what == "a sequence" ? " elements" : " bytes") + " is announced, but fewer bytes follow" + cure;
        case Why::LeftOver:
            return figure + " bytes are left over; read every field that was written, or take the rest with read_raw";
        case Why::Nothing:
            break;
        }
        return std::string();
    }

    Bytes payload_;
    std::size_t at_ = 0;
    std::uint64_t figure_ = 0;
    const char *what_ = "";
    Why why_ = Why::Nothing;
};

} // namespace sinew

#endif
