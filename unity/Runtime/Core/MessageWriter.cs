using System;
using System.Text;

namespace Sinew
{
    /// <summary>
    /// Writes a payload field by field, exactly as bincode 2's standard configuration does (docs/messages.md): the reader must read the same types
    /// in the same order. Keep one and <see cref="Clear"/> it, and writing costs no garbage. Not for several threads at once.
    /// </summary>
    public sealed class MessageWriter
    {
        internal const byte TwoBytes = 251;
        internal const byte FourBytes = 252;
        internal const byte EightBytes = 253;
        internal const byte SixteenBytes = 254;

        // Half of a surrogate pair is an exception here, not a question mark on the other side.
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);

        private byte[] bytes;
        private int length;

        /// <summary>An empty writer; <paramref name="capacity"/> bytes fit before it has to grow.</summary>
        public MessageWriter(int capacity = 256)
        {
            bytes = new byte[capacity];
        }

        /// <summary>The number of bytes written so far.</summary>
        public int Length { get { return length; } }

        /// <summary>What was written so far; good until the next write.</summary>
        public ReadOnlySpan<byte> WrittenSpan { get { return new ReadOnlySpan<byte>(bytes, 0, length); } }

        /// <summary>A copy of what was written so far.</summary>
        public byte[] ToArray()
        {
            return WrittenSpan.ToArray();
        }

        /// <summary>Forgets what was written and keeps the memory for the next payload.</summary>
        public MessageWriter Clear()
        {
            length = 0;
            return this;
        }

        /// <summary>One byte.</summary>
        public MessageWriter WriteBoolean(bool value)
        {
            return WriteByte(value ? (byte)1 : (byte)0);
        }

        /// <summary>One byte as it is.</summary>
        public MessageWriter WriteByte(byte value)
        {
            Room(1);
            bytes[length++] = value;
            return this;
        }

        /// <summary>One byte as it is (two's complement).</summary>
        public MessageWriter WriteSByte(sbyte value)
        {
            return WriteByte(unchecked((byte)value));
        }

        /// <summary>1 or 3 bytes: small numbers are short, here and in the wider integers.</summary>
        public MessageWriter WriteUInt16(ushort value)
        {
            return WriteUInt64(value);
        }

        /// <summary>1, 3 or 5 bytes.</summary>
        public MessageWriter WriteUInt32(uint value)
        {
            return WriteUInt64(value);
        }

        /// <summary>1, 3, 5 or 9 bytes.</summary>
        public MessageWriter WriteUInt64(ulong value)
        {
            if (value < TwoBytes) return WriteByte((byte)value);
            if (value <= ushort.MaxValue) return Marked(TwoBytes, value, 2);
            if (value <= uint.MaxValue) return Marked(FourBytes, value, 4);
            return Marked(EightBytes, value, 8);
        }

        /// <summary>1, 3, 5, 9 or 17 bytes: a number of 128 bits in two halves, for which this C# has no type.</summary>
        public MessageWriter WriteUInt128(ulong high, ulong low)
        {
            if (high == 0) return WriteUInt64(low);
            Marked(SixteenBytes, low, 8);
            return Fixed(high, 8);
        }

        /// <summary>1 or 3 bytes: numbers close to 0 are short on both sides of it, here and in the wider integers.</summary>
        public MessageWriter WriteInt16(short value)
        {
            return WriteInt64(value);
        }

        /// <summary>1, 3 or 5 bytes.</summary>
        public MessageWriter WriteInt32(int value)
        {
            return WriteInt64(value);
        }

        /// <summary>1, 3, 5 or 9 bytes.</summary>
        public MessageWriter WriteInt64(long value)
        {
            return WriteUInt64(unchecked((ulong)((value << 1) ^ (value >> 63))));
        }

        /// <summary>1, 3, 5, 9 or 17 bytes: a signed number of 128 bits in two halves.</summary>
        public MessageWriter WriteInt128(long high, ulong low)
        {
            ulong sign = unchecked((ulong)(high >> 63));
            ulong upper = unchecked((ulong)high << 1) | (low >> 63);
            return WriteUInt128(upper ^ sign, (low << 1) ^ sign);
        }

