// What functions answer.
#ifndef SINEW_RESULT_HPP
#define SINEW_RESULT_HPP

#include "names.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sinew {

/// Names a code and says what it means in a few words, for any number. Static.
inline std::string_view text(Code code) noexcept
{
    return code == Code::WrongLibrary ? "WRONG_LIBRARY: the loaded library speaks another ABI than this program was built for"
                                      : sinew_result_text(static_cast<sinew_result>(code));
}

/// The version of the loaded library, such as "0.1.0". Static.
inline std::string_view version() noexcept { return sinew_version(); }

/// What went wrong: a code to act on, and a sentence with the cause and the cure for people. It owns its sentence, so keep it as you like.
class [[nodiscard]] Error {
public:
    Error(Code code, std::string message) noexcept : code_(code), message_(std::move(message)) {}

    /// What went wrong with the last call that failed on this thread and answered `code`. Allocates.
    static Error last(Code code)
    {
        if (code == Code::Ok) {
            return Error(code, std::string());
        }
        if (code == Code::WrongLibrary) {
            const std::string ours = std::to_string(SINEW_ABI_VERSION), theirs = std::to_string(sinew_abi_version());
            return Error(code, "this program was built for version " + ours + " of Sinew's ABI, but the library that is loaded (" + sinew_version() +
                                   ") speaks version " + theirs + "; build the program with the headers of the library that it runs with");
        }
        std::string sentence(255, '\0');
        std::size_t needed = 0;
        // The second time it is long enough: the sentence changes only with a call on this thread.
        for (int i = 0; i < 2 && sinew_last_error(sentence.data(), sentence.size() + 1, &needed) == SINEW_RESULT_OK; i++) {
            const bool complete = needed <= sentence.size();
            sentence.resize(needed);
            if (complete) {
                break;
            }
        }
        return Error(code, std::move(sentence));
    }

    Code code() const noexcept { return code_; }

    /// The whole sentence, in UTF-8.
    const std::string &message() const noexcept { return message_; }

private:
    Code code_;
    std::string message_;
};

/// Success, or the code of what went wrong. As cheap as an int: the sentence is only fetched when you ask for it.
template <typename T>
class Result;

template <>
class [[nodiscard]] Result<void> {
public:
    constexpr Result() noexcept = default;
    constexpr Result(Code code) noexcept : code_(code) {}

    /// From what a function of sinew.h answered.
    static constexpr Result from(sinew_result result) noexcept { return Result(static_cast<Code>(result)); }

    constexpr bool ok() const noexcept { return code_ == Code::Ok; }
    constexpr explicit operator bool() const noexcept { return ok(); }
    constexpr Code code() const noexcept { return code_; }

    /// The whole sentence of what went wrong, or an empty one. Ask for it on the thread that made the call, and before that thread's next
    /// call that fails, of which it would be the sentence otherwise. Allocates.
    Error error() const { return Error::last(code_); }

    /// That it may fail is fine: says so where a result is not looked at.
    constexpr void ignore() const noexcept {}

private:
    Code code_ = Code::Ok;
};

/// A value, or the code of what went wrong. Where it failed the value is an empty one, never garbage.
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) noexcept : value_(std::move(value)) {}
    Result(Code code) noexcept : result_(code) {}
    Result(Result<void> result) noexcept : result_(result) {}

    bool ok() const noexcept { return result_.ok(); }
    explicit operator bool() const noexcept { return ok(); }
    Code code() const noexcept { return result_.code(); }
    /// As Result<void>::error.
    Error error() const { return result_.error(); }
    void ignore() const noexcept {}

    const T &value() const & noexcept { return value_; }
    T &value() & noexcept { return value_; }
    T &&value() && noexcept { return std::move(value_); }
    const T &operator*() const & noexcept { return value_; }
    T &operator*() & noexcept { return value_; }
    T &&operator*() && noexcept { return std::move(value_); }
    const T *operator->() const noexcept { return &value_; }
    T *operator->() noexcept { return &value_; }

private:
    T value_{};
    Result<void> result_;
};

namespace detail {

// The text that `copy` (buffer, capacity, needed) answers, however long it is and becomes meanwhile.
template <typename Copy>
Result<std::string> copied(Copy copy)
{
    std::string text(255, '\0');
    for (;;) {
        std::size_t needed = 0;
        const Result<void> result = Result<void>::from(copy(text.data(), text.size() + 1, &needed));
        if (!result) {
            return result;
        }
        const bool complete = needed <= text.size();
        text.resize(needed);
        if (complete) {
            return text;
        }
    }
}

} // namespace detail

} // namespace sinew

#endif
