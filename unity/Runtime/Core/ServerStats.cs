using Sinew.Native;

namespace Sinew
{
    /// <summary>How a server is doing: numbers for operators. Counters of messages are over the servers in view now.</summary>
    public readonly struct ServerStats
    {
        private readonly sinew_stats raw;

        internal ServerStats(sinew_stats raw)
        {
            this.raw = raw;
        }

        /// <summary>Servers in view.</summary>
        public uint Servers { get { return raw.servers; } }

        /// <summary>Of those, connected.</summary>
        public uint Connected { get { return raw.connected; } }

        /// <summary>Messages taken by a send.</summary>
        public ulong MessagesSent { get { return raw.messages_sent; } }

        /// <summary>Messages that arrived, polled or not.</summary>
        public ulong MessagesReceived { get { return raw.messages_received; } }

        /// <summary>Unreliable messages dropped because a link was busy.</summary>
        public ulong MessagesDropped { get { return raw.messages_dropped; } }

        /// <summary>Times a send was answered <see cref="SinewResult.QueueFull"/>.</summary>
        public ulong SendsRefused { get { return raw.sends_refused; } }

        /// <summary>Bytes that wait in all outboxes.</summary>
        public ulong OutboxBytes { get { return raw.outbox_bytes; } }

        /// <summary>Bytes of messages received that wait for a poll, or are lent by the last one.</summary>
        public ulong InboxBytes { get { return raw.inbox_bytes; } }

        /// <summary>Bytes of other events that wait for a poll.</summary>
        public ulong EventBytes { get { return raw.event_bytes; } }

        /// <summary>How long the oldest event that waits for a poll has waited, in microseconds.</summary>
        public ulong OldestEventWaitUs { get { return raw.oldest_event_wait_us; } }

        /// <summary>Log lines dropped because nobody polled.</summary>
        public ulong LogsDropped { get { return raw.logs_dropped; } }

        /// <summary>Connections that were not TLS 1.3 with Sinew's protocol.</summary>
        public ulong RejectedNotTls { get { return raw.rejected_not_tls; } }

        /// <summary>Connections that showed no certificate, or not one of this cluster.</summary>
        public ulong RejectedUntrusted { get { return raw.rejected_untrusted; } }

        /// <summary>Connections that broke off during the handshake.</summary>
        public ulong RejectedAborted { get { return raw.rejected_aborted; } }

        /// <summary>Connections that did not finish the handshake in time.</summary>
        public ulong RejectedTimedOut { get { return raw.rejected_timed_out; } }

        /// <summary>Connections whose handshake made no sense.</summary>
        public ulong RejectedMalformed { get { return raw.rejected_malformed; } }

        /// <summary>Connections that were refused with a sentence: version, cluster, identity, topology, registry.</summary>
        public ulong RejectedRefused { get { return raw.rejected_refused; } }

        /// <summary>Connections that came while too many handshakes were under way.</summary>
        public ulong RejectedOverload { get { return raw.rejected_overload; } }

        /// <summary>Bytes of messages, headers included, that are not known to have arrived, those that wait in an outbox included.</summary>
        public ulong UnacknowledgedBytes { get { return raw.unacknowledged_bytes; } }

        /// <summary>Memory that lies ready for the next messages.</summary>
        public ulong RecycledBytes { get { return raw.recycled_bytes; } }

        /// <summary>Most memory that messages and events can take by the limits, with as many links as now.</summary>
        public ulong CeilingBytes { get { return raw.ceiling_bytes; } }

        /// <summary>Of <see cref="MessagesDropped"/>: because the stream was busy.</summary>
        public ulong DroppedLinkBusy { get { return raw.dropped_link_busy; } }

        /// <summary>Of <see cref="MessagesDropped"/>: because too many waited for a datagram.</summary>
        public ulong DroppedDatagramQueue { get { return raw.dropped_datagram_queue; } }

        /// <summary>Datagrams received that made no sense, dropped whole.</summary>
        public ulong DroppedMalformed { get { return raw.dropped_malformed; } }

        /// <summary>Messages that came by datagram while too much waited for a poll.</summary>
        public ulong DroppedInboxFull { get { return raw.dropped_inbox_full; } }

        /// <summary>Of <see cref="MessagesReceived"/>: those that came by datagram.</summary>
        public ulong ReceivedByDatagram { get { return raw.received_by_datagram; } }

        /// <summary>Connections closed at once because their address opens them too often.</summary>
        public ulong RejectedThrottled { get { return raw.rejected_throttled; } }

        /// <summary>Requests made by this server since its start; one that is tried again elsewhere counts again.</summary>
        public ulong RequestsSent { get { return raw.requests_sent; } }

        /// <summary>Answers to them that came in time.</summary>
        public ulong RequestsAnswered { get { return raw.requests_answered; } }

        /// <summary>Those that ended without an answer.</summary>
        public ulong RequestsFailed { get { return raw.requests_failed; } }

        /// <summary>Answers that came when nobody waited any more, dropped.</summary>
        public ulong RepliesLate { get { return raw.replies_late; } }

        /// <summary>Requests of other servers.</summary>
        public ulong RequestsReceived { get { return raw.requests_received; } }
    }
}
