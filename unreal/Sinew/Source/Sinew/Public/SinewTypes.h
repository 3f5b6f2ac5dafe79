// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "Containers/ArrayView.h"
#include "CoreMinimal.h"

#include "SinewTypes.generated.h"

// Enums hold the numbers of sinew.h where these fit into a byte; SinewTypes.cpp compares them. Unknown is what a newer library says.

/** What a call came to. GetLastError on the subsystem has the whole sentence, with the cause and the cure. */
UENUM(BlueprintType)
enum class ESinewResult : uint8
{
	Ok,
	/** A number that means nothing, or an object that is none. */
	InvalidArgument,
	/** The configuration is wrong: the sentence names the key, the line and the cure. */
	InvalidConfig,
	InvalidUtf8,
	InvalidData,
	/** No server of this id is in view: it has left, or never was visible. */
	UnknownServer,
	/** No group of this name is connected with this server's group. */
	UnknownGroup,
	Busy,
	/** The call is out of place now: the sentence says what must come first. */
	InvalidState,
	AlreadyJoined,
	/** No request of this number waits for an answer. */
	UnknownRequest,
	/** The outbox is full, nothing was queued: go on at OnWritable. */
	QueueFull,
	/** In view, but the link is down: wait for OnServerConnected. */
	NotConnected,
	/** Not started, stopped or stopping. */
	Stopped,
	MessageTooBig,
	TooManyRequests,
	/** No server of the group can be chosen now. */
	NoCandidate,
	AddressInUse,
	/** The operating system refused. */
	Io,
	/** A key or certificate file is missing, unreadable, damaged or of another cluster. */
	Key,
	/** A bug in Sinew was contained. */
	Panic,
	/** The library is missing or does not fit; the log has said so when the engine started. */
	NoLibrary,
	/** Newer than this plugin; the sentence says more. */
	Unknown
};

/** How a message is sent. */
UENUM(BlueprintType)
enum class ESinewSendMode : uint8
{
	/** Ordered, and exactly once, as long as the link lives. */
	Reliable = 0,
	/** At most once, in any order; dropped rather than queued. */
	Unreliable = 1
};

/** Messages of one lane keep their order; those of a higher lane go first. */
UENUM(BlueprintType)
enum class ESinewLane : uint8
{
	Lane0 = 0,
	Lane1 = 1,
	Lane2 = 2,
	Lane3 = 3
};

/** How it stands with a remote server. */
UENUM(BlueprintType)
enum class ESinewConnectionState : uint8
{
	Unknown = 0,
	/** In view, but no link. */
	Disconnected = 1,
	Connecting = 2,
	Connected = 3,
	/** The link is up, but nothing is heard from it; what is sent waits. */
	Interrupted = 4,
	/** Gone from view. */
	Left = 5
};

/** Who dials whom: bits, so that a group can have both. */
UENUM(BlueprintType)
enum class ESinewDirection : uint8
{
	None = 0,
	/** This server dials. */
	Outgoing = 1,
	/** The other one dials. */
	Incoming = 2,
	Both = 3
};

/** Whom a group is for. */
UENUM(BlueprintType)
enum class ESinewVisibility : uint8
{
	Unknown = 0,
	/** Its servers may not accept game clients. */
	Internal = 1,
	/** Its servers may accept game clients. */
	External = 2
};

/** Whether a server takes work: its property `state`. */
UENUM(BlueprintType)
enum class ESinewReadiness : uint8
{
	Unknown = 0,
	Starting = 1,
	Ready = 2,
	Draining = 3
};

/** Why a link went down. */
UENUM(BlueprintType)
enum class ESinewDisconnectReason : uint8
{
	Unknown = 0,
	Lost = 1,
	Silent = 2,
	PeerStopped = 3,
	PeerLeft = 4,
	Superseded = 5,
	Protocol = 6,
	Stopping = 7,
	Unrelated = 8
};

/** Why a remote server has left. */
UENUM(BlueprintType)
enum class ESinewLeaveReason : uint8
{
	Unknown = 0,
	Stopped = 1,
	Replaced = 2,
	Expired = 3,
	Stopping = 4,
	Unrelated = 5
};

/** Why this server has stopped. */
UENUM(BlueprintType)
enum class ESinewStopReason : uint8
{
	Unknown = 0,
	Requested = 1,
	/** A newer server registered under this server's group and name. */
	Replaced = 2,
	/** A bug in Sinew ended it. */
	Failed = 3
};

/** Why a request has no answer. */
UENUM(BlueprintType)
enum class ESinewRequestFailure : uint8
{
	/** It has one. */
	None = 0,
	TimedOut = 1,
	Disconnected = 2,
	Left = 3,
	/** The server asked would not answer. */
	Refused = 4,
	/** Nobody on the server asked answers requests of this tag. */
	NoHandler = 5,
	Overloaded = 6,
	Cancelled = 7,
	/** This server is stopping. */
	Stopping = 8,
	/** It was never sent: the result says why. */
	NotSent = 100,
	Unknown = 101
};

