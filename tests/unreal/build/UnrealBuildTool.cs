// Stand-ins for what Sinew.Build.cs uses of UnrealBuildTool, and a program that asks the rules what they say for each platform.
//
//     rules PLUGIN_FOLDER

using System;
using System.Collections.Generic;
using System.IO;

namespace UnrealBuildTool
{
	public struct UnrealTargetPlatform
	{
		public readonly string Name;

		UnrealTargetPlatform(string InName)
		{
			Name = InName;
		}

		public static readonly UnrealTargetPlatform Win64 = new UnrealTargetPlatform("Win64");
		public static readonly UnrealTargetPlatform Mac = new UnrealTargetPlatform("Mac");
		public static readonly UnrealTargetPlatform Linux = new UnrealTargetPlatform("Linux");
		public static readonly UnrealTargetPlatform LinuxArm64 = new UnrealTargetPlatform("LinuxArm64");
		public static readonly UnrealTargetPlatform IOS = new UnrealTargetPlatform("IOS");

		public static bool operator ==(UnrealTargetPlatform A, UnrealTargetPlatform B)
		{
			return A.Name == B.Name;
		}

		public static bool operator !=(UnrealTargetPlatform A, UnrealTargetPlatform B)
		{
			return A.Name != B.Name;
		}

		public override bool Equals(object Other)
		{
			return Other is UnrealTargetPlatform && this == (UnrealTargetPlatform)Other;
		}

		public override int GetHashCode()
		{
			return Name.GetHashCode();
		}
	}

	public class ReadOnlyTargetRules
	{
		public readonly UnrealTargetPlatform Platform;

		public ReadOnlyTargetRules(UnrealTargetPlatform InPlatform)
		{
			Platform = InPlatform;
		}
	}

	public class RuntimeDependencyList
	{
		public readonly List<string> Inner = new List<string>();

		public void Add(string InPath)
		{
			Inner.Add(InPath);
		}
	}

	public class ModuleRules
	{
		public enum PCHUsageMode
		{
			Default,
			UseExplicitOrSharedPCHs
		}

		public static string StubPluginDirectory;

		public PCHUsageMode PCHUsage = PCHUsageMode.Default;
		public readonly List<string> PublicDependencyModuleNames = new List<string>();
		public readonly List<string> PrivateDependencyModuleNames = new List<string>();
		public readonly List<string> PublicSystemIncludePaths = new List<string>();
		public readonly RuntimeDependencyList RuntimeDependencies = new RuntimeDependencyList();

		public ModuleRules(ReadOnlyTargetRules Target)
		{
		}

		public string PluginDirectory
		{
			get { return StubPluginDirectory; }
		}
	}
}

public static class Rules
{
	public static int Main(string[] Arguments)
	{
		var Platforms = new[]
		{
			UnrealBuildTool.UnrealTargetPlatform.Linux, UnrealBuildTool.UnrealTargetPlatform.LinuxArm64, UnrealBuildTool.UnrealTargetPlatform.Mac,
			UnrealBuildTool.UnrealTargetPlatform.Win64, UnrealBuildTool.UnrealTargetPlatform.IOS
		};
		UnrealBuildTool.ModuleRules.StubPluginDirectory = Arguments[0];
		foreach (var Platform in Platforms)
		{
			var Module = new Sinew(new UnrealBuildTool.ReadOnlyTargetRules(Platform));
			foreach (string Include in Module.PublicSystemIncludePaths)
			{
				if (!File.Exists(Path.Combine(Include, "sinew.h")))
				{
					Console.WriteLine("no sinew.h in " + Include);
					return 1;
				}
			}
			Console.WriteLine(Platform.Name + ": " + String.Join(" ", Module.RuntimeDependencies.Inner.ToArray()));
		}
		return 0;
	}
}
