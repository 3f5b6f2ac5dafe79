// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewSubsystem.h"

#include "Engine/GameInstance.h"
#include "Misc/CommandLine.h"
#include "Misc/FileHelper.h"
#include "Misc/Parse.h"
#include "Misc/Paths.h"
#include "SinewConvert.h"
#include "SinewLog.h"
#include "SinewRegistryConnector.h"
#include "SinewSettings.h"

namespace
{
	/** Those that Initialize has seen and Deinitialize not yet. On the game's thread only. */
	TArray<USinewSubsystem*> GSinewSubsystems;

	/** What `-SinewConfig=` names, if anything. */
	FString ConfigOfCommandLine()
	{
		FString Path;
		FParse::Value(FCommandLine::Get(), TEXT("SinewConfig="), Path, false);
		return Path;
	}

	/** As the library wants it, which knows nothing of projects. */
	FString FullPath(const FString& Path)
	{
		return FPaths::ConvertRelativePathToFull(FPaths::ProjectDir(), Path);
	}
}

void USinewSubsystem::Initialize(FSubsystemCollectionBase& Collection)
{
	Super::Initialize(Collection);
	GSinewSubsystems.Add(this);

	const ESinewAutoStart AutoStart = GetDefault<USinewSettings>()->AutoStart;
	const UGameInstance* const GameInstance = GetGameInstance();
	const bool bDedicated = GameInstance != nullptr && GameInstance->IsDedicatedServerInstance();
	const bool bWanted = AutoStart == ESinewAutoStart::Always || (AutoStart == ESinewAutoStart::OnDedicatedServers && bDedicated);
	if ((bWanted || !ConfigOfCommandLine().IsEmpty()) && FSinewNative::Get() != nullptr)
	{
		// What is wrong stands in the log; the game goes on and may try again.
		Start();
	}
}

void USinewSubsystem::Deinitialize()
{
	Free();
	GSinewSubsystems.Remove(this);
	Super::Deinitialize();
}

void USinewSubsystem::ShutdownAll()
{
	for (USinewSubsystem* const Subsystem : GSinewSubsystems)
	{
		Subsystem->Free();
	}
}

ESinewResult USinewSubsystem::Start()
{
	FString Path = ConfigOfCommandLine();
	const USinewSettings* const Settings = GetDefault<USinewSettings>();
	if (Path.IsEmpty())
	{
		Path = Settings->ConfigFile;
	}
	return Path.IsEmpty() ? StartWithText(Settings->ConfigText) : StartWithFile(Path);
}

ESinewResult USinewSubsystem::StartWithText(const FString& Toml)
{
	if (FSinewNative::Get() == nullptr || Server != nullptr)
	{
		return Finish(SINEW_RESULT_OK, nullptr);
	}
	const FSinewUtf8 Text(Toml);
	sinew_server* Started = nullptr;
	const sinew_result Result = FSinewNative::Get()->sinew_server_start(Text.Get(), Text.Num(), &Started);
	return Finish(Result, Started);
}

ESinewResult USinewSubsystem::StartWithFile(const FString& Path)
{
	if (FSinewNative::Get() == nullptr || Server != nullptr)
	{
		return Finish(SINEW_RESULT_OK, nullptr);
	}
	const FSinewUtf8 Text(FullPath(Path));
	sinew_server* Started = nullptr;
	const sinew_result Result = FSinewNative::Get()->sinew_server_start_file(Text.Get(), Text.Num(), &Started);
	return Finish(Result, Started);
}

ESinewResult USinewSubsystem::Finish(sinew_result Result, sinew_server* Started)
{
	if (FSinewNative::Get() == nullptr)
	{
		return NotRunning();
	}
	if (Server != nullptr)
	{
		return Refused(ESinewResult::InvalidState, TEXT("this game instance's server runs already: call Stop, and start it again at OnStopped"));
	}
	const ESinewResult Judged = Judge(Result);
	if (Judged != ESinewResult::Ok)
	{
		UE_LOG(LogSinew, Error, TEXT("the server is not started: %s"), *LastError);
		return Judged;
	}
	Server = Started;
	Lent.SetNumZeroed(256);
	LentCount = NextLent = 0;
	bFreeAfterDispatch = false;
	Ticker = FTSTicker::GetCoreTicker().AddTicker(FTickerDelegate::CreateUObject(this, &USinewSubsystem::Tick), 0.0f);
	return ESinewResult::Ok;
}

