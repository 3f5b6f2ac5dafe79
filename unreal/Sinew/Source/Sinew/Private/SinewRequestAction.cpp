// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewRequestAction.h"

#include "SinewSubsystem.h"
#include "UObject/UObjectGlobals.h"
#include "UObject/WeakObjectPtrTemplates.h"

USinewRequestAction* USinewRequestAction::RequestServer(UObject* WorldContextObject, USinewRemoteServer* Server, int32 Tag, const TArray<uint8>& Payload, ESinewSendMode Mode, ESinewLane Lane, int32 TimeoutMs)
{
	USinewRequestAction* const Action = NewObject<USinewRequestAction>();
	Action->AskedServer = Server;
	Action->Question.Tag = Tag;
	Action->Question.Payload = Payload;
	Action->Question.Mode = Mode;
	Action->Question.Lane = Lane;
	Action->AskedTimeoutMs = TimeoutMs;
	Action->RegisterWithGameInstance(WorldContextObject);
	return Action;
}

USinewRequestAction* USinewRequestAction::RequestAnyServer(UObject* WorldContextObject, USinewServerGroup* Group, ESinewPolicy Policy, const TArray<uint8>& Key, int32 Tag, const TArray<uint8>& Payload, ESinewSendMode Mode, ESinewLane Lane, int32 TimeoutMs, int32 Retries)
{
	USinewRequestAction* const Action = RequestServer(WorldContextObject, nullptr, Tag, Payload, Mode, Lane, TimeoutMs);
	Action->AskedGroup = Group;
	Action->AskedPolicy = Policy;
	Action->AskedKey = Key;
	Action->AskedRetries = Retries;
	return Action;
}

void USinewRequestAction::Activate()
{
	const USinewSubsystem::FOutgoing What = {Question.Tag, Question.Payload, Question.Mode, Question.Lane};
	int64 RequestId = 0;
	ESinewResult Result = ESinewResult::InvalidArgument;
	USinewSubsystem* Owner = nullptr;
	if (AskedServer != nullptr)
	{
		Owner = AskedServer->Subsystem.Get();
		Result = Owner == nullptr ? ESinewResult::Stopped : Owner->Ask(AskedServer->Id, What, AskedTimeoutMs, RequestId);
	}
	else if (AskedGroup != nullptr)
	{
		Owner = AskedGroup->Subsystem.Get();
		Result = Owner == nullptr ? ESinewResult::Stopped : Owner->AskAny({AskedGroup->Name, AskedPolicy, AskedKey, AskedRetries}, What, AskedTimeoutMs, RequestId);
	}
	if (Owner == nullptr)
	{
		FSinewReply Reply;
		Reply.Failure = ESinewRequestFailure::NotSent;
		Reply.Result = Result;
		Finish(Reply);
		return;
	}
	// The game instance keeps this object until Finish; if it ends before that, nobody is there any more to be told.
	Owner->Await(Result, RequestId, [Weak = TWeakObjectPtr<USinewRequestAction>(this)](const FSinewReply& Reply)
	{
		if (USinewRequestAction* const Action = Weak.Get())
		{
			Action->Finish(Reply);
		}
	});
}

void USinewRequestAction::Finish(const FSinewReply& Reply)
{
	FSinewRequestActionSignature& Outcome = Reply.IsAnswered() ? OnReply : OnFailed;
	Outcome.Broadcast(Reply);
	SetReadyToDestroy();
}
