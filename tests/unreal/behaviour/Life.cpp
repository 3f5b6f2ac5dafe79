/* Starting and ending: game instances, settings, the command line, what is missing, and what stays behind. */
#include "HAL/PlatformTime.h"
#include "Misc/AutomationTest.h"
#include "Misc/CommandLine.h"
#include "Scenarios.h"
#include "SinewNative.h"
#include "SinewRegistryConnector.h"
#include "SinewSettings.h"
#include "Support.h"

#include <chrono>
#include <fstream>
#include <map>
#include <unistd.h>

/** Two game instances of one process, as in the editor, in one cluster. */
void Instances()
{
	FGame First, Second(true);
	StartAndRegister(First, "one");
	StartAndRegister(Second, "two");
	USinewRemoteServer* const Two = Connected(First, "two");
	USinewRemoteServer* const One = Connected(Second, "one");
	CHECK(Two != One && First.Sinew->FindServer(Two->GetId()) == Two && Second.Sinew->FindServer(Two->GetId()) == nullptr);
	std::string Heard;
	Second.Sinew->OnMessageReceivedNative.AddLambda([&](USinewRemoteServer& Server, const FSinewMessageView& Message)
	{
		CHECK(&Server == One);
		Heard = Text(Message.Payload);
	});
	CHECK_OK(First.Sinew, Two->Send(1, Bytes("from one")));
	Until([&]() { return Heard == "from one"; }, "two hears one");

	// One ends, the other goes on, and is told.
	bool bLeft = false;
	Second.Sinew->OnServerLeftNative.AddLambda([&](USinewRemoteServer& Server, ESinewLeaveReason Reason) { bLeft = &Server == One && Reason == ESinewLeaveReason::Stopped; });
	First.End();
	Until([&]() { return bLeft; }, "two sees one leave");
	CHECK(Second.Sinew->IsRunning() && Second.Sinew->StartWithText(GameConfig("two")) == ESinewResult::InvalidState);

	// Again, in the handler that says that it has stopped.
	int Stops = 0;
	Second.Sinew->OnStoppedNative.AddLambda([&](ESinewStopReason Reason, const FString&)
	{
		CHECK(Reason == ESinewStopReason::Requested && !Second.Sinew->IsRunning());
		if (++Stops == 1)
		{
			CHECK_OK(Second.Sinew, Second.Sinew->StartWithText(GameConfig("two")));
		}
	});
	CHECK_OK(Second.Sinew, Second.Sinew->Stop());
	Until([&]() { return Stops == 1; }, "it stops");
	CHECK(Second.Sinew->IsRunning());
	CHECK_OK(Second.Sinew, Second.Sinew->Stop());
	Until([&]() { return Stops == 2; }, "it stops again");
}

/** A registry that the game connects: a list in memory, for two game instances. */
class UListConnector : public USinewRegistryConnector
{
public:
	static std::map<int64, FSinewRegistration> Entries;
	int Failures = 1;

	virtual void RegisterServer_Implementation(const FSinewRegistration& Entry) override
	{
		if (Failures-- > 0)
		{
			CHECK(HandleRegisterFailed(TEXT("not in the mood")) == ESinewResult::Ok);
			return;
		}
		CHECK(Entry.Group == TEXT("game") && Entry.Port > 0 && Entry.Properties.Find(TEXT("map")) != nullptr);
		Entries[Entry.Id] = Entry;
		CHECK(HandleRegistered(Entry.Id) == ESinewResult::Ok);
	}
	virtual void DeregisterServer_Implementation(int64 ServerId) override { Entries.erase(ServerId); }
	void Look()
	{
		CHECK(BeginSnapshot() == ESinewResult::Ok);
		for (const auto& Entry : Entries)
		{
			CHECK(HandleServerJoin(Entry.second) == ESinewResult::Ok);
		}
		CHECK(EndSnapshot() == ESinewResult::Ok);
	}
};

std::map<int64, FSinewRegistration> UListConnector::Entries;

