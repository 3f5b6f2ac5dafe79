// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

// What the library tells, handed on to the delegates: one event after the other, in order, on the game's thread.

#include "HAL/PlatformTime.h"
#include "SinewConvert.h"
#include "SinewLog.h"
#include "SinewRegistryConnector.h"
#include "SinewSettings.h"
#include "SinewSubsystem.h"
#include "UObject/StrongObjectPtr.h"
#include "UObject/UObjectGlobals.h"

bool USinewSubsystem::Tick(float)
{
	Poll();
	return true;
}

void USinewSubsystem::Poll()
{
	// A handler that runs frames of its own (a dialog of the editor) does not get the next event in the middle of this one.
	if (Server == nullptr || bDispatching)
	{
		return;
	}
	// A handler may end the game instance and collect garbage.
	const TStrongObjectPtr<USinewSubsystem> Keep(this);
	const int32 Budget = GetDefault<USinewSettings>()->PollBudgetMicroseconds;
	const double End = FPlatformTime::Seconds() + Budget / 1e6;
	bDispatching = true;
	bool bMore = true;
	while (bMore && Server != nullptr && !bFreeAfterDispatch)
	{
		if (NextLent == LentCount)
		{
			size_t Count = 0;
			NextLent = LentCount = 0;
			const ESinewResult Result = Judge(FSinewNative::Get()->sinew_server_poll(Server, 0, Lent.GetData(), static_cast<size_t>(Lent.Num()), &Count));
			if (Result != ESinewResult::Ok)
			{
				// A bug that the library has contained: nothing more will come.
				UE_LOG(LogSinew, Error, TEXT("the server is lost: %s"), *LastError);
				EndWith(ESinewStopReason::Failed, LastError);
				continue;
			}
			LentCount = static_cast<int32>(Count);
		}
		if (NextLent == LentCount)
		{
			break;
		}
		// A copy, because the last one frees what it lies in.
		const sinew_event Event = Lent[NextLent++];
		Dispatch(Event);
		bMore = Budget <= 0 || FPlatformTime::Seconds() < End;
	}
	bDispatching = false;
	Told = nullptr;
	ToldGroup = nullptr;
	if (bFreeAfterDispatch)
	{
		Free();
	}
}

void USinewSubsystem::Dispatch(const sinew_event& Event)
{
	switch (Event.type)
	{
	case SINEW_EVENT_STARTED:
		OnStartedNative.Broadcast(static_cast<int64>(Event.server));
		OnStarted.Broadcast(static_cast<int64>(Event.server));
		break;
	case SINEW_EVENT_SERVER_JOINED:
	case SINEW_EVENT_SERVER_CONNECTED:
	case SINEW_EVENT_SERVER_INTERRUPTED:
	case SINEW_EVENT_SERVER_RESUMED:
	case SINEW_EVENT_SERVER_DISCONNECTED:
	case SINEW_EVENT_SERVER_LEFT:
	case SINEW_EVENT_SERVER_UPDATED:
	case SINEW_EVENT_MESSAGE:
	case SINEW_EVENT_REQUEST:
	case SINEW_EVENT_WRITABLE:
		DispatchServer(Event);
		break;
	case SINEW_EVENT_REPLY:
	case SINEW_EVENT_REQUEST_FAILED:
		DispatchOutcome(Event);
		break;
	case SINEW_EVENT_REGISTRY_LOST:
	{
		const FString Text = SinewConvert::Text(Event);
		OnRegistryLostNative.Broadcast(Text);
		OnRegistryLost.Broadcast(Text);
		break;
	}
	case SINEW_EVENT_REGISTRY_RESTORED:
		OnRegistryRestoredNative.Broadcast();
		OnRegistryRestored.Broadcast();
		break;
	case SINEW_EVENT_REGISTRY_REGISTER:
	case SINEW_EVENT_REGISTRY_DEREGISTER:
	case SINEW_EVENT_REGISTRY_CONNECTION_FAILURE:
		DispatchRegistry(Event);
		break;
	case SINEW_EVENT_LOG:
		DispatchLog(Event);
		break;
	case SINEW_EVENT_STOPPED:
		DispatchStopped(Event);
		break;
	default:
		// Of a newer library.
		break;
	}
}

