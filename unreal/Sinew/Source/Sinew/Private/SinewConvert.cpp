// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewConvert.h"

#include "Misc/CString.h"

namespace
{
	// One byte in Unreal, the same number in the library.
#define SINEW_SAME(Enum, Name, Number) static_assert(static_cast<uint32>(Enum::Name) == (Number), #Enum "::" #Name)
	SINEW_SAME(ESinewSendMode, Reliable, SINEW_MODE_RELIABLE);
	SINEW_SAME(ESinewSendMode, Unreliable, SINEW_MODE_UNRELIABLE);
	SINEW_SAME(ESinewLane, Lane1, SINEW_LANE_1 >> 8);
	SINEW_SAME(ESinewLane, Lane2, SINEW_LANE_2 >> 8);
	SINEW_SAME(ESinewLane, Lane3, SINEW_LANE_3 >> 8);
	SINEW_SAME(ESinewConnectionState, Disconnected, SINEW_STATE_DISCONNECTED);
	SINEW_SAME(ESinewConnectionState, Connecting, SINEW_STATE_CONNECTING);
	SINEW_SAME(ESinewConnectionState, Connected, SINEW_STATE_CONNECTED);
	SINEW_SAME(ESinewConnectionState, Interrupted, SINEW_STATE_INTERRUPTED);
	SINEW_SAME(ESinewConnectionState, Left, SINEW_STATE_LEFT);
	SINEW_SAME(ESinewDirection, Outgoing, SINEW_DIRECTION_OUTGOING);
	SINEW_SAME(ESinewDirection, Incoming, SINEW_DIRECTION_INCOMING);
	SINEW_SAME(ESinewDirection, Both, SINEW_DIRECTION_OUTGOING | SINEW_DIRECTION_INCOMING);
	SINEW_SAME(ESinewVisibility, Internal, SINEW_VISIBILITY_INTERNAL);
	SINEW_SAME(ESinewVisibility, External, SINEW_VISIBILITY_EXTERNAL);
	SINEW_SAME(ESinewReadiness, Starting, SINEW_READINESS_STARTING);
	SINEW_SAME(ESinewReadiness, Ready, SINEW_READINESS_READY);
	SINEW_SAME(ESinewReadiness, Draining, SINEW_READINESS_DRAINING);
	SINEW_SAME(ESinewDisconnectReason, Lost, SINEW_DISCONNECT_LOST);
	SINEW_SAME(ESinewDisconnectReason, Silent, SINEW_DISCONNECT_SILENT);
	SINEW_SAME(ESinewDisconnectReason, PeerStopped, SINEW_DISCONNECT_PEER_STOPPED);
	SINEW_SAME(ESinewDisconnectReason, PeerLeft, SINEW_DISCONNECT_PEER_LEFT);
	SINEW_SAME(ESinewDisconnectReason, Superseded, SINEW_DISCONNECT_SUPERSEDED);
	SINEW_SAME(ESinewDisconnectReason, Protocol, SINEW_DISCONNECT_PROTOCOL);
	SINEW_SAME(ESinewDisconnectReason, Stopping, SINEW_DISCONNECT_STOPPING);
	SINEW_SAME(ESinewDisconnectReason, Unrelated, SINEW_DISCONNECT_UNRELATED);
	SINEW_SAME(ESinewLeaveReason, Stopped, SINEW_LEAVE_STOPPED);
	SINEW_SAME(ESinewLeaveReason, Replaced, SINEW_LEAVE_REPLACED);
	SINEW_SAME(ESinewLeaveReason, Expired, SINEW_LEAVE_EXPIRED);
	SINEW_SAME(ESinewLeaveReason, Stopping, SINEW_LEAVE_STOPPING);
	SINEW_SAME(ESinewLeaveReason, Unrelated, SINEW_LEAVE_UNRELATED);
	SINEW_SAME(ESinewStopReason, Requested, SINEW_STOP_REQUESTED);
	SINEW_SAME(ESinewStopReason, Replaced, SINEW_STOP_REPLACED);
	SINEW_SAME(ESinewStopReason, Failed, SINEW_STOP_FAILED);
	SINEW_SAME(ESinewRequestFailure, TimedOut, SINEW_REQUEST_TIMED_OUT);
	SINEW_SAME(ESinewRequestFailure, Disconnected, SINEW_REQUEST_DISCONNECTED);
	SINEW_SAME(ESinewRequestFailure, Left, SINEW_REQUEST_LEFT);
	SINEW_SAME(ESinewRequestFailure, Refused, SINEW_REQUEST_REFUSED);
	SINEW_SAME(ESinewRequestFailure, NoHandler, SINEW_REQUEST_NO_HANDLER);
	SINEW_SAME(ESinewRequestFailure, Overloaded, SINEW_REQUEST_OVERLOADED);
	SINEW_SAME(ESinewRequestFailure, Cancelled, SINEW_REQUEST_CANCELLED);
	SINEW_SAME(ESinewRequestFailure, Stopping, SINEW_REQUEST_STOPPING);
	SINEW_SAME(ESinewPolicy, RoundRobin, SINEW_POLICY_ROUND_ROBIN);
	SINEW_SAME(ESinewPolicy, LeastLoaded, SINEW_POLICY_LEAST_LOADED);
	SINEW_SAME(ESinewPolicy, Key, SINEW_POLICY_KEY);
	SINEW_SAME(ESinewLogLevel, Error, SINEW_LOG_ERROR);
	SINEW_SAME(ESinewLogLevel, Warning, SINEW_LOG_WARN);
	SINEW_SAME(ESinewLogLevel, Info, SINEW_LOG_INFO);
	SINEW_SAME(ESinewLogLevel, Debug, SINEW_LOG_DEBUG);
	SINEW_SAME(ESinewLogLevel, Trace, SINEW_LOG_TRACE);
#undef SINEW_SAME

