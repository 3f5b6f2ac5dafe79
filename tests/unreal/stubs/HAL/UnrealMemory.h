#pragma once
#include "CoreTypes.h"
#include <cstring>

struct FMemory
{
	static void* Memcpy(void* To, const void* From, size_t Count) { return std::memcpy(To, From, Count); }
};