void USinewSubsystem::DispatchServer(const sinew_event& Event)
{
	Told = Handle(Event);
	ToldGroup = Told->Group;
	USinewRemoteServer& Remote = *Told;
	USinewServerGroup& Group = *ToldGroup;
	switch (Event.type)
	{
	case SINEW_EVENT_SERVER_JOINED:
		Group.OnServerJoinedNative.Broadcast(Remote);
		Group.OnServerJoined.Broadcast(&Remote);
		OnServerJoinedNative.Broadcast(Remote);
		OnServerJoined.Broadcast(&Remote);
		break;
	case SINEW_EVENT_SERVER_CONNECTED:
		Remote.OnConnectedNative.Broadcast(Remote);
		Remote.OnConnected.Broadcast(&Remote);
		Group.OnServerConnectedNative.Broadcast(Remote);
		Group.OnServerConnected.Broadcast(&Remote);
		OnServerConnectedNative.Broadcast(Remote);
		OnServerConnected.Broadcast(&Remote);
		break;
	case SINEW_EVENT_SERVER_INTERRUPTED:
		Remote.OnInterruptedNative.Broadcast(Remote);
		Remote.OnInterrupted.Broadcast(&Remote);
		OnServerInterruptedNative.Broadcast(Remote);
		OnServerInterrupted.Broadcast(&Remote);
		break;
	case SINEW_EVENT_SERVER_RESUMED:
		Remote.OnResumedNative.Broadcast(Remote);
		Remote.OnResumed.Broadcast(&Remote);
		OnServerResumedNative.Broadcast(Remote);
		OnServerResumed.Broadcast(&Remote);
		break;
	case SINEW_EVENT_SERVER_DISCONNECTED:
	{
		const ESinewDisconnectReason Reason = SinewConvert::DisconnectReason(Event.code);
		const FString Text = SinewConvert::Text(Event);
		const int64 Lost = static_cast<int64>(Event.count);
		Remote.OnDisconnectedNative.Broadcast(Remote, Reason, Text, Lost);
		Remote.OnDisconnected.Broadcast(&Remote, Reason, Text, Lost);
		Group.OnServerDisconnectedNative.Broadcast(Remote, Reason, Text, Lost);
		Group.OnServerDisconnected.Broadcast(&Remote, Reason, Text, Lost);
		OnServerDisconnectedNative.Broadcast(Remote, Reason, Text, Lost);
		OnServerDisconnected.Broadcast(&Remote, Reason, Text, Lost);
		break;
	}
	case SINEW_EVENT_SERVER_LEFT:
	{
		Remotes.Remove(Remote.Id);
		const ESinewLeaveReason Reason = SinewConvert::LeaveReason(Event.code);
		Remote.OnLeftNative.Broadcast(Remote, Reason);
		Remote.OnLeft.Broadcast(&Remote, Reason);
		Group.OnServerLeftNative.Broadcast(Remote, Reason);
		Group.OnServerLeft.Broadcast(&Remote, Reason);
		OnServerLeftNative.Broadcast(Remote, Reason);
		OnServerLeft.Broadcast(&Remote, Reason);
		break;
	}
	case SINEW_EVENT_SERVER_UPDATED:
		Remote.OnUpdatedNative.Broadcast(Remote);
		Remote.OnUpdated.Broadcast(&Remote);
		Group.OnServerUpdatedNative.Broadcast(Remote);
		Group.OnServerUpdated.Broadcast(&Remote);
		OnServerUpdatedNative.Broadcast(Remote);
		OnServerUpdated.Broadcast(&Remote);
		break;
	case SINEW_EVENT_WRITABLE:
		Remote.OnWritableNative.Broadcast(Remote);
		Remote.OnWritable.Broadcast(&Remote);
		OnWritableNative.Broadcast(Remote);
		OnWritable.Broadcast(&Remote);
		break;
	case SINEW_EVENT_REQUEST:
		DispatchRequest(Remote, Group, Event);
		break;
	default:
		DispatchMessage(Remote, Group, Event);
		break;
	}
}

