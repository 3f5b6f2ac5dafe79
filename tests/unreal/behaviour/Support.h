/* For the programs of this folder: game instances with the plugin in them, checks that say what they saw, and the server in C. */
#pragma once
#include "CoreMinimal.h"
#include "Engine/GameInstance.h"
#include "SinewSubsystem.h"
#include "StubTests.h"
#include "UObject/StrongObjectPtr.h"
#include "UObject/UObjectGlobals.h"
#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#define CHECK(Condition) Check((Condition), #Condition, __FILE__, __LINE__)
#define CHECK_OK(Sinew, Call) CheckOk((Sinew), (Call), #Call, __FILE__, __LINE__)

void Check(bool bHolds, const char* What, const char* File, int Line);
void CheckOk(USinewSubsystem* Sinew, ESinewResult Result, const char* Call, const char* File, int Line);

/** The module, as the engine starts and ends it. */
void StartModule();
void EndModule();

/** A game instance; its subsystem is that of the plugin. */
struct FGame
{
	explicit FGame(bool bDedicated = false);
	~FGame();
	/** Ends the game instance, as the engine does. */
	void End();

	TStrongObjectPtr<UGameInstance> Instance;
	USinewSubsystem* Sinew;
};

/** Runs frames until it holds. */
inline void Until(const std::function<bool()>& Condition, const char* What)
{
	StubFramesUntil(Condition, What);
}

/** A server of the group `game`, a mesh that also connects to the servers in C. */
FString GameConfig(const char* Name, const std::string& More = "");

/** Starts it and waits until it is registered. */
void StartAndRegister(FGame& Game, const char* Name, const std::string& More = "");

/** The server in C: peer.c tells what it does. It is killed when this ends, unless it was stopped. */
struct FPeer
{
	explicit FPeer(const char* Name);
	~FPeer();
	void Kill();
	/** Ends it gracefully, and waits for that. */
	void Stop();
	void WakeUp();

	pid_t Process = 0;
	int Input = -1;
};

/** The server of this name that is connected; waits for it. */
USinewRemoteServer* Connected(FGame& Game, const char* Name);

TArray<uint8> Bytes(const std::string& From);
std::string Text(TConstArrayView<uint8> From);

int Threads();
int OpenFiles();

/** What a variable says that the runner must set. */
std::string Variable(const char* Name);
