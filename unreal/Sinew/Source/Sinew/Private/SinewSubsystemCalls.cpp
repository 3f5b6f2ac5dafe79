// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

// What the game asks of the library: one call each, with Unreal's types on this side.
// What the library writes to has its own types: a uint64_t and a uint64 are not the same everywhere.

#include "SinewConvert.h"
#include "SinewSubsystem.h"

bool USinewSubsystem::IsSendable(const FOutgoing& What, ESinewResult& OutResult) const
{
	if (Server == nullptr)
	{
		OutResult = NotRunning();
		return false;
	}
	if (What.Tag < 0 || What.Tag > 65535)
	{
		OutResult = Refused(ESinewResult::InvalidArgument, *FString::Printf(TEXT("%d is no tag: tags go from 0 to 65535"), What.Tag));
		return false;
	}
	return true;
}

ESinewResult USinewSubsystem::SendTo(int64 ServerId, const FOutgoing& What) const
{
	ESinewResult Result;
	if (!IsSendable(What, Result))
	{
		return Result;
	}
	return Judge(FSinewNative::Get()->sinew_server_send(Server, static_cast<uint64>(ServerId), static_cast<uint16>(What.Tag),
		SinewConvert::Mode(What.Mode, What.Lane), What.Payload.GetData(), static_cast<size_t>(What.Payload.Num())));
}

ESinewResult USinewSubsystem::BroadcastTo(const FString& Group, const FOutgoing& What, int32& OutSent, TArray<int64>& OutMissed) const
{
	OutSent = 0;
	OutMissed.Reset();
	ESinewResult Result;
	if (!IsSendable(What, Result))
	{
		return Result;
	}
	const FSinewUtf8 Name(Group);
	size_t Sent = 0;
	size_t Missing = 0;
	TArray<uint64_t> Missed;
	// As many as are in view can be missed; one that joins meanwhile is not worth a second round, which would send everything twice.
	size_t InView = 0;
	FSinewNative::Get()->sinew_server_group_members(Server, Name.Get(), Name.Num(), nullptr, 0, &InView);
	Missed.SetNumZeroed(static_cast<int32>(InView));
	Result = Judge(FSinewNative::Get()->sinew_server_broadcast(Server, Name.Get(), Name.Num(), static_cast<uint16>(What.Tag),
		SinewConvert::Mode(What.Mode, What.Lane), What.Payload.GetData(), static_cast<size_t>(What.Payload.Num()), &Sent,
		Missed.GetData(), InView, &Missing));
	OutSent = static_cast<int32>(Sent);
	for (size_t Index = 0; Index < FMath::Min(Missing, InView); ++Index)
	{
		OutMissed.Add(static_cast<int64>(Missed[static_cast<int32>(Index)]));
	}
	return Result;
}

ESinewResult USinewSubsystem::SendToAny(const FChoice& Choice, const FOutgoing& What, int64& OutServerId) const
{
	OutServerId = 0;
	ESinewResult Result;
	if (!IsSendable(What, Result))
	{
		return Result;
	}
	const FSinewUtf8 Name(Choice.Group);
	uint64_t Chosen = 0;
	Result = Judge(FSinewNative::Get()->sinew_server_send_any(Server, Name.Get(), Name.Num(), static_cast<uint32>(Choice.Policy),
		Choice.Key.GetData(), static_cast<size_t>(Choice.Key.Num()), static_cast<uint16>(What.Tag), SinewConvert::Mode(What.Mode, What.Lane),
		What.Payload.GetData(), static_cast<size_t>(What.Payload.Num()), &Chosen));
	OutServerId = static_cast<int64>(Chosen);
	return Result;
}

ESinewResult USinewSubsystem::Ask(int64 ServerId, const FOutgoing& What, int32 TimeoutMs, int64& OutRequestId) const
{
	OutRequestId = 0;
	ESinewResult Result;
	if (!IsSendable(What, Result))
	{
		return Result;
	}
	uint64_t Request = 0;
	Result = Judge(FSinewNative::Get()->sinew_server_request(Server, static_cast<uint64>(ServerId), static_cast<uint16>(What.Tag),
		SinewConvert::Mode(What.Mode, What.Lane), What.Payload.GetData(), static_cast<size_t>(What.Payload.Num()),
		static_cast<uint32>(FMath::Max(TimeoutMs, 0)), &Request));
	OutRequestId = static_cast<int64>(Request);
	return Result;
}