void USinewSubsystem::DispatchMessage(USinewRemoteServer& Remote, USinewServerGroup& Group, const sinew_event& Event)
{
	const FSinewMessageView View = SinewConvert::Message(Event);
	if (TagHandler && View.Tag >= FirstHandledTag && View.Tag <= LastHandledTag)
	{
		// A copy, so that the handler may replace itself.
		const TFunction<void(USinewRemoteServer&, const FSinewMessageView&)> Current = TagHandler;
		Current(Remote, View);
		return;
	}
	Remote.OnMessageReceivedNative.Broadcast(Remote, View);
	Group.OnMessageReceivedNative.Broadcast(Remote, View);
	OnMessageReceivedNative.Broadcast(Remote, View);
	// The payload is copied only for Blueprints that listen.
	if (Remote.OnMessageReceived.IsBound() || Group.OnMessageReceived.IsBound() || OnMessageReceived.IsBound())
	{
		const FSinewMessage Message = SinewConvert::Copy(View);
		Remote.OnMessageReceived.Broadcast(&Remote, Message);
		Group.OnMessageReceived.Broadcast(&Remote, Message);
		OnMessageReceived.Broadcast(&Remote, Message);
	}
}

void USinewSubsystem::DispatchRequest(USinewRemoteServer& Remote, USinewServerGroup& Group, const sinew_event& Event)
{
	const FSinewRequestView View = SinewConvert::Request(Event);
	const bool bNative = Remote.OnRequestReceivedNative.IsBound() || Group.OnRequestReceivedNative.IsBound() || OnRequestReceivedNative.IsBound();
	const bool bBlueprint = Remote.OnRequestReceived.IsBound() || Group.OnRequestReceived.IsBound() || OnRequestReceived.IsBound();
	if (!bNative && !bBlueprint)
	{
		// Who asks is told at once instead of waiting for an answer that nobody would give.
		RefuseRequest(Remote.Id, View.RequestId, true);
		return;
	}
	Remote.OnRequestReceivedNative.Broadcast(Remote, View);
	Group.OnRequestReceivedNative.Broadcast(Remote, View);
	OnRequestReceivedNative.Broadcast(Remote, View);
	if (bBlueprint)
	{
		const FSinewRequest Request = SinewConvert::Copy(View);
		Remote.OnRequestReceived.Broadcast(&Remote, Request);
		Group.OnRequestReceived.Broadcast(&Remote, Request);
		OnRequestReceived.Broadcast(&Remote, Request);
	}
}

void USinewSubsystem::DispatchOutcome(const sinew_event& Event)
{
	const bool bAnswered = Event.type == SINEW_EVENT_REPLY;
	FSinewReply Reply;
	Reply.RequestId = static_cast<int64>(Event.request);
	Reply.ServerId = static_cast<int64>(Event.server);
	if (bAnswered)
	{
		Reply.Code = Event.code;
		Reply.Payload.Append(Event.data, static_cast<int32>(Event.len));
	}
	else
	{
		Reply.Failure = SinewConvert::RequestFailure(Event.code);
	}
	if (FOutcome* const Outcome = Waiting.Find(Reply.RequestId))
	{
		// Out of the map first: the continuation may ask the next thing.
		FOutcome Taken = MoveTemp(*Outcome);
		Waiting.Remove(Reply.RequestId);
		Taken(Reply);
		return;
	}
	FSinewReplyNative& Native = bAnswered ? OnReplyReceivedNative : OnRequestFailedNative;
	FSinewReplySignature& Signature = bAnswered ? OnReplyReceived : OnRequestFailed;
	Native.Broadcast(Reply);
	Signature.Broadcast(Reply);
}

