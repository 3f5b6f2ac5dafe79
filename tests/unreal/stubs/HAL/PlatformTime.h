#pragma once
#include "CoreTypes.h"

struct FPlatformTime
{
	static double Seconds();
};