	/** A number up to the last one that this plugin knows; what a newer library says is Otherwise. */
	template <typename EnumType>
	EnumType UpTo(EnumType Last, uint32 From, EnumType Otherwise = EnumType::Unknown)
	{
		return From <= static_cast<uint32>(Last) ? static_cast<EnumType>(From) : Otherwise;
	}
}

FString SinewConvert::Text(const char* Utf8, size_t Length)
{
	const FUTF8ToTCHAR Converted(reinterpret_cast<const ANSICHAR*>(Utf8), static_cast<int32>(Length));
	FString Out;
	Out.AppendChars(Converted.Get(), Converted.Length());
	return Out;
}

FString SinewConvert::Text(const char* Utf8)
{
	return Utf8 == nullptr ? FString() : Text(Utf8, static_cast<size_t>(FCStringAnsi::Strlen(reinterpret_cast<const ANSICHAR*>(Utf8))));
}

FString SinewConvert::Text(const sinew_event& Event)
{
	return Text(reinterpret_cast<const char*>(Event.data), Event.len);
}

ESinewResult SinewConvert::Result(sinew_result From)
{
	switch (From)
	{
	case SINEW_RESULT_OK: return ESinewResult::Ok;
	case SINEW_RESULT_INVALID_ARGUMENT: return ESinewResult::InvalidArgument;
	case SINEW_RESULT_INVALID_CONFIG: return ESinewResult::InvalidConfig;
	case SINEW_RESULT_INVALID_UTF8: return ESinewResult::InvalidUtf8;
	case SINEW_RESULT_INVALID_DATA: return ESinewResult::InvalidData;
	case SINEW_RESULT_UNKNOWN_SERVER: return ESinewResult::UnknownServer;
	case SINEW_RESULT_UNKNOWN_GROUP: return ESinewResult::UnknownGroup;
	case SINEW_RESULT_BUSY: return ESinewResult::Busy;
	case SINEW_RESULT_INVALID_STATE: return ESinewResult::InvalidState;
	case SINEW_RESULT_ALREADY_JOINED: return ESinewResult::AlreadyJoined;
	case SINEW_RESULT_UNKNOWN_REQUEST: return ESinewResult::UnknownRequest;
	case SINEW_RESULT_QUEUE_FULL: return ESinewResult::QueueFull;
	case SINEW_RESULT_NOT_CONNECTED: return ESinewResult::NotConnected;
	case SINEW_RESULT_STOPPED: return ESinewResult::Stopped;
	case SINEW_RESULT_MESSAGE_TOO_BIG: return ESinewResult::MessageTooBig;
	case SINEW_RESULT_TOO_MANY_REQUESTS: return ESinewResult::TooManyRequests;
	case SINEW_RESULT_NO_CANDIDATE: return ESinewResult::NoCandidate;
	case SINEW_RESULT_ADDRESS_IN_USE: return ESinewResult::AddressInUse;
	case SINEW_RESULT_IO: return ESinewResult::Io;
	case SINEW_RESULT_KEY: return ESinewResult::Key;
	case SINEW_RESULT_PANIC: return ESinewResult::Panic;
	default: return ESinewResult::Unknown;
	}
}

