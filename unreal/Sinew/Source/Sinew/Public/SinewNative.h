// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"

THIRD_PARTY_INCLUDES_START
#include "sinew.h"
THIRD_PARTY_INCLUDES_END

/**
 * The functions of the Sinew library, loaded when the module starts: every function of sinew.h under its own name, for C++ that wants one which
 * the subsystem does not wrap. Nothing is linked, so a game without the library starts, says so once in the log, and has an inert subsystem.
 *
 * Thread: any, after the module has started. The library is never unloaded.
 */
struct SINEW_API FSinewNative
{
#define SINEW_FUNCTION(Name) decltype(&::Name) Name = nullptr;
#include "SinewFunctions.inl"
#undef SINEW_FUNCTION

	/** The loaded library, or nullptr where it is missing or does not fit; GetLoadError() tells why. */
	static const FSinewNative* Get();

	/** Why Get() is nullptr: the files, the versions and the cure. Empty if all is well. */
	static const FString& GetLoadError();

	/**
	 * Fills the table from the first of these files that is there; a name without a folder is left to the operating system's search.
	 * False, and a sentence in OutError, if none can be loaded, or if the one that is there speaks another ABI or lacks a function.
	 */
	bool Load(const TArray<FString>& Files, FString& OutError);

	/** Where the library is looked for: in the plugin's Binaries/ThirdParty, beside the executable, then wherever the system looks. */
	static TArray<FString> GetFiles();

	/** Loads the library for the process, once; called by the module. */
	static void Startup();
};
