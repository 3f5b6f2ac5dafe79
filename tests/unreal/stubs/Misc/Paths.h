#pragma once
#include "Containers/UnrealString.h"

struct FPaths
{
	template <typename... More>
	static FString Combine(const FString& First, const FString& Second, const More&... Rest)
	{
		return Combine(First + TEXT("/") + Second, FString(Rest)...);
	}
	static FString Combine(const FString& Only) { return Only; }
	static bool FileExists(const FString& Path);
	/** All before the last slash. */
	static FString GetPath(const FString& Path);
	/** The working directory. */
	static FString ProjectDir();
	static FString ConvertRelativePathToFull(const FString& Base, const FString& Path);
	static FString ConvertRelativePathToFull(const FString& Path) { return ConvertRelativePathToFull(ProjectDir(), Path); }
};
