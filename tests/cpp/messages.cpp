// Writer and Reader against tests/vectors (docs/messages.md says what they hold), and what only C++ can do with them.
#include "json.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace {

std::vector<std::uint8_t> from_hex(const std::string &digits)
{
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::strtoul(digits.substr(i, 2).c_str(), nullptr, 16)));
    }
    return bytes;
}

// Decimal digits, as the two halves of a number of 128 bits.
sinew::U128 decimal(const std::string &digits)
{
    sinew::U128 value;
    for (const char digit : digits) {
        if (digit == '-') {
            continue;
        }
        // Times ten, in pieces of 32 bits.
        std::uint64_t carry = static_cast<std::uint64_t>(digit - '0');
        std::uint64_t pieces[4] = {value.low & 0xffffffff, value.low >> 32, value.high & 0xffffffff, value.high >> 32};
        for (std::uint64_t &piece : pieces) {
            carry += piece * 10;
            piece = carry & 0xffffffff;
            carry >>= 32;
        }
        CHECK(carry == 0);
        value = {pieces[0] | pieces[1] << 32, pieces[2] | pieces[3] << 32};
    }
    if (digits[0] == '-') {
        value = {~value.low + 1, ~value.high + (value.low == 0 ? 1 : 0)};
    }
    return value;
}

char32_t character(const std::string &text)
{
    sinew::Reader reader{sinew::Bytes(text)};
    const char32_t value = reader.read_char();
    CHECK(reader.finish());
    return value;
}

void write(sinew::Writer &writer, const Json &op);

void write_all(sinew::Writer &writer, const Json &ops)
{
    for (const Json &op : ops.list) {
        write(writer, op);
    }
}

void write(sinew::Writer &writer, const Json &op)
{
    const std::string &name = op.at("op").text;
    const Json &value = op.at("value");
    const sinew::U128 number = name[0] == 'u' || name[0] == 'i' ? decimal(value.text) : sinew::U128{};
    if (name == "u8") {
        writer.write_u8(static_cast<std::uint8_t>(number.low));
    } else if (name == "u16") {
        writer.write_u16(static_cast<std::uint16_t>(number.low));
    } else if (name == "u32") {
        writer.write_u32(static_cast<std::uint32_t>(number.low));
    } else if (name == "u64") {
        writer.write_u64(number.low);
    } else if (name == "u128") {
        writer.write_u128(number);
    } else if (name == "i8") {
        writer.write_i8(static_cast<std::int8_t>(number.low));
    } else if (name == "i16") {
        writer.write_i16(static_cast<std::int16_t>(number.low));
    } else if (name == "i32") {
        writer.write_i32(static_cast<std::int32_t>(number.low));
    } else if (name == "i64") {
        writer.write_i64(static_cast<std::int64_t>(number.low));
    } else if (name == "i128") {
        writer.write_i128({number.low, number.high});
    } else if (name == "f32") {
        const auto bits = static_cast<std::uint32_t>(std::strtoul(value.text.c_str(), nullptr, 16));
        float real;
        std::memcpy(&real, &bits, sizeof real);
        writer.write_f32(real);
    } else if (name == "f64") {
        const std::uint64_t bits = std::strtoull(value.text.c_str(), nullptr, 16);
        double real;
        std::memcpy(&real, &bits, sizeof real);
        writer.write_f64(real);
    } else if (name == "bool") {
        writer.write_bool(value.truth);
    } else if (name == "char") {
        writer.write_char(character(value.text));
    } else if (name == "str") {
        writer.write_str(value.text);
    } else if (name == "bytes") {
        writer.write_bytes(from_hex(value.text));
    } else if (name == "raw") {
        writer.write_raw(from_hex(value.text));
    } else if (name == "option") {
        const std::optional<Json> there = value.kind == Json::Kind::Null ? std::nullopt : std::optional(value);
        writer.write_option(there, write_all);
    } else {
        CHECK(name == "seq");
        writer.write_len(value.list.size());
        for (const Json &element : value.list) {
            write_all(writer, element);
        }
    }
}

// Reads what `op` says, and whether it is the value in it.
bool reads(sinew::Reader &reader, const Json &op);

bool reads_all(sinew::Reader &reader, const Json &ops)
{
    bool same = true;
    for (const Json &op : ops.list) {
        same = reads(reader, op) && same;
    }
    return same && reader.ok();
}

