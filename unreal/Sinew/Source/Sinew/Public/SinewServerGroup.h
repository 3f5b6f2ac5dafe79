// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "Async/Future.h"
#include "Containers/ArrayView.h"
#include "CoreMinimal.h"
#include "SinewRemoteServer.h"
#include "SinewTypes.h"
#include "UObject/Object.h"
#include "UObject/WeakObjectPtrTemplates.h"

#include "SinewServerGroup.generated.h"

/**
 * A group that this server's group is connected with. Keep it as long as you like: when the groups are not connected any more, or the game
 * instance has ended, every call answers UnknownGroup or Stopped and does nothing. Thread: the game's.
 */
UCLASS(BlueprintType)
class SINEW_API USinewServerGroup : public UObject
{
	GENERATED_BODY()

public:
	UFUNCTION(BlueprintPure, Category = "Sinew")
	const FString& GetGroupName() const { return Name; }

	/** Visibility, direction and how many servers are in view, as of now. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult GetInfo(FSinewGroupInfo& OutInfo) const;

	/** Its servers in view, connected or not, the oldest registration first. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	TArray<USinewRemoteServer*> GetRemoteServers() const;

	/** One of its servers; None if it has none of this id in view. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	USinewRemoteServer* GetRemoteServer(int64 ServerId) const;

	/** Sends a message to every connected server of the group. OutSent: to how many; OutMissed: the ids of those that did not get it. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult Broadcast(int32 Tag, const TArray<uint8>& Payload, int32& OutSent, TArray<int64>& OutMissed, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0);

	/** The same from any memory. */
	ESinewResult BroadcastView(int32 Tag, TConstArrayView<uint8> Payload, int32& OutSent, TArray<int64>& OutMissed, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0);

	/** Sends a message to one server of the group, and tells to which. Key goes with the policy Key and is empty otherwise. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult SendAny(ESinewPolicy Policy, const TArray<uint8>& Key, int32 Tag, const TArray<uint8>& Payload, int64& OutServerId, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0);

	/** The same from any memory. */
	ESinewResult SendAnyView(ESinewPolicy Policy, TConstArrayView<uint8> Key, int32 Tag, TConstArrayView<uint8> Payload, int64& OutServerId, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0);

	/** Asks one server of the group, and Retries more of them if one fails to answer. Otherwise as StartRequest on a remote server. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult StartRequestAny(ESinewPolicy Policy, const TArray<uint8>& Key, int32 Tag, const TArray<uint8>& Payload, int64& OutRequestId, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0, int32 TimeoutMs = 5000, int32 Retries = 0);

	/** Asks one server of the group, and has the outcome in a future: as Request on a remote server. */
	TFuture<FSinewReply> RequestAny(ESinewPolicy Policy, TConstArrayView<uint8> Key, int32 Tag, TConstArrayView<uint8> Payload, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0, int32 TimeoutMs = 5000, int32 Retries = 0);

	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnServerJoined;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnServerConnected;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewDisconnectedSignature OnServerDisconnected;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewLeftSignature OnServerLeft;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnServerUpdated;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewMessageSignature OnMessageReceived;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewRequestSignature OnRequestReceived;

	FSinewServerNative OnServerJoinedNative;
	FSinewServerNative OnServerConnectedNative;
	FSinewDisconnectedNative OnServerDisconnectedNative;
	FSinewLeftNative OnServerLeftNative;
	FSinewServerNative OnServerUpdatedNative;
	FSinewMessageNative OnMessageReceivedNative;
	FSinewRequestNative OnRequestReceivedNative;

private:
	friend class USinewRequestAction;
	friend class USinewSubsystem;

	TWeakObjectPtr<USinewSubsystem> Subsystem;
	FString Name;
};
