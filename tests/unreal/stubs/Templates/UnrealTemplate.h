#pragma once
#include "CoreTypes.h"
#include <type_traits>
#include <utility>

template <typename T>
constexpr std::remove_reference_t<T>&& MoveTemp(T&& Value)
{
	static_assert(std::is_lvalue_reference<T>::value && !std::is_const<std::remove_reference_t<T>>::value, "MoveTemp of what cannot be moved");
	return static_cast<std::remove_reference_t<T>&&>(Value);
}

template <typename T>
T&& Forward(std::remove_reference_t<T>& Value)
{
	return static_cast<T&&>(Value);
}
