// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "Async/Future.h"
#include "Containers/ArrayView.h"
#include "Containers/Ticker.h"
#include "CoreMinimal.h"
#include "SinewNative.h"
#include "SinewRemoteServer.h"
#include "SinewServerGroup.h"
#include "SinewStats.h"
#include "SinewTypes.h"
#include "Subsystems/GameInstanceSubsystem.h"
#include "Templates/Function.h"

#include "SinewSubsystem.generated.h"

class USinewRegistryConnector;

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSinewStartedSignature, int64, ServerId);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSinewReplySignature, const FSinewReply&, Reply);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSinewTextSignature, const FString&, Text);
DECLARE_DYNAMIC_MULTICAST_DELEGATE(FSinewPlainSignature);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSinewLogSignature, ESinewLogLevel, Level, const FString&, Text);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSinewStoppedSignature, ESinewStopReason, Reason, const FString&, Text);

DECLARE_MULTICAST_DELEGATE_OneParam(FSinewStartedNative, int64);
DECLARE_MULTICAST_DELEGATE_OneParam(FSinewReplyNative, const FSinewReply&);
DECLARE_MULTICAST_DELEGATE_OneParam(FSinewTextNative, const FString&);
DECLARE_MULTICAST_DELEGATE(FSinewPlainNative);
DECLARE_MULTICAST_DELEGATE_TwoParams(FSinewLogNative, ESinewLogLevel, const FString&);
DECLARE_MULTICAST_DELEGATE_TwoParams(FSinewStoppedNative, ESinewStopReason, const FString&);

/**
 * This server in the cluster: one for each game instance, so several run in one process, as in the editor.
 *
 * Start it, bind its delegates, and send; everything that happens is told by delegates on the game's thread, once per frame, also before a map
 * is loaded. For each remote server the order is always joined, connected, message..., disconnected, ..., left. Nothing starts by itself unless
 * the project's settings or `-SinewConfig=` on the command line say so. Thread: the game's.
 */
UCLASS()
class SINEW_API USinewSubsystem : public UGameInstanceSubsystem
{
	GENERATED_BODY()

public:
	virtual void Initialize(FSubsystemCollectionBase& Collection) override;
	/** Ends the server within `limits.shutdown_ms`: no thread, socket or file of it is left. No delegate is called, but open futures are set. */
	virtual void Deinitialize() override;

	/** Starts with what the command line or the project's settings say. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult Start();

	/** Starts with a TOML text. The addresses are bound when this returns; the rest happens in the background and is told by delegates. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult StartWithText(const FString& Toml);

	/** Starts with a TOML file, relative to the project's folder. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult StartWithFile(const FString& Path);

	/** Begins a graceful end: what is queued is sent, then OnStopped is the last thing that is told. It may be started again from there on. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult Stop();

	/** Applies a whole new configuration without a restart, all of it or nothing; docs/configuration.md lists what can change. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult Reload(const FString& Toml);

	/** The same from a file, relative to the project's folder. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult ReloadFile(const FString& Path);

	/** From a start that succeeded until OnStopped. */
	UFUNCTION(BlueprintPure, Category = "Sinew")
	bool IsRunning() const { return Server != nullptr; }

	/** The whole sentence, with the cause and the cure, about the last call that failed on this subsystem or a handle of it. */
	UFUNCTION(BlueprintPure, Category = "Sinew")
	const FString& GetLastError() const { return LastError; }

	/** Own id, group, name and address. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult GetServerInfo(FSinewServerInfo& OutInfo) const;

	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult GetStats(FSinewStats& OutStats) const;

	/** The groups that this server's group is connected with, ordered by name. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	TArray<USinewServerGroup*> GetServerGroups();

	/** One of them; None if no group of this name is connected with this server's. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	USinewServerGroup* GetServerGroup(const FString& GroupName);

	/** A server in view; None if none has this id. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	USinewRemoteServer* FindServer(int64 ServerId) const;

	/** Why the link to a server is, or is not, up. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult Explain(int64 ServerId, FString& OutText) const;

	/** Sets what this server says of itself; `load`, `capacity` and `state` mean something to the policies. 4 KiB in all. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult SetProperty(const FString& Key, const FString& Value);

	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult RemoveProperty(const FString& Key);

	/** A property of a remote server, or (0) of this one; bOutFound: whether it has it. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult GetProperty(int64 ServerId, const FString& Key, FString& OutValue, bool& bOutFound) const;

	/** Gives up a request of this server: it fails with Cancelled. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	ESinewResult CancelRequest(int64 RequestId);

	/** With `registry.kind = "external"`: who connects the registry. Set it before the first frame after the start. None: nobody. */
	UFUNCTION(BlueprintCallable, Category = "Sinew")
	void SetRegistryConnector(USinewRegistryConnector* InConnector);

