#pragma once
#include "CoreTypes.h"

struct FMath
{
	template <typename T>
	static constexpr T Min(T A, T B) { return A < B ? A : B; }
	template <typename T>
	static constexpr T Max(T A, T B) { return A < B ? B : A; }
};
