// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"
#include "SinewNative.h"
#include "SinewStats.h"
#include "SinewTypes.h"

/** Between the types of sinew.h and those of Unreal. */
namespace SinewConvert
{
	FString Text(const char* Utf8, size_t Length);
	/** Of text with a NUL behind it; nullptr is none. */
	FString Text(const char* Utf8);
	/** The text of an event. */
	FString Text(const sinew_event& Event);

	ESinewResult Result(sinew_result From);
	ESinewConnectionState State(uint32 From);
	ESinewDirection Direction(uint32 From);
	ESinewVisibility Visibility(uint32 From);
	ESinewReadiness Readiness(uint32 From);
	ESinewDisconnectReason DisconnectReason(uint32 From);
	ESinewLeaveReason LeaveReason(uint32 From);
	ESinewStopReason StopReason(uint32 From);
	ESinewRequestFailure RequestFailure(uint32 From);
	ESinewLogLevel LogLevel(uint32 From);

	/** SINEW_MODE_* with its SINEW_LANE_*. */
	uint32 Mode(ESinewSendMode Mode, ESinewLane Lane);

	FSinewMessageView Message(const sinew_event& Event);
	FSinewRequestView Request(const sinew_event& Event);
	FSinewMessage Copy(const FSinewMessageView& View);
	FSinewRequest Copy(const FSinewRequestView& View);

	FSinewRegistration Registration(const sinew_registration& From);
	FSinewServerInfo Info(const sinew_local_info& From);
	FSinewRemoteServerInfo Info(const sinew_remote_info& From);
	FSinewGroupInfo Info(const sinew_group_info& From);
	FSinewStats Stats(const sinew_stats& From);
}

/** A string as the library wants it: UTF-8 and a length in bytes. Lives as long as the call that it is made for. */
class FSinewUtf8
{
public:
	explicit FSinewUtf8(const FString& From) : Converted(*From, From.Len()) {}
	const char* Get() const { return reinterpret_cast<const char*>(Converted.Get()); }
	size_t Num() const { return static_cast<size_t>(Converted.Length()); }

private:
	FTCHARToUTF8 Converted;
};
