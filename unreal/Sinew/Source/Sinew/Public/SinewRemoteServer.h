// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "Async/Future.h"
#include "Containers/ArrayView.h"
#include "CoreMinimal.h"
#include "SinewTypes.h"
#include "UObject/Object.h"
#include "UObject/WeakObjectPtrTemplates.h"

#include "SinewRemoteServer.generated.h"

class USinewRemoteServer;
class USinewServerGroup;
class USinewSubsystem;

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSinewServerSignature, USinewRemoteServer*, Server);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_FourParams(FSinewDisconnectedSignature, USinewRemoteServer*, Server, ESinewDisconnectReason, Reason, const FString&, Text, int64, Unacknowledged);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSinewLeftSignature, USinewRemoteServer*, Server, ESinewLeaveReason, Reason);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSinewMessageSignature, USinewRemoteServer*, Server, const FSinewMessage&, Message);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSinewRequestSignature, USinewRemoteServer*, Server, const FSinewRequest&, Request);

DECLARE_MULTICAST_DELEGATE_OneParam(FSinewServerNative, USinewRemoteServer&);
DECLARE_MULTICAST_DELEGATE_FourParams(FSinewDisconnectedNative, USinewRemoteServer&, ESinewDisconnectReason, const FString&, int64);
DECLARE_MULTICAST_DELEGATE_TwoParams(FSinewLeftNative, USinewRemoteServer&, ESinewLeaveReason);
DECLARE_MULTICAST_DELEGATE_TwoParams(FSinewMessageNative, USinewRemoteServer&, const FSinewMessageView&);
DECLARE_MULTICAST_DELEGATE_TwoParams(FSinewRequestNative, USinewRemoteServer&, const FSinewRequestView&);

/**
 * Another server of the cluster, from OnServerJoined on. Keep it as long as you like: after the server has left, or the game instance has
 * ended, every call answers UnknownServer or Stopped and does nothing.
 *
 * Of each event the remote server's own delegates are called first, then those of its group, then those of the subsystem, the native one
 * before the one for Blueprints; of messages and requests, all native ones first. Thread: the game's.
 */
UCLASS(BlueprintType)
class SINEW_API USinewRemoteServer : public UObject
{
	GENERATED_BODY()

public:
	/** Never used for another server, and kept when it has left. */
	UFUNCTION(BlueprintPure, Category = "Sinew")
	int64 GetId() const { return Id; }

	/** Unique in its group. */
	UFUNCTION(BlueprintPure, Category = "Sinew")
	const FString& GetServerName() const { return Name; }

	UFUNCTION(BlueprintPure, Category = "Sinew")
	const FString& GetGroupName() const { return GroupName; }

	/** What it says of itself, as of the last OnServerJoined or OnServerUpdated. */
	UFUNCTION(BlueprintPure, Category = "Sinew")
	const TMap<FString, FString>& GetProperties() const { return Properties; }

	/** Its group; None when the game instance has ended or the two groups are not connected any more. */
	UFUNCTION(BlueprintPure, Category = "Sinew")
	USinewServerGroup* GetServerGroup() const;

	/** How it stands with it, now; Left also when this server has stopped. */
	UFUNCTION(BlueprintPure, Category = "Sinew")
	ESinewConnectionState GetConnectionState() const;

	/** Address, state, round trip, load and the like, as of now. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult GetInfo(FSinewRemoteServerInfo& OutInfo) const;

	/** Why the link is, or is not, up: several lines for a person to read. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult Explain(FString& OutText) const;

	/**
	 * Sends a message. Copied before this returns; never blocks. QueueFull: nothing was sent, go on at OnWritable. Named so because
	 * windows.h makes a macro of SendMessage.
	 */
	UFUNCTION(BlueprintCallable, Category = "Sinew", meta = (DisplayName = "Send Message"))
	ESinewResult Send(int32 Tag, const TArray<uint8>& Payload, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0);

	/** The same from any memory. */
	ESinewResult SendView(int32 Tag, TConstArrayView<uint8> Payload, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0);

	/**
	 * Asks something. Exactly one of OnReplyReceived and OnRequestFailed of the subsystem follows with this number, within TimeoutMs (1 or more).
	 * The node Request Server does it in one piece.
	 */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult StartRequest(int32 Tag, const TArray<uint8>& Payload, int64& OutRequestId, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0, int32 TimeoutMs = 5000);

	/**
	 * Asks something, and has the outcome in a future: `.Next([](const FSinewReply& Reply) {...})` runs on the game's thread. Always set,
	 * also when the request could not be sent (NotSent) or the game instance ends (Stopping). Never wait for it on the game's thread.
	 */
	TFuture<FSinewReply> Request(int32 Tag, TConstArrayView<uint8> Payload, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0, int32 TimeoutMs = 5000);

	/** Answers OnRequestReceived, now or later. Code is a number of yours, 0 to 2^32 - 1. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult Reply(int64 RequestId, int64 Code, const TArray<uint8>& Payload);

	/** The same from any memory. */
	ESinewResult ReplyView(int64 RequestId, uint32 Code, TConstArrayView<uint8> Payload);

	/** Answers OnRequestReceived with a no; bNoHandler: because nothing here answers requests of its tag. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult Refuse(int64 RequestId, bool bNoHandler = false);

	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnConnected;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnInterrupted;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnResumed;
	/** Unacknowledged: reliable messages not known to have arrived, which nobody will send again. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewDisconnectedSignature OnDisconnected;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewLeftSignature OnLeft;
	/** Its properties are others than before. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnUpdated;
	/** After QueueFull: half of the outbox is free again. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnWritable;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewMessageSignature OnMessageReceived;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewRequestSignature OnRequestReceived;

	FSinewServerNative OnConnectedNative;
	FSinewServerNative OnInterruptedNative;
	FSinewServerNative OnResumedNative;
	FSinewDisconnectedNative OnDisconnectedNative;
	FSinewLeftNative OnLeftNative;
	FSinewServerNative OnUpdatedNative;
	FSinewServerNative OnWritableNative;
	FSinewMessageNative OnMessageReceivedNative;
	FSinewRequestNative OnRequestReceivedNative;

private:
	friend class USinewRequestAction;
	friend class USinewSubsystem;

	TWeakObjectPtr<USinewSubsystem> Subsystem;
	/** Found once, for it is needed with every message. */
	UPROPERTY(Transient)
	TObjectPtr<USinewServerGroup> Group;
	int64 Id = 0;
	FString Name;
	FString GroupName;
	TMap<FString, FString> Properties;
};
