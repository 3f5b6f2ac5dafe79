using System;

namespace Sinew
{
    /// <summary>
    /// A tag and a payload. It lends the payload and copies nothing, so it cannot be kept: one that was received is good inside its handler, one
    /// that is to be sent as long as what it was made of.
    /// </summary>
    public readonly ref struct Message
    {
        /// <summary>What kind of message it is: 0 to 65535, with a meaning that the game gives it.</summary>
        public ushort Tag { get; }

        /// <summary>The payload. <c>ToArray()</c> copies it for who wants to keep it.</summary>
        public ReadOnlySpan<byte> Data { get; }

        /// <summary>A message of these bytes; a <c>byte[]</c> will do.</summary>
        public Message(ushort tag, ReadOnlySpan<byte> data)
        {
            Tag = tag;
            Data = data;
        }

        /// <summary>A message of what was written so far.</summary>
        public Message(ushort tag, MessageWriter writer)
        {
            if (writer == null) throw new ArgumentNullException(nameof(writer));
            Tag = tag;
            Data = writer.WrittenSpan;
        }

        /// <summary>Takes the payload apart from its start.</summary>
        public MessageReader GetReader()
        {
            return new MessageReader(Data);
        }
    }
}
