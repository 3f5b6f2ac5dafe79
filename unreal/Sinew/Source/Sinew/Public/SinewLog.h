// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"
#include "Logging/LogMacros.h"

/** What the plugin says, and what the library's own log says (see USinewSettings::bLogToUnreal). `-LogCmds="LogSinew Verbose"` shows more. */
SINEW_API DECLARE_LOG_CATEGORY_EXTERN(LogSinew, Log, All);