bool reads(sinew::Reader &reader, const Json &op)
{
    const std::string &name = op.at("op").text;
    const Json &value = op.at("value");
    const sinew::U128 number = name[0] == 'u' || name[0] == 'i' ? decimal(value.text) : sinew::U128{};
    if (name == "u8") {
        return reader.read_u8() == number.low;
    } else if (name == "u16") {
        return reader.read_u16() == number.low;
    } else if (name == "u32") {
        return reader.read_u32() == number.low;
    } else if (name == "u64") {
        return reader.read_u64() == number.low;
    } else if (name == "u128") {
        return reader.read_u128() == number;
    } else if (name == "i8") {
        return reader.read_i8() == static_cast<std::int8_t>(number.low);
    } else if (name == "i16") {
        return reader.read_i16() == static_cast<std::int16_t>(number.low);
    } else if (name == "i32") {
        return reader.read_i32() == static_cast<std::int32_t>(number.low);
    } else if (name == "i64") {
        return reader.read_i64() == static_cast<std::int64_t>(number.low);
    } else if (name == "i128") {
        return reader.read_i128() == sinew::I128{number.low, number.high};
    } else if (name == "f32") {
        const float real = reader.read_f32();
        std::uint32_t bits;
        std::memcpy(&bits, &real, sizeof bits);
        return bits == std::strtoul(value.text.c_str(), nullptr, 16);
    } else if (name == "f64") {
        const double real = reader.read_f64();
        std::uint64_t bits;
        std::memcpy(&bits, &real, sizeof bits);
        return bits == std::strtoull(value.text.c_str(), nullptr, 16);
    } else if (name == "bool") {
        return reader.read_bool() == value.truth;
    } else if (name == "char") {
        return reader.read_char() == character(value.text);
    } else if (name == "str") {
        return reader.read_str() == value.text;
    } else if (name == "bytes") {
        return reader.read_bytes().text() == sinew::Bytes(from_hex(value.text)).text();
    } else if (name == "raw") {
        const auto bytes = from_hex(value.text);
        return reader.read_raw(bytes.size()).text() == sinew::Bytes(bytes).text();
    } else if (name == "option") {
        const std::optional<bool> there = reader.read_option([&](sinew::Reader &inside) { return reads_all(inside, value); });
        return there.value_or(true) && there.has_value() == (value.kind != Json::Kind::Null);
    }
    CHECK(name == "seq");
    bool same = reader.read_len() == value.list.size();
    for (const Json &element : value.list) {
        same = reads_all(reader, element) && same;
    }
    return same;
}

// The read that must be refused.
void read_named(sinew::Reader &reader, const std::string &name, const Json &vector)
{
    if (name == "some") {
        CHECK(!reader.read_some());
    } else if (name == "len") {
        CHECK(reader.read_len() == 0);
    } else if (name == "finish") {
        CHECK(!reader.finish());
    } else if (name == "raw") {
        CHECK(reader.read_raw(std::strtoull(vector.at("length").text.c_str(), nullptr, 10)).empty());
    } else {
        Json op, zero;
        op.kind = Json::Kind::Object;
        zero.kind = Json::Kind::Text;
        zero.text = name == "char" ? "x" : name == "str" || name == "bytes" ? "" : "0";
        op.members = {{"op", Json{Json::Kind::Text, false, name, {}, {}}}, {"value", zero}};
        (void)reads(reader, op);
    }
}

void vectors(const std::string &folder)
{
    std::size_t written = 0, readable = 0, rejected = 0;
    for (const char *const file : {"written", "readable", "rejected"}) {
        const Json json = JsonParser::read(folder + "/" + file + ".json");
        for (const Json &vector : json.at("vectors").list) {
            const std::vector<std::uint8_t> bytes = from_hex(vector.at("hex").text);
            const Json &ops = vector.at("ops");
            sinew::Reader reader{sinew::Bytes(bytes)};
            bool right = reads_all(reader, ops);
            if (file == std::string_view("rejected")) {
                const std::size_t offset = std::strtoull(vector.at("offset").text.c_str(), nullptr, 10);
                read_named(reader, vector.at("fails").text, vector);
                const sinew::Error error = reader.error();
                right = right && !reader.ok() && reader.position() == offset && error.code() == sinew::Code::InvalidData &&
                        error.message().find("at byte " + std::to_string(offset) + ": ") != std::string::npos;
                // It stays refused, and it stays there, until another read is wanted.
                right = right && reader.read_u8() == 0 && reader.position() == offset && !reader.finish();
                reader.retry();
                right = right && reader.ok() && (offset == bytes.size() || reader.read_u8() == bytes[offset]);
                rejected++;
            } else {
                right = right && reader.finish() && reader.error().code() == sinew::Code::Ok;
                if (file == std::string_view("written")) {
                    sinew::Writer writer;
                    write_all(writer, ops);
                    right = right && writer.bytes().text() == sinew::Bytes(bytes).text();
                    // Storage of exactly this size is enough, and of one byte less is not.
                    std::vector<std::uint8_t> storage(bytes.size());
                    sinew::Writer fitting(storage.data(), storage.size());
                    write_all(fitting, ops);
                    right = right && fitting.ok() && fitting.bytes().text() == sinew::Bytes(bytes).text();
                    if (!bytes.empty()) {
                        sinew::Writer small(storage.data(), storage.size() - 1);
                        write_all(small, ops);
                        right = right && !small.ok() && small.size() == 0;
                        small.clear();
                        right = right && small.ok();
                    }
                    written++;
                } else {
                    readable++;
                }
            }
            if (!right) {
                std::fprintf(stderr, "%s: \"%s\" does not hold: %s\n", file, vector.at("name").text.c_str(), reader.error().message().c_str());
                std::exit(1);
            }
        }
    }
    CHECK(written > 80 && readable > 8 && rejected > 80);
    std::printf("%zu written, %zu readable, %zu rejected\n", written, readable, rejected);
}

