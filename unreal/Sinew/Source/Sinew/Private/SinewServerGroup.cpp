// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewServerGroup.h"

#include "SinewSubsystem.h"

ESinewResult USinewServerGroup::GetInfo(FSinewGroupInfo& OutInfo) const
{
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->FindGroup(Name, OutInfo);
}

TArray<USinewRemoteServer*> USinewServerGroup::GetRemoteServers() const
{
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? TArray<USinewRemoteServer*>() : Owner->GroupMembers(Name);
}

USinewRemoteServer* USinewServerGroup::GetRemoteServer(int64 ServerId) const
{
	const USinewSubsystem* const Owner = Subsystem.Get();
	USinewRemoteServer* const Remote = Owner == nullptr ? nullptr : Owner->FindServer(ServerId);
	return Remote != nullptr && Remote->GetGroupName() == Name ? Remote : nullptr;
}

ESinewResult USinewServerGroup::Broadcast(int32 Tag, const TArray<uint8>& Payload, int32& OutSent, TArray<int64>& OutMissed, ESinewSendMode Mode, ESinewLane Lane)
{
	return BroadcastView(Tag, Payload, OutSent, OutMissed, Mode, Lane);
}

ESinewResult USinewServerGroup::BroadcastView(int32 Tag, TConstArrayView<uint8> Payload, int32& OutSent, TArray<int64>& OutMissed, ESinewSendMode Mode, ESinewLane Lane)
{
	OutSent = 0;
	OutMissed.Reset();
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->BroadcastTo(Name, {Tag, Payload, Mode, Lane}, OutSent, OutMissed);
}

ESinewResult USinewServerGroup::SendAny(ESinewPolicy Policy, const TArray<uint8>& Key, int32 Tag, const TArray<uint8>& Payload, int64& OutServerId, ESinewSendMode Mode, ESinewLane Lane)
{
	return SendAnyView(Policy, Key, Tag, Payload, OutServerId, Mode, Lane);
}

ESinewResult USinewServerGroup::SendAnyView(ESinewPolicy Policy, TConstArrayView<uint8> Key, int32 Tag, TConstArrayView<uint8> Payload, int64& OutServerId, ESinewSendMode Mode, ESinewLane Lane)
{
	OutServerId = 0;
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->SendToAny({Name, Policy, Key, 0}, {Tag, Payload, Mode, Lane}, OutServerId);
}

ESinewResult USinewServerGroup::StartRequestAny(ESinewPolicy Policy, const TArray<uint8>& Key, int32 Tag, const TArray<uint8>& Payload, int64& OutRequestId, ESinewSendMode Mode, ESinewLane Lane, int32 TimeoutMs, int32 Retries)
{
	OutRequestId = 0;
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->AskAny({Name, Policy, Key, Retries}, {Tag, Payload, Mode, Lane}, TimeoutMs, OutRequestId);
}

TFuture<FSinewReply> USinewServerGroup::RequestAny(ESinewPolicy Policy, TConstArrayView<uint8> Key, int32 Tag, TConstArrayView<uint8> Payload, ESinewSendMode Mode, ESinewLane Lane, int32 TimeoutMs, int32 Retries)
{
	TPromise<FSinewReply> Promise;
	TFuture<FSinewReply> Future = Promise.GetFuture();
	USinewSubsystem* const Owner = Subsystem.Get();
	if (Owner == nullptr)
	{
		FSinewReply Reply;
		Reply.Failure = ESinewRequestFailure::NotSent;
		Reply.Result = ESinewResult::Stopped;
		Promise.SetValue(Reply);
		return Future;
	}
	int64 RequestId = 0;
	const ESinewResult Result = Owner->AskAny({Name, Policy, Key, Retries}, {Tag, Payload, Mode, Lane}, TimeoutMs, RequestId);
	Owner->Await(Result, RequestId, [Promise = MoveTemp(Promise)](const FSinewReply& Reply) mutable { Promise.SetValue(Reply); });
	return Future;
}