/** Which server of a group gets the work. */
UENUM(BlueprintType)
enum class ESinewPolicy : uint8
{
	/** None; refused by every call. */
	Unknown = 0,
	RoundRobin = 1,
	/** The least full by its properties `load` and `capacity`. */
	LeastLoaded = 2,
	/** The server that the key belongs to. */
	Key = 3
};

/** How severe a line of the library's log is. */
UENUM(BlueprintType)
enum class ESinewLogLevel : uint8
{
	Unknown = 0,
	Error = 1,
	Warning = 2,
	Info = 3,
	Debug = 4,
	Trace = 5
};

/** A message, copied for Blueprints; C++ has FSinewMessageView without a copy. */
USTRUCT(BlueprintType)
struct SINEW_API FSinewMessage
{
	GENERATED_BODY()

	/** What kind of message it is, 0 to 65535: a number of yours. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	int32 Tag = 0;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	ESinewSendMode Mode = ESinewSendMode::Reliable;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	ESinewLane Lane = ESinewLane::Lane0;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	TArray<uint8> Payload;
};

/** A question of another server, copied for Blueprints: answer with Reply or Refuse on the server that asks, now or later. */
USTRUCT(BlueprintType)
struct SINEW_API FSinewRequest
{
	GENERATED_BODY()

	/** Names the request in Reply and Refuse. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RequestId = 0;

	/** Tag, mode, lane and payload. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	FSinewMessage Message;

	/** For how many milliseconds it is waited for an answer. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 TimeoutMs = 0;
};

/** What came of a request of this server. */
USTRUCT(BlueprintType)
struct SINEW_API FSinewReply
{
	GENERATED_BODY()

	/** None: it was answered, and what follows is the answer. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	ESinewRequestFailure Failure = ESinewRequestFailure::None;

	/** Of a request that was not sent (Failure is NotSent): why. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	ESinewResult Result = ESinewResult::Ok;

	/** The number that the request had; 0 if it was not sent. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RequestId = 0;

	/** Who answered, or was asked last. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 ServerId = 0;

	/** The number that the answer was given: the game's own. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 Code = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	TArray<uint8> Payload;

	/** Whether it was answered. */
	bool IsAnswered() const { return Failure == ESinewRequestFailure::None; }
};

/** This server, as the others see it. */
USTRUCT(BlueprintType)
struct SINEW_API FSinewServerInfo
{
	GENERATED_BODY()

	/** 0 until OnStarted. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 Id = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	FString Group;

	/** Unique in its group. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	FString Name;

	/** What others dial; until OnStarted the bound address. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	FString Host;

	/** The real one, also where the configuration says 0. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int32 Port = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	ESinewVisibility Visibility = ESinewVisibility::Unknown;
};

/** Another server, as seen from this one, now. */
USTRUCT(BlueprintType)
struct SINEW_API FSinewRemoteServerInfo
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 Id = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	FString Group;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	FString Name;

	/** What is dialled to reach it. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	FString Host;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int32 Port = 0;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	ESinewConnectionState State = ESinewConnectionState::Unknown;

	/** Which side dials. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	ESinewDirection Direction = ESinewDirection::None;

	/** Round trip of the last keep-alive; 0 while not measured. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RoundTripMicroseconds = 0;

	/** Bytes that wait to be sent to it or to be acknowledged by it. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 QueuedBytes = 0;

	/** Whether it tells a load. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	bool bHasLoad = false;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	double Load = 0.0;

	/** Whether it tells a capacity. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	bool bHasCapacity = false;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	double Capacity = 0.0;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	ESinewReadiness Readiness = ESinewReadiness::Unknown;

	/** Requests of this server that it has not answered. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 OpenRequests = 0;
};

/** A group that this server's group is connected with. */
USTRUCT(BlueprintType)
struct SINEW_API FSinewGroupInfo
{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	FString Name;

	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	ESinewVisibility Visibility = ESinewVisibility::Unknown;

	/** Which group names which in `connects_to`. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	ESinewDirection Direction = ESinewDirection::None;

	/** Servers in view, connected or not. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int32 Count = 0;
};

/** One entry of a registry that the game connects itself. */
USTRUCT(BlueprintType)
struct SINEW_API FSinewRegistration
{
	GENERATED_BODY()

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	int64 Id = 0;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	FString Group;

	/** Unique in its group. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	FString Name;

	/** What the others dial: a host name or an address, IPv6 without brackets. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	FString Host;

	/** 1 to 65535. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	int32 Port = 0;

	/** For the registry's own use; what is reported back is what the configuration says of the group. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	ESinewVisibility Visibility = ESinewVisibility::Internal;

	/** At most 4 KiB in all. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Sinew")
	TMap<FString, FString> Properties;
};

/** A message as it lies in the library's memory: valid until the handler returns. Copy what you keep. */
struct FSinewMessageView
{
	uint16 Tag = 0;
	ESinewSendMode Mode = ESinewSendMode::Reliable;
	ESinewLane Lane = ESinewLane::Lane0;
	TConstArrayView<uint8> Payload;
};

/** A question as it lies in the library's memory: valid until the handler returns. Its number may be kept, to answer later. */
struct FSinewRequestView
{
	int64 RequestId = 0;
	/** For how many milliseconds it is waited for an answer. */
	int64 TimeoutMs = 0;
	FSinewMessageView Message;
};
