#pragma once
#include "CoreTypes.h"
#include <cstddef>
#include <memory>

template <typename T>
struct TWeakObjectPtr
{
	TWeakObjectPtr() = default;
	TWeakObjectPtr(std::nullptr_t) {}
	TWeakObjectPtr(T* From) : Object(From), Alive(From == nullptr ? nullptr : From->StubAlive) {}
	/** nullptr once it has been collected. */
	T* Get() const { return Alive != nullptr && *Alive ? Object : nullptr; }
	T* operator->() const
	{
		check(Get() != nullptr);
		return Object;
	}
	bool IsValid() const { return Get() != nullptr; }

private:
	T* Object = nullptr;
	std::shared_ptr<bool> Alive;
};
