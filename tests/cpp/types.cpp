// What the header promises of its types, checked when it is compiled: this and types_again.cpp are one program, and only compiled with every
// compiler, standard and set of flags.
#include <sinew.hpp>

#include <array>
#include <string>
#include <type_traits>
#include <vector>

#if __cplusplus >= 202002L
#include <span>
#endif

namespace {

template <typename T>
constexpr bool MOVES_ONLY = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> && !std::is_copy_constructible_v<T> &&
                            !std::is_copy_assignable_v<T>;
static_assert(MOVES_ONLY<sinew::Server> && MOVES_ONLY<sinew::Result<sinew::Server>>);

// What sending and polling hands around is as cheap as what C hands around.
static_assert(sizeof(sinew::Result<void>) == sizeof(sinew_result) && std::is_trivially_copyable_v<sinew::Result<void>>);
static_assert(std::is_trivially_copyable_v<sinew::Event> && sizeof(sinew::Event) == 2 * sizeof(void *));
static_assert(std::is_trivially_copyable_v<sinew::Batch> && std::is_trivially_copyable_v<sinew::RemoteServer>);
static_assert(std::is_trivially_copyable_v<sinew::Bytes> && sizeof(sinew::Bytes) == sizeof(void *) + sizeof(std::size_t));
static_assert(std::is_trivially_copyable_v<sinew::Message> && std::is_trivially_copyable_v<sinew::Request> && std::is_trivially_copyable_v<sinew::Group>);
static_assert(std::is_trivially_copyable_v<sinew::Reader> && sizeof(sinew::Server) == 2 * sizeof(void *));

static_assert(noexcept(std::declval<sinew::Server &>().poll()) && noexcept(std::declval<sinew::RemoteServer &>().send(1, sinew::Bytes())));

// What becomes bytes, and what does not.
template <typename T>
constexpr bool IS_BYTES = std::is_convertible_v<T, sinew::Bytes>;
static_assert(IS_BYTES<std::vector<std::uint8_t>> && IS_BYTES<std::array<std::uint8_t, 4>> && IS_BYTES<std::string> && IS_BYTES<std::string_view>);
static_assert(IS_BYTES<const std::uint8_t (&)[4]> && IS_BYTES<const char (&)[6]> && IS_BYTES<sinew::Writer> && IS_BYTES<std::vector<std::byte>>);
static_assert(!IS_BYTES<std::vector<int>> && !IS_BYTES<int> && !IS_BYTES<char (&)[6]> && !IS_BYTES<std::wstring> && !IS_BYTES<std::vector<std::string>>);

#if __cplusplus >= 202002L
static_assert(IS_BYTES<std::span<const std::byte>> && IS_BYTES<std::span<std::uint8_t>> && IS_BYTES<std::span<const char, 4>>);
static_assert(std::is_convertible_v<sinew::Bytes, std::span<const std::uint8_t>>);
static_assert(std::input_iterator<sinew::Batch::Iterator>);
#endif

// Deliveries are those of sinew.h.
static_assert(sinew::Delivery(sinew::SendMode::Reliable).number() == SINEW_MODE_RELIABLE);
static_assert((sinew::SendMode::Unreliable | sinew::Lane::Two).number() == (SINEW_MODE_UNRELIABLE | SINEW_LANE_2));
static_assert((sinew::SendMode::Unreliable | sinew::Lane::Three).mode() == sinew::SendMode::Unreliable);
static_assert((sinew::SendMode::Unreliable | sinew::Lane::Three).lane() == sinew::Lane::Three);
static_assert((sinew::SendMode::Reliable | sinew::Lane::Zero) == sinew::SendMode::Reliable);

} // namespace

std::size_t everything(sinew::Server &server);

// From the other translation unit: what both use is there once.
int main()
{
    sinew::Server none;
    return none.poll().code() == sinew::Code::InvalidArgument && everything(none) == 0 ? 0 : 1;
}
