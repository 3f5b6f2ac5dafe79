#pragma once
#include "Containers/UnrealString.h"

struct FFileHelper
{
	static bool LoadFileToString(FString& Out, const TCHAR* Path);
};
