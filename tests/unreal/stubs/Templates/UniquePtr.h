#pragma once
#include <memory>
#include <utility>

template <typename T>
using TUniquePtr = std::unique_ptr<T>;

template <typename T, typename... Arguments>
TUniquePtr<T> MakeUnique(Arguments&&... Values)
{
	return std::make_unique<T>(std::forward<Arguments>(Values)...);
}
