// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewModule.h"

#include "HAL/PlatformMisc.h"
#include "Misc/CommandLine.h"
#include "Misc/Parse.h"
#include "Modules/ModuleManager.h"
#include "SinewLog.h"
#include "SinewNative.h"
#include "SinewSettings.h"
#include "SinewSubsystem.h"

DEFINE_LOG_CATEGORY(LogSinew);
IMPLEMENT_MODULE(FSinewModule, Sinew)

namespace
{
	/** What `-Name=value` on the command line sets, as the environment variable that the library reads on top of every configuration. */
	struct FOverride
	{
		const TCHAR* Argument;
		const TCHAR* Variable;
	};

	const FOverride Overrides[] = {
		{TEXT("SinewGroup="), TEXT("SINEW_SERVER__GROUP")},
		{TEXT("SinewName="), TEXT("SINEW_SERVER__NAME")},
		{TEXT("SinewListen="), TEXT("SINEW_SERVER__LISTEN")},
		{TEXT("SinewAdvertise="), TEXT("SINEW_SERVER__ADVERTISE")},
		{TEXT("SinewRegistry="), TEXT("SINEW_REGISTRY__ADDRESSES")},
		{TEXT("SinewKeyFile="), TEXT("SINEW_CLUSTER__KEY_FILE")},
		{TEXT("SinewLogLevel="), TEXT("SINEW_LOG__LEVEL")},
	};
}

void FSinewModule::StartupModule()
{
	FSinewNative::Startup();

	// Here and once, because the environment belongs to the process: later, threads might be reading it.
	for (const FOverride& Override : Overrides)
	{
		FString Value;
		// Not cut at a comma: addresses are a list.
		if (FParse::Value(FCommandLine::Get(), Override.Argument, Value, false))
		{
			FPlatformMisc::SetEnvironmentVar(Override.Variable, *Value);
		}
	}
	const TCHAR* const LogTo = TEXT("SINEW_LOG__TO");
	if (GetDefault<USinewSettings>()->bLogToUnreal && FPlatformMisc::GetEnvironmentVariable(LogTo).IsEmpty())
	{
		FPlatformMisc::SetEnvironmentVar(LogTo, TEXT("events"));
	}
}

void FSinewModule::ShutdownModule()
{
	// Game instances end before modules do; one that a program has kept must not outlive the code that polls for it.
	USinewSubsystem::ShutdownAll();
}
