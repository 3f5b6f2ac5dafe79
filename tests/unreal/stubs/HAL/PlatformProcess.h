#pragma once
#include "CoreTypes.h"

struct FPlatformProcess
{
	static void* GetDllHandle(const TCHAR* File);
	static void* GetDllExport(void* Handle, const TCHAR* Name);
	static const TCHAR* BaseDir();
};
