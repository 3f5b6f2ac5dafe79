#pragma once
#include "Containers/UnrealString.h"
#include "Templates/SharedPointer.h"

class IPlugin
{
public:
	explicit IPlugin(const FString& InFolder) : Folder(InFolder) {}
	const FString& GetBaseDir() const { return Folder; }

private:
	FString Folder;
};

class IPluginManager
{
public:
	static IPluginManager& Get();
	/** The folder that the environment variable STUB_PLUGIN names; none without it. */
	TSharedPtr<IPlugin> FindPlugin(const FString& Name);
};
