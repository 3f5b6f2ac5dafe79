#include "Support.h"

#include "Modules/ModuleInterface.h"

#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/wait.h>
#include <unistd.h>

IModuleInterface* StubMakeModule_Sinew();

void Check(bool bHolds, const char* What, const char* File, int Line)
{
	if (!bHolds)
	{
		std::fprintf(stderr, "%s:%d: does not hold: %s\n", File, Line, What);
		for (const FStubLine& Logged : StubLines())
		{
			std::fprintf(stderr, "  logged: %s\n", Logged.Text.c_str());
		}
		std::_Exit(1);
	}
}

void CheckOk(USinewSubsystem* Sinew, ESinewResult Result, const char* Call, const char* File, int Line)
{
	if (Result != ESinewResult::Ok)
	{
		std::fprintf(stderr, "%s:%d: %s: result %d: %s\n", File, Line, Call, static_cast<int>(Result), StubNarrow(Sinew->GetLastError()).c_str());
		std::_Exit(1);
	}
}

static std::unique_ptr<IModuleInterface>& Module()
{
	static std::unique_ptr<IModuleInterface> Only;
	return Only;
}

void StartModule()
{
	Module().reset(StubMakeModule_Sinew());
	Module()->StartupModule();
}

void EndModule()
{
	Module()->ShutdownModule();
	Module().reset();
}

FGame::FGame(bool bDedicated) : Instance(NewObject<UGameInstance>())
{
	Instance->bStubDedicated = bDedicated;
	Instance->InitializeStandalone();
	Sinew = Instance->GetSubsystem<USinewSubsystem>();
	CHECK(Sinew != nullptr);
}

FGame::~FGame()
{
	End();
}

void FGame::End()
{
	if (Instance.IsValid())
	{
		Instance->Shutdown();
		Instance.Reset();
		Sinew = nullptr;
		CollectGarbage();
	}
}

std::string Variable(const char* Name)
{
	const char* const Value = std::getenv(Name);
	if (Value == nullptr)
	{
		std::fprintf(stderr, "the variable %s is not set\n", Name);
		std::exit(2);
	}
	return Value;
}

FString GameConfig(const char* Name, const std::string& More)
{
	return StubWide("server = { group = 'game', name = '" + std::string(Name) + "' }\ngroups.game.connects_to = ['game', 'peer']\n"
		"groups.peer.visibility = 'external'\n" + (More.find("registry") == std::string::npos ? "registry.addresses = ['" + Variable("REGISTRY") + "']\n" : "") + More);
}

void StartAndRegister(FGame& Game, const char* Name, const std::string& More)
{
	bool bStarted = false;
	const FDelegateHandle Handle = Game.Sinew->OnStartedNative.AddLambda([&bStarted](int64 ServerId) { bStarted = ServerId != 0; });
	CHECK_OK(Game.Sinew, Game.Sinew->StartWithText(GameConfig(Name, More)));
	Until([&bStarted]() { return bStarted; }, "it is registered");
	Game.Sinew->OnStartedNative.Remove(Handle);
}

FPeer::FPeer(const char* Name)
{
	const std::string Program = Variable("PEER"), Registry = Variable("REGISTRY");
	int Ends[2];
	CHECK(pipe2(Ends, O_CLOEXEC) == 0);
	Process = fork();
	CHECK(Process >= 0);
	if (Process == 0)
	{
		dup2(Ends[0], 0);
		execl(Program.c_str(), Program.c_str(), Name, Registry.c_str(), static_cast<char*>(nullptr));
		_exit(127);
	}
	close(Ends[0]);
	Input = Ends[1];
}

FPeer::~FPeer()
{
	Kill();
}

void FPeer::Kill()
{
	if (Process > 0)
	{
		kill(Process, SIGKILL);
		waitpid(Process, nullptr, 0);
		close(Input);
		Process = 0;
	}
}

void FPeer::Stop()
{
	close(Input);
	int Status = -1;
	Until([&]() { return waitpid(Process, &Status, WNOHANG) == Process; }, "the peer stops");
	CHECK(WIFEXITED(Status) && WEXITSTATUS(Status) == 0);
	Process = 0;
}

void FPeer::WakeUp()
{
	CHECK(write(Input, "w", 1) == 1);
}

USinewRemoteServer* Connected(FGame& Game, const char* Name)
{
	USinewRemoteServer* Found = nullptr;
	Until([&]()
	{
		for (USinewServerGroup* const Group : Game.Sinew->GetServerGroups())
		{
			for (USinewRemoteServer* const Remote : Group->GetRemoteServers())
			{
				if (Remote->GetServerName() == StubWide(Name) && Remote->GetConnectionState() == ESinewConnectionState::Connected)
				{
					Found = Remote;
				}
			}
		}
		return Found != nullptr;
	}, "it is connected");
	return Found;
}

TArray<uint8> Bytes(const std::string& From)
{
	return TArray<uint8>(reinterpret_cast<const uint8*>(From.data()), static_cast<int32>(From.size()));
}

std::string Text(TConstArrayView<uint8> From)
{
	return std::string(reinterpret_cast<const char*>(From.GetData()), static_cast<size_t>(From.Num()));
}

static int Entries(const char* Folder)
{
	DIR* const Opened = opendir(Folder);
	CHECK(Opened != nullptr);
	int Count = 0;
	while (const dirent* const Entry = readdir(Opened))
	{
		Count += Entry->d_name[0] != '.';
	}
	closedir(Opened);
	return Count;
}

int Threads()
{
	return Entries("/proc/self/task");
}

int OpenFiles()
{
	// But the one that looks.
	return Entries("/proc/self/fd") - 1;
}
