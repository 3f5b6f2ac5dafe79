// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewRemoteServer.h"

#include "SinewServerGroup.h"
#include "SinewSubsystem.h"

USinewServerGroup* USinewRemoteServer::GetServerGroup() const
{
	USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? nullptr : Owner->GetServerGroup(GroupName);
}

ESinewConnectionState USinewRemoteServer::GetConnectionState() const
{
	FSinewRemoteServerInfo Info;
	return GetInfo(Info) == ESinewResult::Ok ? Info.State : ESinewConnectionState::Left;
}

ESinewResult USinewRemoteServer::GetInfo(FSinewRemoteServerInfo& OutInfo) const
{
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->Find(Id, OutInfo);
}

ESinewResult USinewRemoteServer::Explain(FString& OutText) const
{
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->Explain(Id, OutText);
}

ESinewResult USinewRemoteServer::Send(int32 Tag, const TArray<uint8>& Payload, ESinewSendMode Mode, ESinewLane Lane)
{
	return SendView(Tag, Payload, Mode, Lane);
}

ESinewResult USinewRemoteServer::SendView(int32 Tag, TConstArrayView<uint8> Payload, ESinewSendMode Mode, ESinewLane Lane)
{
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->SendTo(Id, {Tag, Payload, Mode, Lane});
}

ESinewResult USinewRemoteServer::StartRequest(int32 Tag, const TArray<uint8>& Payload, int64& OutRequestId, ESinewSendMode Mode, ESinewLane Lane, int32 TimeoutMs)
{
	OutRequestId = 0;
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->Ask(Id, {Tag, Payload, Mode, Lane}, TimeoutMs, OutRequestId);
}

TFuture<FSinewReply> USinewRemoteServer::Request(int32 Tag, TConstArrayView<uint8> Payload, ESinewSendMode Mode, ESinewLane Lane, int32 TimeoutMs)
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
	const ESinewResult Result = Owner->Ask(Id, {Tag, Payload, Mode, Lane}, TimeoutMs, RequestId);
	Owner->Await(Result, RequestId, [Promise = MoveTemp(Promise)](const FSinewReply& Reply) mutable { Promise.SetValue(Reply); });
	return Future;
}

ESinewResult USinewRemoteServer::Reply(int64 RequestId, int64 Code, const TArray<uint8>& Payload)
{
	return Code < 0 || Code > MAX_uint32 ? ESinewResult::InvalidArgument : ReplyView(RequestId, static_cast<uint32>(Code), Payload);
}

ESinewResult USinewRemoteServer::ReplyView(int64 RequestId, uint32 Code, TConstArrayView<uint8> Payload)
{
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->Answer(Id, RequestId, Code, Payload);
}

ESinewResult USinewRemoteServer::Refuse(int64 RequestId, bool bNoHandler)
{
	const USinewSubsystem* const Owner = Subsystem.Get();
	return Owner == nullptr ? ESinewResult::Stopped : Owner->RefuseRequest(Id, RequestId, bNoHandler);
}
