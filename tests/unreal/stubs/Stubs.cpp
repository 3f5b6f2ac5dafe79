/* What the stand-ins do. */
#include "Async/Future.h"
#include "Containers/Ticker.h"
#include "CoreMinimal.h"
#include "Engine/DeveloperSettings.h"
#include "Engine/Engine.h"
#include "Engine/GameInstance.h"
#include "HAL/PlatformMisc.h"
#include "HAL/PlatformProcess.h"
#include "HAL/PlatformTime.h"
#include "Interfaces/IPluginManager.h"
#include "Kismet/BlueprintAsyncActionBase.h"
#include "Kismet/BlueprintFunctionLibrary.h"
#include "Misc/AutomationTest.h"
#include "Misc/CommandLine.h"
#include "Misc/FileHelper.h"
#include "Misc/Parse.h"
#include "Misc/Paths.h"
#include "StubTests.h"
#include "Subsystems/GameInstanceSubsystem.h"
#include "UObject/UObjectGlobals.h"

#include <chrono>
#include <dlfcn.h>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

/* ---- Text. ---- */

FTCHARToUTF8::FTCHARToUTF8(const TCHAR* From, int32 Length)
{
	for (int32 Index = 0; Index < Length; ++Index)
	{
		uint32 Point = static_cast<uint32>(From[Index]);
		if (sizeof(TCHAR) == 2 && Point >= 0xd800 && Point < 0xe000)
		{
			const bool bPair = Point < 0xdc00 && Index + 1 < Length && (static_cast<uint32>(From[Index + 1]) & 0xfc00) == 0xdc00;
			Point = bPair ? 0x10000 + ((Point & 0x3ff) << 10) + (static_cast<uint32>(From[++Index]) & 0x3ff) : '?';
		}
		if (Point < 0x80)
		{
			Text += static_cast<char>(Point);
			continue;
		}
		const int More = Point < 0x800 ? 1 : Point < 0x10000 ? 2 : 3;
		Text += static_cast<char>((More == 1 ? 0xc0 : More == 2 ? 0xe0 : 0xf0) | Point >> 6 * More);
		for (int Left = More - 1; Left >= 0; --Left)
		{
			Text += static_cast<char>(0x80 | (Point >> 6 * Left & 0x3f));
		}
	}
}

FUTF8ToTCHAR::FUTF8ToTCHAR(const ANSICHAR* From, int32 Length)
{
	for (int32 Index = 0; Index < Length;)
	{
		const unsigned char First = static_cast<unsigned char>(From[Index++]);
		const int More = First < 0x80 ? 0 : First < 0xe0 ? 1 : First < 0xf0 ? 2 : 3;
		uint32 Point = More == 0 ? First : First & 0x3fu >> More;
		for (int Left = 0; Left < More && Index < Length; ++Left)
		{
			Point = Point << 6 | (static_cast<unsigned char>(From[Index++]) & 0x3fu);
		}
		if (sizeof(TCHAR) == 2 && Point > 0xffff)
		{
			Text += static_cast<TCHAR>(0xd800 + ((Point - 0x10000) >> 10));
			Text += static_cast<TCHAR>(0xdc00 + ((Point - 0x10000) & 0x3ff));
		}
		else
		{
			Text += static_cast<TCHAR>(Point);
		}
	}
}

std::string StubNarrow(const FString& From)
{
	const FTCHARToUTF8 Text(*From, From.Len());
	return std::string(Text.Get(), static_cast<size_t>(Text.Length()));
}

FString StubWide(const std::string& From)
{
	const FUTF8ToTCHAR Text(From.data(), static_cast<int32>(From.size()));
	FString Out;
	Out.AppendChars(Text.Get(), Text.Length());
	return Out;
}

FString FString::Format_(const TCHAR* Format, const FStubArgument* Values, size_t Count)
{
	FString Out;
	size_t Used = 0;
	for (const TCHAR* At = Format; *At != 0; ++At)
	{
		if (*At != '%')
		{
			Out.AppendChars(At, 1);
			continue;
		}
		while (*++At == 'l')
		{
		}
		if (*At == '%')
		{
			Out.AppendChars(At, 1);
			continue;
		}
		check(Used < Count);
		const FStubArgument& Value = Values[Used++];
		check(static_cast<char>(*At) == Value.Kind);
		Out += Value.Kind == 's' ? FString(Value.Text)
			: Value.Kind == 'd'  ? StubWide(std::to_string(Value.Signed))
			: Value.Kind == 'u'  ? StubWide(std::to_string(Value.Unsigned))
								 : StubWide(std::to_string(Value.Real));
	}
	check(Used == Count);
	return Out;
}

