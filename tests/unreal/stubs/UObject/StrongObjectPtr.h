#pragma once
#include "CoreTypes.h"

/** Keeps an object, whoever else refers to it. */
template <typename T>
class TStrongObjectPtr
{
public:
	TStrongObjectPtr() = default;
	explicit TStrongObjectPtr(T* From) { Reset(From); }
	TStrongObjectPtr(const TStrongObjectPtr& Other) { Reset(Other.Object); }
	TStrongObjectPtr& operator=(const TStrongObjectPtr& Other)
	{
		Reset(Other.Object);
		return *this;
	}
	~TStrongObjectPtr() { Reset(); }
	T* Get() const { return Object; }
	T* operator->() const { return Object; }
	bool IsValid() const { return Object != nullptr; }
	void Reset(T* To = nullptr)
	{
		if (To != nullptr)
		{
			++To->StubRoots;
		}
		if (Object != nullptr)
		{
			--Object->StubRoots;
		}
		Object = To;
	}

private:
	T* Object = nullptr;
};
