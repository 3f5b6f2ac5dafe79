#pragma once
#include "Containers/UnrealString.h"

class FName
{
public:
	FName() = default;
	explicit FName(const TCHAR* From) : Text(From) {}
	FString ToString() const { return Text; }

private:
	FString Text;
};
