// As much JSON as tests/vectors needs: strings with escapes, lists, objects, true, false and null. Numbers stand in strings there.
#ifndef SINEW_TESTS_JSON_HPP
#define SINEW_TESTS_JSON_HPP

#include "support.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

struct Json {
    enum class Kind { Null, Bool, Text, List, Object } kind = Kind::Null;
    bool truth = false;
    std::string text;
    std::vector<Json> list;
    std::vector<std::pair<std::string, Json>> members;

    const Json *find(std::string_view name) const
    {
        for (const auto &member : members) {
            if (member.first == name) {
                return &member.second;
            }
        }
        return nullptr;
    }

    const Json &at(std::string_view name) const
    {
        const Json *found = find(name);
        CHECK(found != nullptr);
        return *found;
    }
};

class JsonParser {
public:
    static Json read(const std::string &path)
    {
        std::ifstream file(path, std::ios::binary);
        CHECK(file.good());
        JsonParser parser{std::string(std::istreambuf_iterator<char>(file), {})};
        Json value = parser.value();
        CHECK(parser.peek() == '\0');
        return value;
    }

private:
    explicit JsonParser(std::string text) : text_(std::move(text)) {}

    char peek()
    {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
            at_++;
        }
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    bool accept(char expected)
    {
        const bool there = peek() == expected;
        at_ += there ? 1 : 0;
        return there;
    }

    bool accept(std::string_view word)
    {
        peek();
        const bool there = text_.compare(at_, word.size(), word) == 0;
        at_ += there ? word.size() : 0;
        return there;
    }

    Json value()
    {
        Json json;
        if (accept('{')) {
            json.kind = Json::Kind::Object;
            while (!accept('}')) {
                std::string name = string();
                CHECK(accept(':'));
                json.members.emplace_back(std::move(name), value());
                CHECK(accept(',') || peek() == '}');
            }
        } else if (accept('[')) {
            json.kind = Json::Kind::List;
            while (!accept(']')) {
                json.list.push_back(value());
                CHECK(accept(',') || peek() == ']');
            }
        } else if (peek() == '"') {
            json.kind = Json::Kind::Text;
            json.text = string();
        } else if (accept("true") || accept("false")) {
            json.kind = Json::Kind::Bool;
            json.truth = text_[at_ - 2] == 'u';
        } else {
            CHECK(accept("null"));
        }
        return json;
    }

    std::uint32_t hex4()
    {
        CHECK(at_ + 4 <= text_.size());
        const std::string digits = text_.substr(at_, 4);
        at_ += 4;
        return static_cast<std::uint32_t>(std::strtoul(digits.c_str(), nullptr, 16));
    }

    std::string string()
    {
        std::string text;
        CHECK(accept('"'));
        while (text_[at_] != '"') {
            CHECK(at_ + 1 < text_.size());
            char character = text_[at_++];
            if (character != '\\') {
                text += character;
                continue;
            }
            character = text_[at_++];
            if (character == 'u') {
                std::uint32_t code = hex4();
                if (code >= 0xd800 && code < 0xdc00) {
                    at_ += 2; // the \u of its other half
                    code = 0x10000 + ((code - 0xd800) << 10) + (hex4() - 0xdc00);
                }
                sinew::Writer utf8;
                utf8.write_char(static_cast<char32_t>(code));
                text += utf8.bytes().text();
            } else {
                const std::string_view short_names = "bfnrt", meanings = "\b\f\n\r\t";
                const auto index = short_names.find(character);
                text += index == std::string_view::npos ? character : meanings[index];
            }
        }
        at_++;
        return text;
    }

    std::string text_;
    std::size_t at_ = 0;
};

#endif
