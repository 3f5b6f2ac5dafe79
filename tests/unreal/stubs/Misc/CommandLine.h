#pragma once
#include "Containers/UnrealString.h"

struct FCommandLine
{
	static const TCHAR* Get();
	static FString StubLine;
};