ESinewResult USinewSubsystem::Stop()
{
	return Server == nullptr ? NotRunning() : Judge(FSinewNative::Get()->sinew_server_stop(Server));
}

ESinewResult USinewSubsystem::Reload(const FString& Toml)
{
	if (Server == nullptr)
	{
		return NotRunning();
	}
	const FSinewUtf8 Text(Toml);
	return Judge(FSinewNative::Get()->sinew_server_reload(Server, Text.Get(), Text.Num()));
}

ESinewResult USinewSubsystem::ReloadFile(const FString& Path)
{
	FString Toml;
	const FString Full = FullPath(Path);
	if (!FFileHelper::LoadFileToString(Toml, *Full))
	{
		return Refused(ESinewResult::InvalidConfig, *FString::Printf(TEXT("%s cannot be read; nothing has changed"), *Full));
	}
	return Reload(Toml);
}

void USinewSubsystem::SetRegistryConnector(USinewRegistryConnector* InConnector)
{
	if (Connector != nullptr)
	{
		Connector->Subsystem = nullptr;
	}
	Connector = InConnector;
	if (Connector != nullptr)
	{
		Connector->Subsystem = this;
	}
}

void USinewSubsystem::SetTagHandler(uint16 FirstTag, uint16 LastTag, TFunction<void(USinewRemoteServer&, const FSinewMessageView&)> Handler)
{
	FirstHandledTag = FirstTag;
	LastHandledTag = LastTag;
	TagHandler = MoveTemp(Handler);
}

void USinewSubsystem::Free()
{
	if (Connector != nullptr && RegisteredId != 0)
	{
		// No event will say it: nobody polls any more.
		const int64 Id = RegisteredId;
		RegisteredId = 0;
		Connector->DeregisterServer(Id);
	}
	if (bDispatching)
	{
		// A handler of ours ends the game instance: its server ends here, but for the memory that the handler still reads.
		bFreeAfterDispatch = true;
		if (Server != nullptr)
		{
			FSinewNative::Get()->sinew_server_close(Server);
		}
		return;
	}
	bFreeAfterDispatch = false;
	FTSTicker::GetCoreTicker().RemoveTicker(Ticker);
	Ticker.Reset();
	if (Server != nullptr)
	{
		sinew_server* const Ended = Server;
		Server = nullptr;
		FSinewNative::Get()->sinew_server_free(Ended);
	}
	LentCount = NextLent = 0;
	Remotes.Empty();
	Groups.Empty();

	// Everybody who waits is told, and nobody twice: a continuation may ask anew, and is answered at once.
	TMap<int64, FOutcome> Unanswered = MoveTemp(Waiting);
	Waiting.Empty();
	for (TPair<int64, FOutcome>& Pair : Unanswered)
	{
		FSinewReply Reply;
		Reply.RequestId = Pair.Key;
		Reply.Failure = ESinewRequestFailure::Stopping;
		Pair.Value(Reply);
	}
}

ESinewResult USinewSubsystem::Judge(sinew_result Result) const
{
	const ESinewResult Judged = SinewConvert::Result(Result);
	if (Judged != ESinewResult::Ok)
	{
		char Sentence[2048];
		const bool bSays = FSinewNative::Get()->sinew_last_error(Sentence, sizeof(Sentence), nullptr) == SINEW_RESULT_OK;
		LastError = SinewConvert::Text(bSays ? Sentence : FSinewNative::Get()->sinew_result_text(Result));
	}
	return Judged;
}

ESinewResult USinewSubsystem::Refused(ESinewResult Result, const TCHAR* Sentence) const
{
	LastError = Sentence;
	return Result;
}

ESinewResult USinewSubsystem::NotRunning() const
{
	if (FSinewNative::Get() == nullptr)
	{
		return Refused(ESinewResult::NoLibrary, *FSinewNative::GetLoadError());
	}
	return Refused(ESinewResult::Stopped, TEXT("this game instance's server does not run: call Start first"));
}
