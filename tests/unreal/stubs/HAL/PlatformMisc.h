#pragma once
#include "Containers/UnrealString.h"

struct FPlatformMisc
{
	static FString GetEnvironmentVariable(const TCHAR* Name);
	static void SetEnvironmentVar(const TCHAR* Name, const TCHAR* Value);
};
