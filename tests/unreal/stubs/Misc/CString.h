#pragma once
#include "CoreTypes.h"
#include <cstring>

struct FCStringAnsi
{
	static int32 Strlen(const ANSICHAR* Text) { return static_cast<int32>(std::strlen(Text)); }
};
