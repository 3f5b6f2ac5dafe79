// Whether bytes are UTF-8.
#ifndef SINEW_UTF8_HPP
#define SINEW_UTF8_HPP

#include "bytes.hpp"

#include <cstddef>
#include <cstdint>

namespace sinew {
namespace detail {

// How many bytes the character at the beginning of `bytes` takes, which it becomes; 0 if there is none. Refuses overlong forms,
// surrogates and numbers over U+10FFFF (RFC 3629, section 4).
inline std::size_t character(Bytes bytes, char32_t &out) noexcept
{
    if (bytes.empty()) {
        return 0;
    }
    const std::uint8_t first = bytes[0];
    if (first < 0x80) {
        out = first;
        return 1;
    }
    const std::size_t width = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    if (width == 0 || bytes.size() < width) {
        return 0;
    }
    std::uint32_t number = first & (0xffu >> (width + 1));
    for (std::size_t i = 1; i < width; i++) {
        if ((bytes[i] & 0xc0u) != 0x80u) {
            return 0;
        }
        number = number << 6 | (bytes[i] & 0x3fu);
    }
    if ((width == 3 && (number < 0x800 || (number >= 0xd800 && number <= 0xdfff))) || (width == 4 && (number < 0x10000 || number > 0x10ffff))) {
        return 0;
    }
    out = static_cast<char32_t>(number);
    return width;
}

// The index of the first byte that is not UTF-8, or the size if all are.
inline std::size_t valid_utf8(Bytes bytes) noexcept
{
    std::size_t at = 0;
    char32_t ignored = 0;
    while (at < bytes.size()) {
        const std::size_t width = character(Bytes(bytes.data() + at, bytes.size() - at), ignored);
        if (width == 0) {
            break;
        }
        at += width;
    }
    return at;
}

} // namespace detail
} // namespace sinew

#endif
