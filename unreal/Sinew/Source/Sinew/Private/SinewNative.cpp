// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewNative.h"

#include "HAL/PlatformProcess.h"
#include "Interfaces/IPluginManager.h"
#include "Misc/Paths.h"
#include "SinewLog.h"

#if PLATFORM_WINDOWS
#define SINEW_PLATFORM TEXT("Win64")
#define SINEW_FILE TEXT("sinew.dll")
#elif PLATFORM_MAC
#define SINEW_PLATFORM TEXT("Mac")
#define SINEW_FILE TEXT("libsinew.dylib")
#elif PLATFORM_CPU_ARM_FAMILY
#define SINEW_PLATFORM TEXT("LinuxArm64")
#define SINEW_FILE TEXT("libsinew.so")
#else
#define SINEW_PLATFORM TEXT("Linux")
#define SINEW_FILE TEXT("libsinew.so")
#endif

namespace
{
	/** Of the process: a library is loaded once, however many game instances there are, and stays (its threads' destructors need its code). */
	FSinewNative GSinewNative;
	FString GSinewLoadError;
	bool bGSinewLoaded = false;
	bool bGSinewTried = false;

	const TCHAR* const Cure = TEXT("Run `cargo xtask unreal` in Sinew's sources, or take the plugin from a release, which brings the library");
}

const FSinewNative* FSinewNative::Get()
{
	return bGSinewLoaded ? &GSinewNative : nullptr;
}

const FString& FSinewNative::GetLoadError()
{
	return GSinewLoadError;
}

TArray<FString> FSinewNative::GetFiles()
{
	TArray<FString> Files;
	const TSharedPtr<IPlugin> Plugin = IPluginManager::Get().FindPlugin(TEXT("Sinew"));
	if (Plugin.IsValid())
	{
		const FString File = FPaths::Combine(Plugin->GetBaseDir(), TEXT("Binaries/ThirdParty/sinew"), SINEW_PLATFORM, SINEW_FILE);
		Files.Add(FPaths::ConvertRelativePathToFull(File));
	}
	Files.Add(FPaths::Combine(FString(FPlatformProcess::BaseDir()), SINEW_FILE));
	Files.Add(SINEW_FILE);
	return Files;
}

bool FSinewNative::Load(const TArray<FString>& Files, FString& OutError)
{
	void* Handle = nullptr;
	FString Loaded;
	FString Tried;
	for (const FString& File : Files)
	{
		// Asked for beforehand, because the engine logs each library that it cannot open.
		const bool bBare = FPaths::GetPath(File).IsEmpty();
		if (bBare || FPaths::FileExists(File))
		{
			Handle = FPlatformProcess::GetDllHandle(*File);
		}
		if (Handle != nullptr)
		{
			Loaded = File;
			break;
		}
		Tried += (Tried.IsEmpty() ? TEXT("") : TEXT(", ")) + File;
	}
	if (Handle == nullptr)
	{
		OutError = FString::Printf(TEXT("the Sinew library cannot be loaded; tried %s. %s"), *Tried, Cure);
		return false;
	}

	// Before anything else is called: of another ABI, not even the types are known.
	const auto Version = reinterpret_cast<decltype(&::sinew_abi_version)>(FPlatformProcess::GetDllExport(Handle, TEXT("sinew_abi_version")));
	if (Version == nullptr)
	{
		OutError = FString::Printf(TEXT("%s is not the Sinew library: it has no function sinew_abi_version. %s"), *Loaded, Cure);
		return false;
	}
	const uint32 Spoken = Version();
	if (Spoken != SINEW_ABI_VERSION)
	{
		OutError = FString::Printf(TEXT("%s speaks version %u of Sinew's ABI, but the plugin was built for version %u. Take both from one release"),
			*Loaded, Spoken, static_cast<uint32>(SINEW_ABI_VERSION));
		return false;
	}

	FSinewNative Table;
	const TCHAR* Missing = nullptr;
#define SINEW_FUNCTION(Name) \
	Table.Name = reinterpret_cast<decltype(&::Name)>(FPlatformProcess::GetDllExport(Handle, TEXT(#Name))); \
	Missing = Table.Name == nullptr && Missing == nullptr ? TEXT(#Name) : Missing;
#include "SinewFunctions.inl"
#undef SINEW_FUNCTION
	if (Missing != nullptr)
	{
		OutError = FString::Printf(TEXT("%s is older than the plugin: it lacks the function %s. Take both from one release"), *Loaded, Missing);
		return false;
	}
	*this = Table;
	OutError = FString();
	UE_LOG(LogSinew, Log, TEXT("Sinew %s, loaded from %s"), *FString(UTF8_TO_TCHAR(Table.sinew_version())), *Loaded);
	return true;
}

void FSinewNative::Startup()
{
	if (!bGSinewTried)
	{
		bGSinewTried = true;
		bGSinewLoaded = GSinewNative.Load(GetFiles(), GSinewLoadError);
		if (!bGSinewLoaded)
		{
			UE_LOG(LogSinew, Error, TEXT("%s. Until then Sinew does nothing in this process"), *GSinewLoadError);
		}
	}
}
