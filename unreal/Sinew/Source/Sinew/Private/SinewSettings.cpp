// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewSettings.h"

FName USinewSettings::GetCategoryName() const
{
	return FName(TEXT("Plugins"));
}
