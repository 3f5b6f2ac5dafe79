using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;

namespace Sinew
{
    /// <summary>The answer to a request, copied: it may be kept.</summary>
    public readonly struct Reply
    {
        /// <summary>Who answered.</summary>
        public IRemoteServer RemoteServer { get; }

        /// <summary>A number that the one who answered gives a meaning.</summary>
        public uint Code { get; }

        /// <summary>The payload; never <c>null</c>.</summary>
        public byte[] Data { get; }

        internal Reply(IRemoteServer from, uint code, byte[] data)
        {
            RemoteServer = from;
            Code = code;
            Data = data;
        }

        /// <summary>Takes the payload apart from its start.</summary>
        public MessageReader GetReader()
        {
            return new MessageReader(Data);
        }
    }

    /// <summary>
    /// A question to another server, and what comes of it. It ends exactly once, with an answer or with the reason why there is none: inside
    /// <c>Poll</c>, on the thread that polls (or inside <c>Dispose</c>). <c>await</c> goes on right there, without a detour by a
    /// synchronization context, with the <see cref="Reply"/> or a <see cref="RequestFailedException"/>.
    /// </summary>
    public sealed class ServerRequest
    {
        private readonly SinewServer owner;
        private readonly object gate = new object();
        private List<Action> continuations;
        private Reply reply;
        private string sentence;
        private volatile bool completed; // written last: who sees it sees the outcome, too

        /// <summary>Its number; 0 if it was never sent.</summary>
        public ulong Id { get; internal set; }

        /// <summary>What kind of request it is.</summary>
        public ushort Tag { get; private set; }

        /// <summary>What came of sending it: <c>Ok</c>, or why it was never sent, such as <c>QueueFull</c> or <c>NotConnected</c>.</summary>
        public SinewResult Result { get; private set; }

        /// <summary>Whether it has ended.</summary>
        public bool IsCompleted { get { return completed; } }

        /// <summary>Why there is no answer; <c>None</c> while it is open, and if there is one.</summary>
        public RequestFailure Failure { get; private set; }

        /// <summary>Whether there is an answer.</summary>
        public bool IsAnswered { get { return IsCompleted && Failure == RequestFailure.None; } }

        /// <summary>Who failed to answer, the last one if several were asked; <c>null</c> while it is open, or if it was never sent.</summary>
        public IRemoteServer FailedServer { get; private set; }

        /// <summary>The answer.</summary>
        /// <exception cref="RequestFailedException">There is none.</exception>
        /// <exception cref="InvalidOperationException">It has not ended yet.</exception>
        public Reply Reply
        {
            get
            {
                if (!IsCompleted) throw new InvalidOperationException("the request has not ended yet; await it, or look at IsCompleted first");
                if (Failure == RequestFailure.None) return reply;
                throw new RequestFailedException(Failure, Result, sentence);
            }
        }

        internal ServerRequest(SinewServer owner, ushort tag)
        {
            this.owner = owner;
            Tag = tag;
        }

        /// <summary>
        /// Gives it up: it fails with <see cref="RequestFailure.Cancelled"/> in the next poll, and an answer that still comes is dropped.
        /// <c>false</c> if it has ended, or an end of it waits for the poll.
        /// </summary>
        public bool Cancel()
        {
            return !IsCompleted && owner.Cancel(Id);
        }

        /// <summary>
        /// Has <paramref name="continuation"/> called when it ends: on the thread that polls, inside <c>Poll</c>; at once if it has ended.
        /// </summary>
        public void OnCompleted(Action continuation)
        {
            if (continuation == null) throw new ArgumentNullException(nameof(continuation));
            lock (gate)
            {
                if (!IsCompleted)
                {
                    if (continuations == null) continuations = new List<Action>(1);
                    continuations.Add(continuation);
                    return;
                }
            }
            continuation();
        }

        /// <summary>For <c>await</c>.</summary>
        public Awaiter GetAwaiter()
        {
            return new Awaiter(this);
        }

        /// <summary>The same as a task, for <c>Task.WhenAll</c> and the like. What awaits the task goes on where tasks go on.</summary>
        public Task<Reply> AsTask()
        {
            var source = new TaskCompletionSource<Reply>();
            OnCompleted(() =>
            {
                if (Failure == RequestFailure.None) source.SetResult(reply);
                else source.SetException(new RequestFailedException(Failure, Result, sentence));
            });
            return source.Task;
        }

        internal void Answer(Reply with)
        {
            reply = with;
            End(RequestFailure.None, null);
        }

        internal void Fail(RequestFailure failure, IRemoteServer server)
        {
            FailedServer = server;
            End(failure, "the request has no answer: " + failure);
        }

        internal void NotSent(SinewResult result, string why)
        {
            Result = result;
            End(RequestFailure.NotSent, why);
        }

        private void End(RequestFailure failure, string why)
        {
            List<Action> waiting;
            lock (gate)
            {
                Failure = failure;
                sentence = why;
                completed = true;
                waiting = continuations;
                continuations = null;
            }
            if (waiting == null) return;
            foreach (Action continuation in waiting)
            {
                try
                {
                    continuation();
                }
                catch (Exception exception)
                {
                    owner.ReportFailure(exception, "the end of a request");
                }
            }
        }

        /// <summary>What <c>await</c> works with.</summary>
        public readonly struct Awaiter : INotifyCompletion
        {
            private readonly ServerRequest request;

            internal Awaiter(ServerRequest request)
            {
                this.request = request;
            }

            /// <summary>Whether it has ended.</summary>
            public bool IsCompleted { get { return request.IsCompleted; } }

            /// <summary>The answer, or the exception that says why there is none.</summary>
            public Reply GetResult()
            {
                return request.Reply;
            }

            /// <summary>Has it called at the end.</summary>
            public void OnCompleted(Action continuation)
            {
                request.OnCompleted(continuation);
            }
        }
    }
}
