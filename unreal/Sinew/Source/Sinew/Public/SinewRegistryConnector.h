// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"
#include "SinewTypes.h"
#include "UObject/Object.h"
#include "UObject/WeakObjectPtrTemplates.h"

#include "SinewRegistryConnector.generated.h"

class USinewSubsystem;

/**
 * Connects a registry of your own (`registry.kind = "external"`), in C++ or as a Blueprint: Sinew asks by the three events, and you answer and
 * report by the calls. Hand it to SetRegistryConnector. docs/registries.md says what may be relied on. Thread: the game's; no call blocks.
 */
UCLASS(Abstract, Blueprintable, BlueprintType)
class SINEW_API USinewRegistryConnector : public UObject
{
	GENERATED_BODY()

public:
	/** Put this server's entry into the registry, then call HandleRegistered with its id, or HandleRegisterFailed. */
	UFUNCTION(BlueprintNativeEvent, Category = "Sinew")
	void RegisterServer(const FSinewRegistration& Entry);
	virtual void RegisterServer_Implementation(const FSinewRegistration& Entry);

	/** Take the entry of this id out, and no other: the server is stopping, or was replaced, or its game instance ends. */
	UFUNCTION(BlueprintNativeEvent, Category = "Sinew")
	void DeregisterServer(int64 ServerId);
	virtual void DeregisterServer_Implementation(int64 ServerId);

	/** This server cannot be dialled, again and again: look whether it is there, and call HandleServerLeave if it is not. */
	UFUNCTION(BlueprintNativeEvent, Category = "Sinew")
	void HandleConnectionFailure(int64 ServerId, const FString& GroupName);
	virtual void HandleConnectionFailure_Implementation(int64 ServerId, const FString& GroupName);

	/** This server stands in the registry, under the id of RegisterServer or another one that nobody ever had. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult HandleRegistered(int64 ServerId);

	/** It could not be put there; RegisterServer comes again after a pause. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult HandleRegisterFailed(const FString& Reason);

	/** A server stands in the registry. Report everybody: this server itself, and whom it may not see, are left out by Sinew. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult HandleServerJoin(const FSinewRegistration& Entry);

	/** It does not any more. A hint: a live link outlives it. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult HandleServerLeave(int64 ServerId);

	/** Begins a look at the whole registry: HandleServerJoin for everybody, then EndSnapshot. Whoever was not reported has left. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult BeginSnapshot();

	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult EndSnapshot();

	/** The registry cannot be reached. Links live on. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult HandleRegistryLost(const FString& Reason);

	/** It can be reached again. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult HandleRegistryRestored();

	/** The subsystem that it was handed to; None before that, and when the game instance has ended. */
	UFUNCTION(BlueprintPure, Category = "Sinew")
	USinewSubsystem* GetSubsystem() const;

private:
	friend class USinewSubsystem;

	TWeakObjectPtr<USinewSubsystem> Subsystem;
};
