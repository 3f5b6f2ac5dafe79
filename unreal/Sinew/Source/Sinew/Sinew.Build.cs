// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

using System.IO;
using UnrealBuildTool;

public class Sinew : ModuleRules
{
	public Sinew(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;

		PublicDependencyModuleNames.AddRange(new string[] { "Core", "CoreUObject", "DeveloperSettings", "Engine" });
		PrivateDependencyModuleNames.Add("Projects"); // IPluginManager

		string ThirdParty = Path.Combine(PluginDirectory, "Source", "ThirdParty", "sinew", "include");
		PublicSystemIncludePaths.Add(ThirdParty);

		// The library is loaded when the module starts, see SinewNative.h: nothing is linked. It only has to be staged with the game.
		string Platform = null;
		string File = null;
		if (Target.Platform == UnrealTargetPlatform.Win64)
		{
			Platform = "Win64";
			File = "sinew.dll";
		}
		else if (Target.Platform == UnrealTargetPlatform.Mac)
		{
			Platform = "Mac";
			File = "libsinew.dylib";
		}
		else if (Target.Platform == UnrealTargetPlatform.Linux)
		{
			Platform = "Linux";
			File = "libsinew.so";
		}
		else if (Target.Platform == UnrealTargetPlatform.LinuxArm64)
		{
			Platform = "LinuxArm64";
			File = "libsinew.so";
		}
		// Only what is there: a plugin without the library of a platform still builds for it, and says at run time what is missing.
		if (Platform != null && System.IO.File.Exists(Path.Combine(PluginDirectory, "Binaries", "ThirdParty", "sinew", Platform, File)))
		{
			RuntimeDependencies.Add("$(PluginDir)/Binaries/ThirdParty/sinew/" + Platform + "/" + File);
		}
	}
}
