// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"
#include "Engine/DeveloperSettings.h"

#include "SinewSettings.generated.h"

/** When the subsystem of a game instance starts a server by itself. */
UENUM(BlueprintType)
enum class ESinewAutoStart : uint8
{
	/** The game calls Start. */
	Never,
	/** In dedicated servers, also those that the editor runs. */
	OnDedicatedServers,
	/** In every game instance, clients and the editor's included. */
	Always
};

/** Project Settings → Plugins → Sinew; kept in Config/DefaultGame.ini. */
UCLASS(Config = Game, DefaultConfig, meta = (DisplayName = "Sinew"))
class SINEW_API USinewSettings : public UDeveloperSettings
{
	GENERATED_BODY()

public:
	/** Whether game instances start a server by themselves. `-SinewConfig=FILE` on the command line starts one, too. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Sinew")
	ESinewAutoStart AutoStart = ESinewAutoStart::Never;

	/** A TOML file, relative to the project's folder; `-SinewConfig=FILE` goes before it. Stage it beside the game, not in a pak. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Sinew")
	FString ConfigFile;

	/** The configuration itself, where there is no file: docs/configuration.md lists every key. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Sinew", meta = (MultiLine = true))
	FString ConfigText;

	/** For how many microseconds of a frame events are handed over; the rest waits for the next frame. 0: all of them, however long it takes. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Sinew", meta = (ClampMin = "0"))
	int32 PollBudgetMicroseconds = 5000;

	/** The library's log goes to the category LogSinew, whatever `log.to` in the configuration says. */
	UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Sinew")
	bool bLogToUnreal = true;

	virtual FName GetCategoryName() const override;
};