ESinewConnectionState SinewConvert::State(uint32 From) { return UpTo(ESinewConnectionState::Left, From); }
ESinewDirection SinewConvert::Direction(uint32 From) { return static_cast<ESinewDirection>(From & static_cast<uint32>(ESinewDirection::Both)); }
ESinewVisibility SinewConvert::Visibility(uint32 From) { return UpTo(ESinewVisibility::External, From); }
ESinewReadiness SinewConvert::Readiness(uint32 From) { return UpTo(ESinewReadiness::Draining, From); }
ESinewDisconnectReason SinewConvert::DisconnectReason(uint32 From) { return UpTo(ESinewDisconnectReason::Unrelated, From); }
ESinewLeaveReason SinewConvert::LeaveReason(uint32 From) { return UpTo(ESinewLeaveReason::Unrelated, From); }
ESinewStopReason SinewConvert::StopReason(uint32 From) { return UpTo(ESinewStopReason::Failed, From); }
ESinewLogLevel SinewConvert::LogLevel(uint32 From) { return UpTo(ESinewLogLevel::Trace, From); }

ESinewRequestFailure SinewConvert::RequestFailure(uint32 From)
{
	return From == 0 ? ESinewRequestFailure::Unknown : UpTo(ESinewRequestFailure::Stopping, From);
}

uint32 SinewConvert::Mode(ESinewSendMode Mode, ESinewLane Lane)
{
	return static_cast<uint32>(Mode) | static_cast<uint32>(Lane) << 8;
}

FSinewMessageView SinewConvert::Message(const sinew_event& Event)
{
	FSinewMessageView View;
	View.Tag = static_cast<uint16>(Event.tag);
	View.Mode = static_cast<ESinewSendMode>(Event.mode & SINEW_MODE_MASK);
	View.Lane = static_cast<ESinewLane>(Event.mode >> 8 & 3);
	View.Payload = TConstArrayView<uint8>(Event.data, static_cast<int32>(Event.len));
	return View;
}

FSinewRequestView SinewConvert::Request(const sinew_event& Event)
{
	FSinewRequestView View;
	View.RequestId = static_cast<int64>(Event.request);
	View.TimeoutMs = static_cast<int64>(Event.count);
	View.Message = Message(Event);
	return View;
}

FSinewMessage SinewConvert::Copy(const FSinewMessageView& View)
{
	FSinewMessage Out;
	Out.Tag = View.Tag;
	Out.Mode = View.Mode;
	Out.Lane = View.Lane;
	Out.Payload.Append(View.Payload.GetData(), View.Payload.Num());
	return Out;
}

FSinewRequest SinewConvert::Copy(const FSinewRequestView& View)
{
	FSinewRequest Out;
	Out.RequestId = View.RequestId;
	Out.TimeoutMs = View.TimeoutMs;
	Out.Message = Copy(View.Message);
	return Out;
}

FSinewRegistration SinewConvert::Registration(const sinew_registration& From)
{
	FSinewRegistration To;
	To.Id = static_cast<int64>(From.id);
	To.Group = Text(From.group, From.group_len);
	To.Name = Text(From.name, From.name_len);
	To.Host = Text(From.host, From.host_len);
	To.Port = static_cast<int32>(From.port);
	To.Visibility = Visibility(From.visibility);
	for (size_t Index = 0; Index < From.property_count; ++Index)
	{
		const sinew_property& Property = From.properties[Index];
		To.Properties.Add(Text(Property.key, Property.key_len), Text(Property.value, Property.value_len));
	}
	return To;
}

