using System;

namespace Sinew
{
    /// <summary>Handles requests. What <paramref name="e"/> lends is good until the handler returns.</summary>
    public delegate void RequestReceivedHandler(object sender, RequestReceivedEventArgs e);

    /// <summary>
    /// A connected server asks something. A handler answers it now (<see cref="RequestReceivedEventArgs.Reply(ReadOnlySpan{byte}, uint)"/>), says no
    /// (<see cref="Refuse"/>), or takes it to answer it later (<see cref="AnswerLater"/>). A request with which no handler does any of these is
    /// refused with <see cref="RequestFailure.NoHandler"/>.
    /// </summary>
    public readonly ref struct RequestReceivedEventArgs
    {
        private readonly SinewServer owner;
        private readonly ulong request;

        /// <summary>Who asks.</summary>
        public IRemoteServer RemoteServer { get; }

        /// <summary>What kind of request it is.</summary>
        public ushort Tag { get; }

        /// <summary>How it was sent; the answer travels in the same way.</summary>
        public SendMode SendMode { get; }

        /// <summary>For how long an answer is waited for.</summary>
        public int TimeLeftMs { get; }

        /// <summary>The payload, lent until the handler returns.</summary>
        public ReadOnlySpan<byte> Data { get; }

        internal RequestReceivedEventArgs(SinewServer owner, IRemoteServer from, ulong request, ushort tag, SendMode mode, int timeLeftMs,
            ReadOnlySpan<byte> data)
        {
            this.owner = owner;
            this.request = request;
            RemoteServer = from;
            Tag = tag;
            SendMode = mode;
            TimeLeftMs = timeLeftMs;
            Data = data;
        }

        /// <summary>Takes the payload apart from its start.</summary>
        public MessageReader GetReader()
        {
            return new MessageReader(Data);
        }

        /// <summary>Answers, see <see cref="ReceivedRequest.Reply(ReadOnlySpan{byte}, uint)"/>.</summary>
        public SinewResult Reply(ReadOnlySpan<byte> data, uint code = 0)
        {
            return AnswerLater().Reply(data, code);
        }

        /// <summary>Answers with what was written so far.</summary>
        public SinewResult Reply(MessageWriter writer, uint code = 0)
        {
            return AnswerLater().Reply(writer, code);
        }

        /// <summary>Says no, see <see cref="ReceivedRequest.Refuse"/>.</summary>
        public SinewResult Refuse(RequestFailure reason = RequestFailure.Refused)
        {
            return AnswerLater().Refuse(reason);
        }

        /// <summary>Takes the request: it waits for its answer until <see cref="TimeLeftMs"/> is over. The payload is not kept.</summary>
        public ReceivedRequest AnswerLater()
        {
            owner.requestTaken = true;
            return new ReceivedRequest(owner, RemoteServer, request, Tag);
        }
    }

    /// <summary>A request of another server that waits for its answer. May be kept and used on any thread; too late is harmless.</summary>
    public readonly struct ReceivedRequest
    {
        private readonly SinewServer owner;

        /// <summary>Who asks.</summary>
        public IRemoteServer RemoteServer { get; }

        /// <summary>Its number, as the server that asks counts.</summary>
        public ulong Id { get; }

        /// <summary>What kind of request it is.</summary>
        public ushort Tag { get; }

        internal ReceivedRequest(SinewServer owner, IRemoteServer from, ulong id, ushort tag)
        {
            this.owner = owner;
            RemoteServer = from;
            Id = id;
            Tag = tag;
        }

        /// <summary>
        /// Answers; <paramref name="code"/> is a number of yours. <c>QueueFull</c> and <c>MessageTooBig</c>: it can still be answered.
        /// <c>UnknownRequest</c> (answered already, or who asked has given up), <c>NotConnected</c>, <c>UnknownServer</c>, <c>Stopped</c>: it
        /// cannot.
        /// </summary>
        public SinewResult Reply(ReadOnlySpan<byte> data, uint code = 0)
        {
            if (owner == null) return SinewResult.UnknownRequest;
            return owner.Reply(RemoteServer.Id, Id, code, data);
        }

        /// <summary>Answers with what was written so far.</summary>
        public SinewResult Reply(MessageWriter writer, uint code = 0)
        {
            if (writer == null) throw new ArgumentNullException(nameof(writer));
            return Reply(writer.WrittenSpan, code);
        }

        /// <summary>
        /// Answers with a no: <see cref="RequestFailure.Refused"/>, or <see cref="RequestFailure.NoHandler"/> if nothing here answers requests of
        /// this tag. Answers as <see cref="ReceivedRequest.Reply(ReadOnlySpan{byte}, uint)"/> does.
        /// </summary>
        /// <exception cref="SinewException">Another reason than these two.</exception>
        public SinewResult Refuse(RequestFailure reason = RequestFailure.Refused)
        {
            if (owner == null) return SinewResult.UnknownRequest;
            return owner.Refuse(RemoteServer.Id, Id, reason);
        }
    }
}
