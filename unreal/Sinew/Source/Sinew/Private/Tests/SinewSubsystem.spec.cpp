// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "Misc/AutomationTest.h"

#if WITH_AUTOMATION_TESTS

#include "CoreMinimal.h"
#include "Engine/Engine.h"
#include "Engine/GameInstance.h"
#include "Engine/World.h"
#include "SinewNative.h"
#include "SinewSubsystem.h"
#include "SinewTestFlags.h"
#include "UObject/StrongObjectPtr.h"
#include "UObject/UObjectGlobals.h"

BEGIN_DEFINE_SPEC(FSinewSubsystemSpec, "Sinew.Subsystem", SinewTestFlags)
	/** A server by itself, that hosts the registry on a port that nobody else knows. */
	FString Alone;
	TStrongObjectPtr<UGameInstance> GameInstance;
	USinewSubsystem* Subsystem = nullptr;
END_DEFINE_SPEC(FSinewSubsystemSpec)

void FSinewSubsystemSpec::Define()
{
	BeforeEach([this]()
	{
		Alone = TEXT("server.group = 'world'\ngroups.world.connects_to = ['world']\nregistry = { host = true, listen = '127.0.0.1:0' }\n");
		GameInstance.Reset(NewObject<UGameInstance>(GEngine));
		GameInstance->InitializeStandalone();
		Subsystem = GameInstance->GetSubsystem<USinewSubsystem>();
	});

	AfterEach([this]()
	{
		UWorld* const World = GameInstance->GetWorld();
		GameInstance->Shutdown();
		if (World != nullptr)
		{
			GEngine->DestroyWorldContext(World);
			World->DestroyWorld(false);
		}
		GameInstance.Reset();
		Subsystem = nullptr;
	});

	Describe(TEXT("The library"), [this]()
	{
		It(TEXT("is loaded"), [this]()
		{
			TestTrue(FSinewNative::GetLoadError(), FSinewNative::Get() != nullptr);
		});
	});

	Describe(TEXT("A game instance"), [this]()
	{
		It(TEXT("says what is wrong with a configuration"), [this]()
		{
			AddExpectedError(TEXT("the server is not started"));
			TestTrue(TEXT("it is refused"), Subsystem->StartWithText(TEXT("server.grup = 'world'")) == ESinewResult::InvalidConfig);
			TestTrue(TEXT("the key is named"), Subsystem->GetLastError().Contains(TEXT("server.grup")));
			TestFalse(TEXT("nothing runs"), Subsystem->IsRunning());
		});
		LatentIt(TEXT("is registered, and stops"), [this](const FDoneDelegate& Done)
		{
			Subsystem->OnStartedNative.AddLambda([this](int64 ServerId)
			{
				TestTrue(TEXT("it has an id"), ServerId != 0);
				Subsystem->Stop();
			});
			Subsystem->OnStoppedNative.AddLambda([this, Done](ESinewStopReason Reason, const FString&)
			{
				TestTrue(TEXT("because it was asked to"), Reason == ESinewStopReason::Requested);
				TestFalse(TEXT("nothing runs"), Subsystem->IsRunning());
				Done.Execute();
			});
			TestTrue(TEXT("it starts"), Subsystem->StartWithText(Alone) == ESinewResult::Ok);
		});
	});
}

#endif