void USinewSubsystem::DispatchRegistry(const sinew_event& Event)
{
	const TStrongObjectPtr<USinewRegistryConnector> Current(Connector.Get());
	if (Event.type == SINEW_EVENT_REGISTRY_REGISTER)
	{
		if (Current.Get() == nullptr)
		{
			// It is told by OnRegistryLost, once, and asked again after a pause.
			const FSinewUtf8 Why(FString(TEXT("registry.kind is `external`, but no connector is set: call SetRegistryConnector on the Sinew subsystem")));
			Judge(FSinewNative::Get()->sinew_registry_register_failed(Server, Why.Get(), Why.Num()));
			return;
		}
		Current->RegisterServer(SinewConvert::Registration(*reinterpret_cast<const sinew_registration*>(Event.data)));
	}
	else if (Current.Get() != nullptr && Event.type == SINEW_EVENT_REGISTRY_DEREGISTER)
	{
		RegisteredId = 0;
		Current->DeregisterServer(static_cast<int64>(Event.server));
	}
	else if (Current.Get() != nullptr)
	{
		Current->HandleConnectionFailure(static_cast<int64>(Event.server), SinewConvert::Text(Event.group));
	}
}

void USinewSubsystem::DispatchLog(const sinew_event& Event)
{
	const FString Text = SinewConvert::Text(Event);
	const ESinewLogLevel Level = SinewConvert::LogLevel(Event.code);
	// The verbosity of UE_LOG is fixed when it is compiled.
	switch (Level)
	{
	case ESinewLogLevel::Error: UE_LOG(LogSinew, Error, TEXT("%s"), *Text); break;
	case ESinewLogLevel::Warning: UE_LOG(LogSinew, Warning, TEXT("%s"), *Text); break;
	case ESinewLogLevel::Debug: UE_LOG(LogSinew, Verbose, TEXT("%s"), *Text); break;
	case ESinewLogLevel::Trace: UE_LOG(LogSinew, VeryVerbose, TEXT("%s"), *Text); break;
	default: UE_LOG(LogSinew, Log, TEXT("%s"), *Text); break;
	}
	OnLogNative.Broadcast(Level, Text);
	OnLog.Broadcast(Level, Text);
}

void USinewSubsystem::DispatchStopped(const sinew_event& Event)
{
	EndWith(SinewConvert::StopReason(Event.code), SinewConvert::Text(Event));
}

void USinewSubsystem::EndWith(ESinewStopReason Reason, FString Text)
{
	// Freed before it is told, so that a handler can start the next one. It has stopped, so this takes no time.
	bDispatching = false;
	Free();
	bDispatching = true;
	OnStoppedNative.Broadcast(Reason, Text);
	OnStopped.Broadcast(Reason, Text);
}

USinewRemoteServer* USinewSubsystem::Handle(const sinew_event& Event)
{
	const int64 Id = static_cast<int64>(Event.server);
	USinewRemoteServer* Remote = FindServer(Id);
	if (Remote == nullptr)
	{
		Remote = NewObject<USinewRemoteServer>(this);
		Remote->Subsystem = this;
		Remote->Id = Id;
		Remote->GroupName = SinewConvert::Text(Event.group);
		Remote->Group = GroupHandle(Remote->GroupName);
		Remotes.Add(Id, Remote);
	}
	if (Event.type == SINEW_EVENT_SERVER_JOINED || Event.type == SINEW_EVENT_SERVER_UPDATED)
	{
		FSinewRegistration Entry = SinewConvert::Registration(*reinterpret_cast<const sinew_registration*>(Event.data));
		Remote->Name = Entry.Name;
		Remote->Properties = MoveTemp(Entry.Properties);
	}
	return Remote;
}

USinewServerGroup* USinewSubsystem::GroupHandle(const FString& GroupName)
{
	if (const TObjectPtr<USinewServerGroup>* const Found = Groups.Find(GroupName))
	{
		return Found->Get();
	}
	USinewServerGroup* const Group = NewObject<USinewServerGroup>(this);
	Group->Subsystem = this;
	Group->Name = GroupName;
	Groups.Add(GroupName, Group);
	return Group;
}