        /// <summary>4 bytes; every bit is kept, those of a NaN too.</summary>
        public unsafe MessageWriter WriteSingle(float value)
        {
            return Fixed(*(uint*)&value, 4);
        }

        /// <summary>8 bytes; every bit is kept, those of a NaN too.</summary>
        public unsafe MessageWriter WriteDouble(double value)
        {
            return Fixed(*(ulong*)&value, 8);
        }

        /// <summary>One Unicode character as 1 to 4 bytes of UTF-8, without a length: what Rust reads as <c>char</c>.</summary>
        /// <exception cref="ArgumentOutOfRangeException">No Unicode character has this number.</exception>
        public MessageWriter WriteCharacter(int codePoint)
        {
            if (codePoint < 0 || codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff))
            {
                throw new ArgumentOutOfRangeException(nameof(codePoint), codePoint, "no Unicode character has this number");
            }
            if (codePoint < 0x80) return WriteByte((byte)codePoint);
            Span<byte> room = Room(4);
            int width = codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
            for (int at = width - 1; at > 0; at--)
            {
                room[at] = (byte)(0x80 | (codePoint & 0x3f));
                codePoint >>= 6;
            }
            room[0] = (byte)((0xf00 >> width & 0xff) | codePoint);
            length += width;
            return this;
        }

        /// <summary>The number of UTF-8 bytes, then the bytes.</summary>
        /// <exception cref="ArgumentNullException">For a value that may be missing, use <see cref="WriteNone"/> and <see cref="WriteSome"/>.</exception>
        /// <exception cref="EncoderFallbackException">Half of a surrogate pair; nothing is written then.</exception>
        public MessageWriter WriteString(string value)
        {
            if (value == null) throw new ArgumentNullException(nameof(value));
            int count = Utf8.GetByteCount(value);
            WriteLength(count);
            Room(count);
            length += Utf8.GetBytes(value, 0, value.Length, bytes, length);
            return this;
        }

        /// <summary>The number of bytes, then the bytes: what Rust reads as <c>Vec&lt;u8&gt;</c>.</summary>
        public MessageWriter WriteBytes(ReadOnlySpan<byte> value)
        {
            return WriteLength(value.Length).WriteRaw(value);
        }

        /// <summary>The bytes alone: the reader must know how many. Also appends what another writer wrote.</summary>
        public MessageWriter WriteRaw(ReadOnlySpan<byte> value)
        {
            value.CopyTo(Room(value.Length));
            length += value.Length;
            return this;
        }

        /// <summary>Starts a sequence or map: <paramref name="count"/> elements follow (for a map, a key and then a value each).</summary>
        public MessageWriter WriteLength(int count)
        {
            if (count < 0) throw new ArgumentOutOfRangeException(nameof(count), count, "a length is 0 or more");
            return WriteUInt64((ulong)count);
        }

        /// <summary>An absent optional value.</summary>
        public MessageWriter WriteNone()
        {
            return WriteByte(0);
        }

        /// <summary>Starts a present optional value: the value follows.</summary>
        public MessageWriter WriteSome()
        {
            return WriteByte(1);
        }

        private MessageWriter Marked(byte marker, ulong value, int width)
        {
            WriteByte(marker);
            return Fixed(value, width);
        }

        private MessageWriter Fixed(ulong value, int width)
        {
            Span<byte> room = Room(width);
            for (int at = 0; at < width; at++)
            {
                room[at] = (byte)(value >> (8 * at));
            }
            length += width;
            return this;
        }

        /// <summary>Room behind what was written, for <paramref name="more"/> bytes at least.</summary>
        private Span<byte> Room(int more)
        {
            if (bytes.Length - length < more)
            {
                int needed = checked(length + more);
                Array.Resize(ref bytes, Math.Max(needed, (int)Math.Min(2L * bytes.Length, int.MaxValue - 64)));
            }
            return new Span<byte>(bytes, length, bytes.Length - length);
        }
    }
}
