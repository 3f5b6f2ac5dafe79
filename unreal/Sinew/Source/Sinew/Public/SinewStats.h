// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"

#include "SinewStats.generated.h"

/** How this server is doing: the numbers of sinew_stats, which sinew.h explains one by one. */
USTRUCT(BlueprintType)
struct SINEW_API FSinewStats
{
	GENERATED_BODY()

	/** Servers in view. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 Servers = 0;

	/** Of those, connected. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 Connected = 0;

	/** Messages taken by a send. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 MessagesSent = 0;

	/** Messages that arrived, polled or not. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 MessagesReceived = 0;

	/** Unreliable messages dropped because a link was busy. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 MessagesDropped = 0;

	/** Times a send was answered QueueFull. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 SendsRefused = 0;

	/** Bytes that wait in all outboxes. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 OutboxBytes = 0;

	/** Bytes of messages received that wait for a poll, or are lent by the last one. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 InboxBytes = 0;

	/** Bytes of other events that wait for a poll. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 EventBytes = 0;

	/** How long the oldest event that waits for a poll has waited, in microseconds. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 OldestEventWaitMicroseconds = 0;

	/** Log lines dropped because nobody polled. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 LogsDropped = 0;

	/** Connections that were not TLS 1.3 with Sinew's protocol. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RejectedNotTls = 0;

	/** Connections that showed no certificate, or not one of this cluster. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RejectedUntrusted = 0;

	/** Connections that broke off during the handshake. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RejectedAborted = 0;

	/** Connections that did not finish the handshake in time. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RejectedTimedOut = 0;

	/** Connections whose handshake made no sense. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RejectedMalformed = 0;

	/** Connections that were refused with a sentence: version, cluster, identity, topology, registry. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RejectedRefused = 0;

	/** Connections that came while too many handshakes were under way. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RejectedOverload = 0;

	/** Bytes of messages, headers included, that are not known to have arrived, those that wait in an outbox included. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 UnacknowledgedBytes = 0;

	/** Memory that lies ready for the next messages. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RecycledBytes = 0;

	/** Most memory that messages and events can take by the limits, with as many links as now. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 CeilingBytes = 0;

	/** Of MessagesDropped: because the stream was busy. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 DroppedLinkBusy = 0;

	/** Of MessagesDropped: because too many waited for a datagram. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 DroppedDatagramQueue = 0;

	/** Datagrams received that made no sense, dropped whole. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 DroppedMalformed = 0;

	/** Messages that came by datagram while too much waited for a poll. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 DroppedInboxFull = 0;

	/** Of MessagesReceived: those that came by datagram. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 ReceivedByDatagram = 0;

	/** Connections closed at once because their address opens them too often. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RejectedThrottled = 0;

	/** Requests made by this server since its start; one that is tried again elsewhere counts again. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RequestsSent = 0;

	/** Answers to them that came in time. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RequestsAnswered = 0;

	/** Those of which a failure told, or the error of a future. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RequestsFailed = 0;

	/** Answers that came when nobody waited any more, dropped. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RepliesLate = 0;

	/** Requests of other servers. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew")
	int64 RequestsReceived = 0;
};