	/**
	 * Messages of these tags go to Handler alone, past all delegates: for a subsystem that moves raw bytes of its own, such as a transport for
	 * objects that change servers. An empty Handler, or bounds the wrong way round, ends it.
	 */
	void SetTagHandler(uint16 FirstTag, uint16 LastTag, TFunction<void(USinewRemoteServer&, const FSinewMessageView&)> Handler);

	/** The library's own object, for functions of FSinewNative that are not wrapped; nullptr while it does not run. Never free or poll it. */
	sinew_server* GetNativeServer() const { return Server; }

	/** Hands over what has happened, now instead of in the next frame: for tools that run without frames. */
	void Poll();

	/** Ends the servers of all game instances. Called by the module when the engine ends. */
	static void ShutdownAll();

	/** Registered: GetServerInfo knows the id, and others find this server. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewStartedSignature OnStarted;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnServerJoined;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnServerConnected;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnServerInterrupted;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnServerResumed;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewDisconnectedSignature OnServerDisconnected;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewLeftSignature OnServerLeft;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnServerUpdated;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewServerSignature OnWritable;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewMessageSignature OnMessageReceived;
	/** Where nobody is bound, neither here nor at the server or its group, requests are refused: nobody answers them. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewRequestSignature OnRequestReceived;
	/** The answer to a request that was made by StartRequest or StartRequestAny. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewReplySignature OnReplyReceived;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewReplySignature OnRequestFailed;
	/** The registry cannot be reached; links live on. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewTextSignature OnRegistryLost;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewPlainSignature OnRegistryRestored;
	/** A line of the library's log, which is in LogSinew, too. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewLogSignature OnLog;
	/** The end: everything is closed, and Start may be called again. */
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewStoppedSignature OnStopped;

	FSinewStartedNative OnStartedNative;
	FSinewServerNative OnServerJoinedNative;
	FSinewServerNative OnServerConnectedNative;
	FSinewServerNative OnServerInterruptedNative;
	FSinewServerNative OnServerResumedNative;
	FSinewDisconnectedNative OnServerDisconnectedNative;
	FSinewLeftNative OnServerLeftNative;
	FSinewServerNative OnServerUpdatedNative;
	FSinewServerNative OnWritableNative;
	FSinewMessageNative OnMessageReceivedNative;
	FSinewRequestNative OnRequestReceivedNative;
	FSinewReplyNative OnReplyReceivedNative;
	FSinewReplyNative OnRequestFailedNative;
	FSinewTextNative OnRegistryLostNative;
	FSinewPlainNative OnRegistryRestoredNative;
	FSinewLogNative OnLogNative;
	FSinewStoppedNative OnStoppedNative;

private:
	friend class USinewRegistryConnector;
	friend class USinewRemoteServer;
	friend class USinewRequestAction;
	friend class USinewServerGroup;

	/** Which server of which group, as sinew_server_send_any wants it. */
	struct FChoice
	{
		const FString& Group;
		ESinewPolicy Policy;
		TConstArrayView<uint8> Key;
		int32 Retries;
	};
	/** What is sent, and how. */
	struct FOutgoing
	{
		int32 Tag;
		TConstArrayView<uint8> Payload;
		ESinewSendMode Mode;
		ESinewLane Lane;
	};
	using FOutcome = TUniqueFunction<void(const FSinewReply&)>;

