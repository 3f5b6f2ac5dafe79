#pragma once
#include "CoreTypes.h"
#include <memory>
#include <utility>

template <typename T>
class TSharedPtr
{
public:
	TSharedPtr() = default;
	TSharedPtr(std::shared_ptr<T> From) : Inner(std::move(From)) {}
	bool IsValid() const { return Inner != nullptr; }
	T* Get() const { return Inner.get(); }
	T* operator->() const { return Inner.get(); }
	T& operator*() const { return *Inner; }

private:
	std::shared_ptr<T> Inner;
};

template <typename T, typename... Arguments>
TSharedPtr<T> MakeShared(Arguments&&... Values)
{
	return TSharedPtr<T>(std::make_shared<T>(std::forward<Arguments>(Values)...));
}