void Connector()
{
	const std::string External = "registry.kind = 'external'\nserver.properties = { map = 'K\u00f6ln' }\nlimits.drain_ms = 100\n";
	FGame First, Second;
	bool bLost = false, bRestored = false;
	FString Why;
	First.Sinew->OnRegistryLostNative.AddLambda([&](const FString& Text) { Why = Text; bLost = true; });
	First.Sinew->OnRegistryRestoredNative.AddLambda([&]() { bRestored = true; });

	// Nobody is set: it is said, and asked again.
	CHECK_OK(First.Sinew, First.Sinew->StartWithText(StubWide("server.group = 'game'\nserver.name = 'one'\ngroups.game.connects_to = ['game']\n" + External)));
	Until([&]() { return bLost; }, "the registry is missed");
	CHECK(Why.Contains(TEXT("SetRegistryConnector")));
	UListConnector* const One = NewObject<UListConnector>();
	First.Sinew->SetRegistryConnector(One);
	CollectGarbage(); // the subsystem keeps it
	CHECK(One->GetSubsystem() == First.Sinew);
	UListConnector* const Two = NewObject<UListConnector>();
	Second.Sinew->SetRegistryConnector(Two);
	CHECK(Two->HandleServerLeave(1) == ESinewResult::Stopped);
	CHECK_OK(Second.Sinew, Second.Sinew->StartWithText(StubWide("server.group = 'game'\nserver.name = 'two'\ngroups.game.connects_to = ['game']\n" + External)));
	Until([&]() { return UListConnector::Entries.size() == 2 && bRestored; }, "both are registered");
	CHECK(Two->HandleServerLeave(1) == ESinewResult::UnknownServer);
	One->Look();
	Two->Look();
	USinewRemoteServer* const Remote = Connected(First, "two");
	CHECK(*Remote->GetProperties().Find(TEXT("map")) == TEXT("K\u00f6ln"));

	bLost = bRestored = false;
	CHECK_OK(First.Sinew, One->HandleRegistryLost(TEXT("the list is on fire")));
	Until([&]() { return bLost; }, "it is told");
	CHECK(Why.Contains(TEXT("on fire")));
	CHECK_OK(First.Sinew, One->HandleRegistryRestored());
	Until([&]() { return bRestored; }, "it is told");

	CHECK_OK(First.Sinew, First.Sinew->Stop());
	Until([&]() { return !First.Sinew->IsRunning(); }, "it stops");
	CHECK(UListConnector::Entries.size() == 1);
	First.Sinew->SetRegistryConnector(nullptr);
	CHECK(One->GetSubsystem() == nullptr && One->HandleRegistryRestored() == ESinewResult::Stopped);

	// Without Stop, too, an entry does not outlive its server.
	Second.End();
	CHECK(UListConnector::Entries.empty());
}

/** Nothing is left, however often. */
void Cycles()
{
	FPeer Peer("bob");
	int FilesAfterOne = 0, ObjectsAfterOne = 0;
	for (int Cycle = 0; Cycle < 200; ++Cycle)
	{
		FGame Game;
		if (Cycle % 10 == 0)
		{
			StartAndRegister(Game, "alice");
			CHECK_OK(Game.Sinew, Connected(Game, "bob")->Send(10, Bytes("hello")));
		}
		else
		{
			CHECK_OK(Game.Sinew, Game.Sinew->StartWithText(GameConfig("alice", "limits.drain_ms = 0\n")));
		}
		if (Cycle % 2 == 0)
		{
			CHECK_OK(Game.Sinew, Game.Sinew->Stop());
		}
		Game.End();
		if (Cycle == 0)
		{
			FilesAfterOne = OpenFiles();
			ObjectsAfterOne = StubObjects();
		}
		// The kernel shows a thread that was joined for a moment longer.
		Until([&]() { return Threads() == 1; }, "no thread is left");
		CHECK(OpenFiles() == FilesAfterOne && StubObjects() == ObjectsAfterOne);
		CHECK(FTSTicker::GetCoreTicker().StubCount() == 0);
	}
}

/** The game instance ends in the middle of traffic: between frames, in a handler, and by the module. */
void Shutdown()
{
	for (int Kind = 0; Kind < 3; ++Kind)
	{
		FGame Game;
		StartAndRegister(Game, "alice");
		FPeer Peer(("bob-" + std::to_string(Kind)).c_str());
		USinewRemoteServer* const Bob = Connected(Game, ("bob-" + std::to_string(Kind)).c_str());
		bool bEnded = false;
		Bob->OnMessageReceivedNative.AddLambda([&](USinewRemoteServer& Server, const FSinewMessageView& Message)
		{
			if (Kind == 1 && !bEnded)
			{
				bEnded = true;
				Game.Instance->Shutdown();
				CollectGarbage();
				// Nothing of the server is left but what is lent, and who lent it.
				Until([]() { return Threads() == 1; }, "no thread is left");
				CHECK(Text(Message.Payload) == "x" && Server.GetConnectionState() != ESinewConnectionState::Unknown);
				CHECK(Bob->Send(10, Bytes("x")) == ESinewResult::Stopped);
			}
		});
		for (int Index = 0; Index < 2000; ++Index)
		{
			CHECK_OK(Game.Sinew, Bob->Send(10, Bytes("x")));
		}
		const double Began = FPlatformTime::Seconds();
		if (Kind == 1)
		{
			Until([&]() { return bEnded; }, "the handler ends it");
		}
		else if (Kind == 2)
		{
			EndModule();
			CHECK(!Game.Sinew->IsRunning() && Bob->Send(10, Bytes("x")) == ESinewResult::Stopped);
			StartModule();
		}
		Game.End();
		Until([]() { return Threads() == 1; }, "no thread is left");
		CHECK(FPlatformTime::Seconds() - Began < 10 && FTSTicker::GetCoreTicker().StubCount() == 0);
	}
}