/* ---- The log. ---- */

std::vector<FStubLine>& StubLines()
{
	static std::vector<FStubLine> Lines;
	return Lines;
}

void StubLog(const FLogCategoryBase& Category, ELogVerbosity::Type Verbosity, const FString& Line)
{
	StubLines().push_back(FStubLine{Category.Name, Verbosity, StubNarrow(Line)});
	if (std::getenv("STUB_LOG") != nullptr)
	{
		std::fprintf(stderr, "%s: %d: %s\n", Category.Name, static_cast<int>(Verbosity), StubNarrow(Line).c_str());
	}
}

int StubErrors()
{
	int Count = 0;
	for (const FStubLine& Line : StubLines())
	{
		Count += Line.Verbosity <= ELogVerbosity::Error;
	}
	return Count;
}

/* ---- Objects. ---- */

static std::set<UObject*>& Objects()
{
	static std::set<UObject*> All;
	return All;
}

UObject::UObject() : StubAlive(std::make_shared<bool>(true))
{
	Objects().insert(this);
}

UObject::~UObject()
{
	*StubAlive = false;
	Objects().erase(this);
}

void UObject::StubReferences(TArray<UObject*>& Out)
{
	Out.Add(StubOuter);
}

static void Mark(UObject* Object)
{
	if (Object == nullptr || Object->bStubMarked)
	{
		return;
	}
	Object->bStubMarked = true;
	TArray<UObject*> References;
	Object->StubReferences(References);
	for (UObject* const Reference : References)
	{
		Mark(Reference);
	}
}

void CollectGarbage()
{
	for (UObject* const Object : Objects())
	{
		Object->bStubMarked = false;
	}
	for (UObject* const Object : Objects())
	{
		if (Object->StubRoots > 0)
		{
			Mark(Object);
		}
	}
	std::vector<UObject*> Garbage;
	for (UObject* const Object : Objects())
	{
		if (!Object->bStubMarked)
		{
			Garbage.push_back(Object);
		}
	}
	// First all are unreachable, as in Unreal, then they go.
	for (UObject* const Object : Garbage)
	{
		*Object->StubAlive = false;
	}
	for (UObject* const Object : Garbage)
	{
		delete Object;
	}
}

int StubObjects()
{
	return static_cast<int>(Objects().size());
}

