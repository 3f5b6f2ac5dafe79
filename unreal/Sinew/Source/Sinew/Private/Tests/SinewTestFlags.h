// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "Misc/AutomationTest.h"
#include "Misc/EngineVersionComparison.h"

// The mask of all contexts became a constant of its own in 5.5.
#if UE_VERSION_OLDER_THAN(5, 5, 0)
constexpr auto SinewTestFlags = EAutomationTestFlags::ApplicationContextMask | EAutomationTestFlags::ProductFilter;
#else
constexpr auto SinewTestFlags = EAutomationTestFlags_ApplicationContextMask | EAutomationTestFlags::ProductFilter;
#endif
