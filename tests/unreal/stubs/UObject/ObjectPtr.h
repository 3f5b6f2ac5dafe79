#pragma once
#include "CoreTypes.h"
#include <cstddef>

template <typename T>
struct TObjectPtr
{
	TObjectPtr() = default;
	TObjectPtr(std::nullptr_t) {}
	TObjectPtr(T* From) : Object(From) {}
	T* Get() const { return Object; }
	T* operator->() const { return Object; }
	operator T*() const { return Object; }

private:
	T* Object = nullptr;
};