ESinewResult USinewSubsystem::AskAny(const FChoice& Choice, const FOutgoing& What, int32 TimeoutMs, int64& OutRequestId) const
{
	OutRequestId = 0;
	ESinewResult Result;
	if (!IsSendable(What, Result))
	{
		return Result;
	}
	const FSinewUtf8 Name(Choice.Group);
	uint64_t Request = 0;
	Result = Judge(FSinewNative::Get()->sinew_server_request_any(Server, Name.Get(), Name.Num(), static_cast<uint32>(Choice.Policy),
		Choice.Key.GetData(), static_cast<size_t>(Choice.Key.Num()), static_cast<uint16>(What.Tag), SinewConvert::Mode(What.Mode, What.Lane),
		What.Payload.GetData(), static_cast<size_t>(What.Payload.Num()), static_cast<uint32>(FMath::Max(TimeoutMs, 0)),
		static_cast<uint32>(FMath::Max(Choice.Retries, 0)), &Request));
	OutRequestId = static_cast<int64>(Request);
	return Result;
}

void USinewSubsystem::Await(ESinewResult Result, int64 RequestId, FOutcome Outcome)
{
	if (Result == ESinewResult::Ok)
	{
		// The outcome comes by a later poll on this thread, so it cannot be missed.
		Waiting.Add(RequestId, MoveTemp(Outcome));
		return;
	}
	FSinewReply Reply;
	Reply.Failure = ESinewRequestFailure::NotSent;
	Reply.Result = Result;
	Outcome(Reply);
}

ESinewResult USinewSubsystem::Answer(int64 ServerId, int64 RequestId, uint32 Code, TConstArrayView<uint8> Payload) const
{
	if (Server == nullptr)
	{
		return NotRunning();
	}
	return Judge(FSinewNative::Get()->sinew_server_reply(Server, static_cast<uint64>(ServerId), static_cast<uint64>(RequestId), Code,
		Payload.GetData(), static_cast<size_t>(Payload.Num())));
}

ESinewResult USinewSubsystem::RefuseRequest(int64 ServerId, int64 RequestId, bool bNoHandler) const
{
	if (Server == nullptr)
	{
		return NotRunning();
	}
	return Judge(FSinewNative::Get()->sinew_server_refuse(Server, static_cast<uint64>(ServerId), static_cast<uint64>(RequestId),
		bNoHandler ? SINEW_REQUEST_NO_HANDLER : SINEW_REQUEST_REFUSED));
}

ESinewResult USinewSubsystem::CancelRequest(int64 RequestId)
{
	return Server == nullptr ? NotRunning() : Judge(FSinewNative::Get()->sinew_server_cancel(Server, static_cast<uint64>(RequestId)));
}

ESinewResult USinewSubsystem::GetServerInfo(FSinewServerInfo& OutInfo) const
{
	if (Server == nullptr)
	{
		return NotRunning();
	}
	sinew_local_info Info = {};
	Info.size = sizeof(Info);
	const ESinewResult Result = Judge(FSinewNative::Get()->sinew_server_info(Server, &Info));
	if (Result == ESinewResult::Ok)
	{
		OutInfo = SinewConvert::Info(Info);
	}
	return Result;
}

ESinewResult USinewSubsystem::GetStats(FSinewStats& OutStats) const
{
	if (Server == nullptr)
	{
		return NotRunning();
	}
	sinew_stats Stats = {};
	Stats.size = sizeof(Stats);
	const ESinewResult Result = Judge(FSinewNative::Get()->sinew_server_stats(Server, &Stats));
	if (Result == ESinewResult::Ok)
	{
		OutStats = SinewConvert::Stats(Stats);
	}
	return Result;
}

TArray<sinew_group_info> USinewSubsystem::ListGroups() const
{
	TArray<sinew_group_info> Infos;
	if (Server == nullptr)
	{
		NotRunning();
		return Infos;
	}
	// A reload on another thread may bring one more between the two calls.
	size_t Count = 0;
	do
	{
		Infos.SetNumZeroed(static_cast<int32>(Count));
		if (Count > 0)
		{
			Infos[0].size = sizeof(sinew_group_info);
		}
		if (Judge(FSinewNative::Get()->sinew_server_groups(Server, Infos.GetData(), static_cast<size_t>(Infos.Num()), &Count)) != ESinewResult::Ok)
		{
			Infos.Reset();
			return Infos;
		}
	} while (Count > static_cast<size_t>(Infos.Num()));
	Infos.SetNum(static_cast<int32>(Count));
	return Infos;
}

ESinewResult USinewSubsystem::FindGroup(const FString& GroupName, FSinewGroupInfo& OutInfo) const
{
	if (Server == nullptr)
	{
		return NotRunning();
	}
	for (const sinew_group_info& Info : ListGroups())
	{
		if (SinewConvert::Text(Info.name) == GroupName)
		{
			OutInfo = SinewConvert::Info(Info);
			return ESinewResult::Ok;
		}
	}
	return Refused(ESinewResult::UnknownGroup, *FString::Printf(TEXT("no group `%s` is connected with this server's group"), *GroupName));
}

TArray<USinewServerGroup*> USinewSubsystem::GetServerGroups()
{
	TArray<USinewServerGroup*> Out;
	for (const sinew_group_info& Info : ListGroups())
	{
		Out.Add(GroupHandle(SinewConvert::Text(Info.name)));
	}
	return Out;
}

