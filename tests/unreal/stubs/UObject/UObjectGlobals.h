#pragma once
#include "UObject/Object.h"

template <typename T>
T* NewObject(UObject* Outer = nullptr)
{
	T* const Made = new T();
	Made->StubOuter = Outer;
	return Made;
}

template <typename T>
T* Cast(UObject* From)
{
	return From != nullptr && From->GetClass()->IsChildOf(T::StaticClass()) ? static_cast<T*>(From) : nullptr;
}

/** The one object with the values of the project's settings. */
template <typename T>
T* GetMutableDefault()
{
	static T* const Default = []()
	{
		T* const Made = new T();
		Made->StubRoots = 1;
		return Made;
	}();
	return Default;
}

template <typename T>
const T* GetDefault()
{
	return GetMutableDefault<T>();
}

/** Frees what nothing refers to. */
void CollectGarbage();