#define STUB_CLASS(Class, SuperClass) \
	UClass* Class::StaticClass() \
	{ \
		static UClass Only(#Class, SuperClass); \
		return &Only; \
	}
STUB_CLASS(UObject, nullptr)
STUB_CLASS(UGameInstance, UObject::StaticClass())
STUB_CLASS(UGameInstanceSubsystem, UObject::StaticClass())
STUB_CLASS(UDeveloperSettings, UObject::StaticClass())
STUB_CLASS(UBlueprintFunctionLibrary, UObject::StaticClass())
STUB_CLASS(UBlueprintAsyncActionBase, UObject::StaticClass())

UEngine* GEngine = nullptr;

/* ---- Game instances. ---- */

static std::vector<UGameInstanceSubsystem* (*)(UObject*)>& SubsystemClasses()
{
	static std::vector<UGameInstanceSubsystem* (*)(UObject*)> All;
	return All;
}

FStubSubsystemClass::FStubSubsystemClass(UGameInstanceSubsystem* (*Make)(UObject*))
{
	SubsystemClasses().push_back(Make);
}

UGameInstance* UGameInstanceSubsystem::GetGameInstance() const
{
	return static_cast<UGameInstance*>(GetOuter());
}

void UGameInstance::InitializeStandalone()
{
	FSubsystemCollectionBase Collection;
	for (const auto Make : SubsystemClasses())
	{
		StubSubsystems.Add(Make(this));
		StubSubsystems.Last()->Initialize(Collection);
	}
}

void UGameInstance::Shutdown()
{
	// Out of the list first: a subsystem that is deinitialized is not found any more, and may be collected.
	const TArray<UGameInstanceSubsystem*> Ended = StubSubsystems;
	StubSubsystems.Empty();
	for (UGameInstanceSubsystem* const Subsystem : Ended)
	{
		Subsystem->Deinitialize();
	}
}

UGameInstance::~UGameInstance()
{
	check(StubSubsystems.IsEmpty());
}

void UGameInstance::StubReferences(TArray<UObject*>& Out)
{
	UObject::StubReferences(Out);
	for (UGameInstanceSubsystem* const Subsystem : StubSubsystems)
	{
		Out.Add(Subsystem);
	}
}

void UBlueprintAsyncActionBase::RegisterWithGameInstance(const UObject*)
{
	StubRoots = 1;
}

void UBlueprintAsyncActionBase::SetReadyToDestroy()
{
	StubRoots = 0;
}

/* ---- Frames. ---- */

FTSTicker& FTSTicker::GetCoreTicker()
{
	static FTSTicker Ticker;
	return Ticker;
}

FTSTicker::FDelegateHandle FTSTicker::AddTicker(const FTickerDelegate& Delegate, float)
{
	Entries.push_back(std::make_shared<FEntry>(FEntry{++LastId, Delegate}));
	return FDelegateHandle{LastId};
}

void FTSTicker::RemoveTicker(FDelegateHandle Handle)
{
	std::vector<std::shared_ptr<FEntry>>& Entries = GetCoreTicker().Entries;
	for (auto It = Entries.begin(); It != Entries.end(); ++It)
	{
		if ((*It)->Id == Handle.Id)
		{
			(*It)->bRemoved = true;
			Entries.erase(It);
			return;
		}
	}
}

void FTSTicker::Tick(float DeltaSeconds)
{
	const auto Now = Entries;
	for (const std::shared_ptr<FEntry>& Entry : Now)
	{
		if (!Entry->bRemoved && !Entry->Delegate.Execute(DeltaSeconds))
		{
			RemoveTicker(FDelegateHandle{Entry->Id});
		}
	}
}

/* ---- The platform. ---- */

void* FPlatformProcess::GetDllHandle(const TCHAR* File)
{
	void* const Handle = dlopen(StubNarrow(File).c_str(), RTLD_LAZY | RTLD_LOCAL);
	if (Handle == nullptr)
	{
		std::fprintf(stderr, "%s\n", dlerror());
	}
	return Handle;
}

void* FPlatformProcess::GetDllExport(void* Handle, const TCHAR* Name)
{
	return dlsym(Handle, StubNarrow(Name).c_str());
}

const TCHAR* FPlatformProcess::BaseDir()
{
	static const FString Folder = StubWide(std::getenv("STUB_BASE_DIR") == nullptr ? "/nowhere" : std::getenv("STUB_BASE_DIR"));
	return *Folder;
}

FString FPlatformMisc::GetEnvironmentVariable(const TCHAR* Name)
{
	const char* const Value = std::getenv(StubNarrow(Name).c_str());
	return Value == nullptr ? FString() : StubWide(Value);
}

void FPlatformMisc::SetEnvironmentVar(const TCHAR* Name, const TCHAR* Value)
{
	setenv(StubNarrow(Name).c_str(), StubNarrow(Value).c_str(), 1);
}

double FPlatformTime::Seconds()
{
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

IPluginManager& IPluginManager::Get()
{
	static IPluginManager Manager;
	return Manager;
}

TSharedPtr<IPlugin> IPluginManager::FindPlugin(const FString& Name)
{
	const char* const Folder = std::getenv("STUB_PLUGIN");
	const bool bHas = Folder != nullptr && Name == FString(TEXT("Sinew"));
	return bHas ? MakeShared<IPlugin>(StubWide(Folder)) : TSharedPtr<IPlugin>();
}

bool FPaths::FileExists(const FString& Path)
{
	return access(StubNarrow(Path).c_str(), F_OK) == 0;
}

FString FPaths::GetPath(const FString& Path)
{
	const std::string Text = StubNarrow(Path);
	const size_t Slash = Text.rfind('/');
	return Slash == std::string::npos ? FString() : StubWide(Text.substr(0, Slash));
}

FString FPaths::ProjectDir()
{
	char Folder[4096];
	return getcwd(Folder, sizeof(Folder)) == nullptr ? FString(TEXT(".")) : StubWide(Folder);
}

FString FPaths::ConvertRelativePathToFull(const FString& Base, const FString& Path)
{
	return StubNarrow(Path).rfind('/', 0) == 0 ? Path : Base + TEXT("/") + Path;
}

FString FCommandLine::StubLine;

const TCHAR* FCommandLine::Get()
{
	return *StubLine;
}

bool FParse::Value(const TCHAR* Stream, const TCHAR* Match, FString& Out, bool bShouldStopOnSeparator)
{
	const std::string Line = StubNarrow(Stream), Wanted = StubNarrow(Match);
	const size_t Found = Line.find(Wanted);
	if (Found == std::string::npos)
	{
		return false;
	}
	const size_t Start = Found + Wanted.size();
	const bool bQuoted = Start < Line.size() && Line[Start] == '"';
	const size_t From = bQuoted ? Start + 1 : Start;
	const size_t End = bQuoted ? Line.find('"', From) : Line.find_first_of(bShouldStopOnSeparator ? " ,)" : " ", From);
	Out = StubWide(Line.substr(From, End == std::string::npos ? End : End - From));
	return true;
}

bool FFileHelper::LoadFileToString(FString& Out, const TCHAR* Path)
{
	std::ifstream File(StubNarrow(Path), std::ios::binary);
	std::ostringstream Text;
	Text << File.rdbuf();
	Out = StubWide(Text.str());
	return File.good();
}

/* ---- Specs. ---- */

static std::vector<FAutomationSpecBase*>& Specs()
{
	static std::vector<FAutomationSpecBase*> All;
	return All;
}

FAutomationSpecBase::FAutomationSpecBase(const char* InName) : Name(InName)
{
	Specs().push_back(this);
}

void FAutomationSpecBase::Describe(const FString&, const std::function<void()>& Inside)
{
	const auto OuterBefore = Before, OuterAfter = After;
	Inside();
	Before = OuterBefore;
	After = OuterAfter;
}

void FAutomationSpecBase::It(const FString& What, const std::function<void()>& Run)
{
	LatentIt(What, [Run](const FDoneDelegate& Done)
	{
		Run();
		Done.Execute();
	});
}

void FAutomationSpecBase::LatentIt(const FString& What, const std::function<void(const FDoneDelegate&)>& Run)
{
	Cases.push_back(FCase{What, Run, Before, After});
}

void FAutomationSpecBase::BeforeEach(const std::function<void()>& Run)
{
	Before.push_back(Run);
}

void FAutomationSpecBase::AfterEach(const std::function<void()>& Run)
{
	After.push_back(Run);
}

bool FAutomationSpecBase::TestTrue(const FString& What, bool bValue)
{
	if (!bValue)
	{
		std::fprintf(stderr, "%s: does not hold: %s\n", Name, StubNarrow(What).c_str());
		std::exit(1);
	}
	return true;
}

void FAutomationSpecBase::AddExpectedError(const FString&)
{
}

int32 FAutomationSpecBase::StubRunAll()
{
	int32 Ran = 0;
	for (FAutomationSpecBase* const Spec : Specs())
	{
		Spec->Define();
		for (const FCase& Case : Spec->Cases)
		{
			for (const auto& Run : Case.Before)
			{
				Run();
			}
			bool bDone = false;
			Case.Run(FDoneDelegate::CreateLambda([&bDone]() { bDone = true; }));
			StubFramesUntil([&bDone]() { return bDone; }, "a spec ends");
			for (const auto& Run : Case.After)
			{
				Run();
			}
			++Ran;
			std::printf("spec: %s: %s\n", Spec->Name, StubNarrow(Case.What).c_str());
		}
	}
	return Ran;
}

void StubFramesUntil(const std::function<bool()>& Condition, const char* What, double Seconds)
{
	const double End = FPlatformTime::Seconds() + Seconds;
	while (!Condition())
	{
		if (FPlatformTime::Seconds() > End)
		{
			std::fprintf(stderr, "this did not happen: %s\n", What);
			std::exit(1);
		}
		FTSTicker::GetCoreTicker().Tick(0.001f);
		// A frame: the library's threads want the core, too.
		usleep(500);
	}
}