/** The project's settings, the command line, and the log. */
void Settings()
{
	USinewSettings* const Settings = GetMutableDefault<USinewSettings>();
	CHECK(Settings->GetCategoryName().ToString() == TEXT("Plugins") && Settings->AutoStart == ESinewAutoStart::Never);
	{
		FGame Game(true);
		CHECK(!Game.Sinew->IsRunning());
	}
	const char* const File = "behaviour.toml";
	std::ofstream(File) << "server.group = 'game'\ngroups.game.connects_to = ['game']\nregistry = { host = true, listen = '127.0.0.1:0' }\nlog.to = 'none'\n";
	Settings->ConfigText = TEXT("server.group = 'wrong");
	Settings->ConfigFile = StubWide(File);
	Settings->AutoStart = ESinewAutoStart::OnDedicatedServers;
	{
		FGame Client, Server(true);
		CHECK(!Client.Sinew->IsRunning() && Server.Sinew->IsRunning());
	}
	Settings->AutoStart = ESinewAutoStart::Never;
	Settings->ConfigFile = FString();
	// The command line starts a server, and its words lie on top of the file. They are read when the module starts.
	FCommandLine::StubLine = TEXT("-server -SinewConfig=behaviour.toml -SinewName=\"from-the-line\" -log");
	EndModule();
	StartModule();
	{
		FGame Game;
		CHECK(Game.Sinew->IsRunning());
		FSinewServerInfo Info;
		CHECK_OK(Game.Sinew, Game.Sinew->GetServerInfo(Info));
		CHECK(Info.Name == TEXT("from-the-line"));
		bool bStarted = false;
		int Logs = 0;
		Game.Sinew->OnStartedNative.AddLambda([&](int64) { bStarted = true; });
		Game.Sinew->OnLogNative.AddLambda([&](ESinewLogLevel Level, const FString& Text) { Logs += Level != ESinewLogLevel::Unknown && !Text.IsEmpty(); });
		Until([&]() { return bStarted && Logs > 0; }, "it starts, and logs");
		// The warning about the missing key, although the file says that nothing is logged.
		bool bWarned = false;
		for (const FStubLine& Line : StubLines())
		{
			bWarned |= Line.Verbosity == ELogVerbosity::Warning && Line.Text.find("no cluster key") != std::string::npos;
		}
		CHECK(bWarned);
	}
	unlink(File);
	CHECK(StubErrors() == 0);
}

/** What is wrong with a configuration is said, once, and the game goes on. */
void ConfigErrors()
{
	FGame Game;
	CHECK(Game.Sinew->StartWithText(TEXT("server.group = 'game'\ngroups.game = {}\nlimits.outbox_byte = 1\n")) == ESinewResult::InvalidConfig);
	CHECK(Game.Sinew->GetLastError().Contains(TEXT("line 3")) && Game.Sinew->GetLastError().Contains(TEXT("limits.outbox_bytes")));
	CHECK(StubErrors() == 1 && StubLines().back().Text.find("limits.outbox_byte") != std::string::npos);
	CHECK(!Game.Sinew->IsRunning());
	CHECK(Game.Sinew->StartWithFile(TEXT("no-such-file.toml")) == ESinewResult::InvalidConfig && Game.Sinew->GetLastError().Contains(TEXT("no-such-file.toml")));
	CHECK(Game.Sinew->Start() == ESinewResult::InvalidConfig);
	StartAndRegister(Game, "alice");
}

/** The variable EXPECT says what the one error must name. Everything answers, nothing happens. */
void NoLibrary()
{
	CHECK(FSinewNative::Get() == nullptr && StubErrors() == 1);
	CHECK(StubLines().back().Text.find(Variable("EXPECT")) != std::string::npos);
	GetMutableDefault<USinewSettings>()->AutoStart = ESinewAutoStart::Always;
	FGame Game(true);
	CHECK(Game.Sinew->Start() == ESinewResult::NoLibrary && Game.Sinew->GetLastError() == FSinewNative::GetLoadError());
	CHECK(Game.Sinew->StartWithText(TEXT("")) == ESinewResult::NoLibrary && Game.Sinew->StartWithFile(TEXT("x")) == ESinewResult::NoLibrary);
	CHECK(Game.Sinew->Stop() == ESinewResult::NoLibrary && Game.Sinew->Reload(TEXT("")) == ESinewResult::NoLibrary);
	CHECK(Game.Sinew->GetServerGroups().IsEmpty() && Game.Sinew->GetServerGroup(TEXT("game")) == nullptr && Game.Sinew->FindServer(1) == nullptr);
	FString Text;
	bool bFound = true;
	FSinewStats Stats;
	FSinewServerInfo Info;
	CHECK(Game.Sinew->Explain(1, Text) == ESinewResult::NoLibrary && Game.Sinew->GetStats(Stats) == ESinewResult::NoLibrary);
	CHECK(Game.Sinew->GetServerInfo(Info) == ESinewResult::NoLibrary && Game.Sinew->CancelRequest(1) == ESinewResult::NoLibrary);
	CHECK(Game.Sinew->SetProperty(TEXT("a"), TEXT("b")) == ESinewResult::NoLibrary && Game.Sinew->GetProperty(0, TEXT("a"), Text, bFound) == ESinewResult::NoLibrary);
	Game.Sinew->Poll();
	Game.End();
	CHECK(StubErrors() == 1);
}

void Specs()
{
	const int32 Ran = FAutomationSpecBase::StubRunAll();
	CHECK(Ran == 7);
}