	ESinewResult Finish(sinew_result Result, sinew_server* Started);
	/** Of a call: Ok, or what it came to, whose sentence is kept for GetLastError. */
	ESinewResult Judge(sinew_result Result) const;
	ESinewResult Refused(ESinewResult Result, const TCHAR* Sentence) const;
	/** Why a call cannot even be made: not running, or no library. */
	ESinewResult NotRunning() const;
	/** Checks what Unreal's types allow and the library's do not. */
	bool IsSendable(const FOutgoing& What, ESinewResult& OutResult) const;

	ESinewResult SendTo(int64 ServerId, const FOutgoing& What) const;
	ESinewResult BroadcastTo(const FString& Group, const FOutgoing& What, int32& OutSent, TArray<int64>& OutMissed) const;
	ESinewResult SendToAny(const FChoice& Choice, const FOutgoing& What, int64& OutServerId) const;
	ESinewResult Ask(int64 ServerId, const FOutgoing& What, int32 TimeoutMs, int64& OutRequestId) const;
	ESinewResult AskAny(const FChoice& Choice, const FOutgoing& What, int32 TimeoutMs, int64& OutRequestId) const;
	/** Has the outcome told to Outcome and nobody else. */
	void Await(ESinewResult Result, int64 RequestId, FOutcome Outcome);
	ESinewResult Answer(int64 ServerId, int64 RequestId, uint32 Code, TConstArrayView<uint8> Payload) const;
	ESinewResult RefuseRequest(int64 ServerId, int64 RequestId, bool bNoHandler) const;
	ESinewResult Find(int64 ServerId, FSinewRemoteServerInfo& OutInfo) const;
	ESinewResult FindGroup(const FString& GroupName, FSinewGroupInfo& OutInfo) const;
	TArray<sinew_group_info> ListGroups() const;
	TArray<USinewRemoteServer*> GroupMembers(const FString& GroupName) const;
	ESinewResult SetOrRemove(const FString& Key, const FString* Value);

	bool Tick(float DeltaSeconds);
	void Dispatch(const sinew_event& Event);
	void DispatchServer(const sinew_event& Event);
	void DispatchRequest(USinewRemoteServer& Remote, USinewServerGroup& Group, const sinew_event& Event);
	void DispatchMessage(USinewRemoteServer& Remote, USinewServerGroup& Group, const sinew_event& Event);
	void DispatchOutcome(const sinew_event& Event);
	void DispatchRegistry(const sinew_event& Event);
	void DispatchLog(const sinew_event& Event);
	void DispatchStopped(const sinew_event& Event);
	void EndWith(ESinewStopReason Reason, FString Text);
	USinewRemoteServer* Handle(const sinew_event& Event);
	USinewServerGroup* GroupHandle(const FString& GroupName);
	void Free();

	/** By id: every server in view. */
	UPROPERTY(Transient)
	TMap<int64, TObjectPtr<USinewRemoteServer>> Remotes;

	/** By name: every group that was asked for or that a server came from. */
	UPROPERTY(Transient)
	TMap<FString, TObjectPtr<USinewServerGroup>> Groups;

	UPROPERTY(Transient)
	TObjectPtr<USinewRegistryConnector> Connector;
	/** Under which id the connector's registry has this server; 0: it has not. */
	int64 RegisteredId = 0;

	/** Whose event is told, and its group: kept for as long as handlers run, whatever they do to the maps. */
	UPROPERTY(Transient)
	TObjectPtr<USinewRemoteServer> Told;
	UPROPERTY(Transient)
	TObjectPtr<USinewServerGroup> ToldGroup;

	sinew_server* Server = nullptr;
	mutable FString LastError;
	/** Requests whose outcome somebody waits for, by number. */
	TMap<int64, FOutcome> Waiting;

	/** What the last poll lent, and how far it has been told: a frame whose budget is spent leaves the rest to the next one. */
	TArray<sinew_event> Lent;
	int32 LentCount = 0;
	int32 NextLent = 0;
	/** A handler of ours runs: nothing of what it may still read is freed. */
	bool bDispatching = false;
	bool bFreeAfterDispatch = false;

	TFunction<void(USinewRemoteServer&, const FSinewMessageView&)> TagHandler;
	uint16 FirstHandledTag = 0;
	uint16 LastHandledTag = 0;

	FTSTicker::FDelegateHandle Ticker;
};