USinewServerGroup* USinewSubsystem::GetServerGroup(const FString& GroupName)
{
	FSinewGroupInfo Info;
	return FindGroup(GroupName, Info) == ESinewResult::Ok ? GroupHandle(GroupName) : nullptr;
}

TArray<USinewRemoteServer*> USinewSubsystem::GroupMembers(const FString& GroupName) const
{
	TArray<USinewRemoteServer*> Out;
	if (Server == nullptr)
	{
		NotRunning();
		return Out;
	}
	const FSinewUtf8 Name(GroupName);
	TArray<uint64_t> Ids;
	size_t Count = 0;
	do
	{
		Ids.SetNumZeroed(static_cast<int32>(Count));
		if (Judge(FSinewNative::Get()->sinew_server_group_members(Server, Name.Get(), Name.Num(), Ids.GetData(), static_cast<size_t>(Ids.Num()),
				&Count)) != ESinewResult::Ok)
		{
			return Out;
		}
	} while (Count > static_cast<size_t>(Ids.Num()));
	for (size_t Index = 0; Index < Count; ++Index)
	{
		// One whose joining has not been told yet has no handle yet.
		if (USinewRemoteServer* const Remote = FindServer(static_cast<int64>(Ids[static_cast<int32>(Index)])))
		{
			Out.Add(Remote);
		}
	}
	return Out;
}

USinewRemoteServer* USinewSubsystem::FindServer(int64 ServerId) const
{
	const TObjectPtr<USinewRemoteServer>* const Found = Remotes.Find(ServerId);
	return Found == nullptr ? nullptr : Found->Get();
}

ESinewResult USinewSubsystem::Find(int64 ServerId, FSinewRemoteServerInfo& OutInfo) const
{
	if (Server == nullptr)
	{
		return NotRunning();
	}
	sinew_remote_info Info = {};
	Info.size = sizeof(Info);
	const ESinewResult Result = Judge(FSinewNative::Get()->sinew_server_find(Server, static_cast<uint64>(ServerId), &Info));
	if (Result == ESinewResult::Ok)
	{
		OutInfo = SinewConvert::Info(Info);
	}
	return Result;
}

ESinewResult USinewSubsystem::Explain(int64 ServerId, FString& OutText) const
{
	OutText = FString();
	if (Server == nullptr)
	{
		return NotRunning();
	}
	// It may grow between two calls; the last word is the one that fits.
	TArray<char> Text;
	size_t Needed = 0;
	ESinewResult Result;
	do
	{
		Text.SetNumZeroed(static_cast<int32>(Needed) + 1024);
		Result = Judge(FSinewNative::Get()->sinew_server_explain(Server, static_cast<uint64>(ServerId), Text.GetData(),
			static_cast<size_t>(Text.Num()), &Needed));
	} while (Result == ESinewResult::Ok && Needed >= static_cast<size_t>(Text.Num()));
	if (Result == ESinewResult::Ok)
	{
		OutText = SinewConvert::Text(Text.GetData(), Needed);
	}
	return Result;
}

ESinewResult USinewSubsystem::SetProperty(const FString& Key, const FString& Value)
{
	return SetOrRemove(Key, &Value);
}

ESinewResult USinewSubsystem::RemoveProperty(const FString& Key)
{
	return SetOrRemove(Key, nullptr);
}

ESinewResult USinewSubsystem::SetOrRemove(const FString& Key, const FString* Value)
{
	if (Server == nullptr)
	{
		return NotRunning();
	}
	const FSinewUtf8 Name(Key);
	if (Value == nullptr)
	{
		return Judge(FSinewNative::Get()->sinew_server_set_property(Server, Name.Get(), Name.Num(), nullptr, 0));
	}
	const FSinewUtf8 Text(*Value);
	return Judge(FSinewNative::Get()->sinew_server_set_property(Server, Name.Get(), Name.Num(), Text.Get(), Text.Num()));
}

ESinewResult USinewSubsystem::GetProperty(int64 ServerId, const FString& Key, FString& OutValue, bool& bOutFound) const
{
	OutValue = FString();
	bOutFound = false;
	if (Server == nullptr)
	{
		return NotRunning();
	}
	const FSinewUtf8 Name(Key);
	// Properties have 4 KiB in all.
	char Text[4097];
	size_t Needed = 0;
	uint32_t Found = 0;
	const ESinewResult Result = Judge(FSinewNative::Get()->sinew_server_property(Server, static_cast<uint64>(ServerId), Name.Get(), Name.Num(),
		Text, sizeof(Text), &Needed, &Found));
	if (Result == ESinewResult::Ok && Found != 0)
	{
		bOutFound = true;
		OutValue = SinewConvert::Text(Text, FMath::Min(Needed, sizeof(Text) - 1));
	}
	return Result;
}