FSinewServerInfo SinewConvert::Info(const sinew_local_info& From)
{
	FSinewServerInfo To;
	To.Id = static_cast<int64>(From.id);
	To.Group = Text(From.group);
	To.Name = Text(From.name);
	To.Host = Text(From.host);
	To.Port = static_cast<int32>(From.port);
	To.Visibility = Visibility(From.visibility);
	return To;
}

FSinewRemoteServerInfo SinewConvert::Info(const sinew_remote_info& From)
{
	FSinewRemoteServerInfo To;
	To.Id = static_cast<int64>(From.id);
	To.Group = Text(From.group);
	To.Name = Text(From.name);
	To.Host = Text(From.host);
	To.Port = static_cast<int32>(From.port);
	To.State = State(From.state);
	To.Direction = Direction(From.direction);
	To.RoundTripMicroseconds = From.rtt_us;
	To.QueuedBytes = static_cast<int64>(From.queued_bytes);
	// A number that is not equal to itself: none is told.
	To.bHasLoad = From.load == From.load;
	To.Load = To.bHasLoad ? From.load : 0.0;
	To.bHasCapacity = From.capacity == From.capacity;
	To.Capacity = To.bHasCapacity ? From.capacity : 0.0;
	To.Readiness = Readiness(From.readiness);
	To.OpenRequests = From.open_requests;
	return To;
}

FSinewGroupInfo SinewConvert::Info(const sinew_group_info& From)
{
	FSinewGroupInfo To;
	To.Name = Text(From.name);
	To.Visibility = Visibility(From.visibility);
	To.Direction = Direction(From.direction);
	To.Count = static_cast<int32>(From.count);
	return To;
}

FSinewStats SinewConvert::Stats(const sinew_stats& From)
{
	FSinewStats To;
	To.Servers = static_cast<int64>(From.servers);
	To.Connected = static_cast<int64>(From.connected);
	To.MessagesSent = static_cast<int64>(From.messages_sent);
	To.MessagesReceived = static_cast<int64>(From.messages_received);
	To.MessagesDropped = static_cast<int64>(From.messages_dropped);
	To.SendsRefused = static_cast<int64>(From.sends_refused);
	To.OutboxBytes = static_cast<int64>(From.outbox_bytes);
	To.InboxBytes = static_cast<int64>(From.inbox_bytes);
	To.EventBytes = static_cast<int64>(From.event_bytes);
	To.OldestEventWaitMicroseconds = static_cast<int64>(From.oldest_event_wait_us);
	To.LogsDropped = static_cast<int64>(From.logs_dropped);
	To.RejectedNotTls = static_cast<int64>(From.rejected_not_tls);
	To.RejectedUntrusted = static_cast<int64>(From.rejected_untrusted);
	To.RejectedAborted = static_cast<int64>(From.rejected_aborted);
	To.RejectedTimedOut = static_cast<int64>(From.rejected_timed_out);
	To.RejectedMalformed = static_cast<int64>(From.rejected_malformed);
	To.RejectedRefused = static_cast<int64>(From.rejected_refused);
	To.RejectedOverload = static_cast<int64>(From.rejected_overload);
	To.UnacknowledgedBytes = static_cast<int64>(From.unacknowledged_bytes);
	To.RecycledBytes = static_cast<int64>(From.recycled_bytes);
	To.CeilingBytes = static_cast<int64>(From.ceiling_bytes);
	To.DroppedLinkBusy = static_cast<int64>(From.dropped_link_busy);
	To.DroppedDatagramQueue = static_cast<int64>(From.dropped_datagram_queue);
	To.DroppedMalformed = static_cast<int64>(From.dropped_malformed);
	To.DroppedInboxFull = static_cast<int64>(From.dropped_inbox_full);
	To.ReceivedByDatagram = static_cast<int64>(From.received_by_datagram);
	To.RejectedThrottled = static_cast<int64>(From.rejected_throttled);
	To.RequestsSent = static_cast<int64>(From.requests_sent);
	To.RequestsAnswered = static_cast<int64>(From.requests_answered);
	To.RequestsFailed = static_cast<int64>(From.requests_failed);
	To.RepliesLate = static_cast<int64>(From.replies_late);
	To.RequestsReceived = static_cast<int64>(From.requests_received);
	return To;
}