void failures()
{
    const std::uint8_t forged[] = {1, 253, 255, 255, 255, 255, 255, 255, 255, 127};
    sinew::Reader reader(forged);
    CHECK(reader.read_bool() && reader.read_len() == 0 && reader.read_str().empty() && reader.position() == 1 && reader.remaining() == 9);
    check_says(reader.error().message(), "a sequence of 9223372036854775807 elements is announced", __FILE__, __LINE__);
    // The first failure is the one that is told, and a loop over what was announced ends.
    sinew::Reader other(forged);
    other.read_u16();
    CHECK(other.read_u16() == 0);
    check_says(other.error().message(), "at byte 1: the byte 253 begins a number that is wider than a u16 can be", __FILE__, __LINE__);
    sinew::Reader text(sinew::Bytes("\x03k\xc3x"));
    CHECK(text.read_str().empty() && text.position() == 0);
    check_says(text.error().message(), "not UTF-8 at byte 2", __FILE__, __LINE__);
    sinew::Reader nothing{sinew::Bytes()};
    CHECK(nothing.finish() && nothing.read_raw(0).empty() && nothing.ok() && nothing.read_f64() <= 0 && !nothing.ok());
    sinew::Reader left(sinew::Bytes("ab"));
    CHECK(!left.finish());
    check_says(left.error().message(), "2 bytes are left over", __FILE__, __LINE__);

    // What is no character is written as the one that stands for that.
    sinew::Writer writer;
    writer.write_char(static_cast<char32_t>(0xd800)).write_char(static_cast<char32_t>(0x110000));
    CHECK(writer.bytes().text() == "\xef\xbf\xbd\xef\xbf\xbd");

    // Half of a message is not sent: what did not fit leaves nothing, also if a shorter field would fit afterwards.
    std::uint8_t storage[4];
    sinew::Writer small(storage);
    small.write_u8(1).write_str("too long").write_u8(2);
    CHECK(!small.ok() && small.size() == 0 && small.bytes().empty());
}

// Bytes from everywhere: nothing is read that is not there (the sanitizers look), and every reader ends.
void noise()
{
    std::uint64_t state = 88172645463325252u;
    for (int round = 0; round < 20000; round++) {
        std::vector<std::uint8_t> bytes;
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        for (std::uint64_t i = 0, length = state % 40; i < length; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            bytes.push_back(static_cast<std::uint8_t>(state % 3 == 0 ? 250 + state / 3 % 6 : state / 3));
        }
        sinew::Reader reader{sinew::Bytes(bytes)};
        for (int i = 0; i < 50 && reader.ok(); i++) {
            const std::size_t before = reader.position();
            switch ((state >> (i % 56)) % 12) {
            case 0: reader.read_u8(); break;
            case 1: reader.read_u16(); break;
            case 2: reader.read_u64(); break;
            case 3: reader.read_u128(); break;
            case 4: reader.read_i128(); break;
            case 5: reader.read_f32(); break;
            case 6: CHECK(sinew::detail::valid_utf8(reader.read_str()) <= bytes.size()); break;
            case 7: CHECK(reader.read_bytes().size() <= bytes.size()); break;
            case 8: reader.read_char(); break;
            case 9: CHECK(reader.read_len() <= bytes.size()); break;
            case 10: reader.read_some(); break;
            default: CHECK(reader.read_raw(state % 5).size() <= 4); break;
            }
            CHECK(reader.position() <= bytes.size() && (reader.ok() || reader.position() == before));
        }
    }
}

} // namespace

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    vectors(argv[1]);
    failures();
    noise();
    return 0;
}
