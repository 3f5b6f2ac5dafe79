using System;
using System.Text;

namespace Sinew
{
    /// <summary>
    /// Reads a payload field by field, in the order and with the types it was written (docs/messages.md). A read that fails throws a
    /// <see cref="MalformedMessageException"/> and leaves the reader where it was; no announced length is believed before that many bytes are
    /// there. It lends the payload, and is good as long as that is.
    /// </summary>
    public ref struct MessageReader
    {
        private const string Cure = "; read the fields with the types and in the order they were written";
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);

        private readonly ReadOnlySpan<byte> data;
        private int position;

        /// <summary>Reads from the start of these bytes; a <c>byte[]</c> will do.</summary>
        public MessageReader(ReadOnlySpan<byte> payload)
        {
            data = payload;
            position = 0;
        }

        /// <summary>The offset of the next byte to read.</summary>
        public int Position { get { return position; } }

        /// <summary>The number of bytes not read yet.</summary>
        public int Remaining { get { return data.Length - position; } }

        /// <summary>Checks that everything was read; call it at the end, it finds most disagreements about the fields.</summary>
        public void Finish()
        {
            if (Remaining == 0) return;
            throw new MalformedMessageException(position,
                Remaining + " bytes are left over; read every field that was written, or take the rest with ReadRaw");
        }

        /// <summary>One byte, 0 or 1.</summary>
        public bool ReadBoolean()
        {
            return ZeroOrOne("a bool");
        }

        /// <summary>One byte.</summary>
        public byte ReadByte()
        {
            Need("a u8", 1);
            return data[position++];
        }

        /// <summary>One byte (two's complement).</summary>
        public sbyte ReadSByte()
        {
            Need("an i8", 1);
            return unchecked((sbyte)data[position++]);
        }

        /// <summary>A number of at most 16 bits.</summary>
        public ushort ReadUInt16()
        {
            return (ushort)Number(MessageWriter.TwoBytes, "a u16");
        }

        /// <summary>A number of at most 32 bits.</summary>
        public uint ReadUInt32()
        {
            return (uint)Number(MessageWriter.FourBytes, "a u32");
        }

        /// <summary>A number of at most 64 bits.</summary>
        public ulong ReadUInt64()
        {
            return Number(MessageWriter.EightBytes, "a u64");
        }

        /// <summary>A number of at most 128 bits: the low half; <paramref name="high"/> becomes the upper one.</summary>
        public ulong ReadUInt128(out ulong high)
        {
            return Number128("a u128", out high);
        }

        /// <summary>A signed number of at most 16 bits.</summary>
        public short ReadInt16()
        {
            return (short)Unfold(Number(MessageWriter.TwoBytes, "an i16"));
        }

        /// <summary>A signed number of at most 32 bits.</summary>
        public int ReadInt32()
        {
            return (int)Unfold(Number(MessageWriter.FourBytes, "an i32"));
        }

        /// <summary>A signed number of at most 64 bits.</summary>
        public long ReadInt64()
        {
            return Unfold(Number(MessageWriter.EightBytes, "an i64"));
        }

        /// <summary>A signed number of at most 128 bits: the low half; <paramref name="high"/> becomes the upper one.</summary>
        public ulong ReadInt128(out long high)
        {
            ulong upper;
            ulong low = Number128("an i128", out upper);
            ulong sign = unchecked(0UL - (low & 1));
            high = unchecked((long)((upper >> 1) ^ sign));
            return ((low >> 1) | (upper << 63)) ^ sign;
        }

        /// <summary>4 bytes; every bit is kept, those of a NaN too.</summary>
        public unsafe float ReadSingle()
        {
            Need("an f32", 4);
            uint bits = (uint)Fixed(position, 4);
            position += 4;
            return *(float*)&bits;
        }

        /// <summary>8 bytes; every bit is kept, those of a NaN too.</summary>
        public unsafe double ReadDouble()
        {
            Need("an f64", 8);
            ulong bits = Fixed(position, 8);
            position += 8;
            return *(double*)&bits;
        }

        /// <summary>One Unicode character without a length: its number, see <c>char.ConvertFromUtf32</c>.</summary>
        public int ReadCharacter()
        {
            Need("a char", 1);
            int first = data[position];
            if (first < 0x80)
            {
                position++;
                return first;
            }
            int width = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 1;
            Need("a char", width);
            int character = first & (0x7f >> width);
            bool good = width > 1;
            for (int at = 1; at < width; at++)
            {
                int next = data[position + at];
                good = good && (next & 0xc0) == 0x80;
                character = character << 6 | (next & 0x3f);
            }
            // Overlong forms, surrogates, and what lies beyond the last character.
            good = good && character >= (width == 2 ? 0x80 : width == 3 ? 0x800 : 0x10000) && character <= 0x10ffff;
            if (!good || (character >= 0xd800 && character <= 0xdfff)) throw Disagree("the bytes are no UTF-8 character");
            position += width;
            return character;
        }

        /// <summary>A text with its length in front.</summary>
        public unsafe string ReadString()
        {
            int start;
            int count = Length("a text", "bytes", out start);
            if (count == 0)
            {
                position = start;
                return "";
            }
            string text;
            try
            {
                fixed (byte* bytes = &System.Runtime.InteropServices.MemoryMarshal.GetReference(data))
                {
                    text = Utf8.GetString(bytes + start, count);
                }
            }
            catch (DecoderFallbackException)
            {
                throw Disagree("a text of " + count + " bytes is not UTF-8");
            }
            position = start + count;
            return text;
        }

        /// <summary>Bytes with their length in front, lent.</summary>
        public ReadOnlySpan<byte> ReadBytes()
        {
            int start;
            int count = Length("a run of bytes", "bytes", out start);
            position = start + count;
            return data.Slice(start, count);
        }

        /// <summary>The next <paramref name="count"/> bytes, lent.</summary>
        public ReadOnlySpan<byte> ReadRaw(int count)
        {
            if (count < 0) throw new ArgumentOutOfRangeException(nameof(count), count, "a length is 0 or more");
            Need("a run of raw bytes", count);
            position += count;
            return data.Slice(position - count, count);
        }

        /// <summary>The number of elements of the sequence or map that starts here; never more than <see cref="Remaining"/>.</summary>
        public int ReadLength()
        {
            int start;
            int count = Length("a sequence", "elements", out start);
            position = start;
            return count;
        }

        /// <summary>Whether an optional value is present: it follows after <c>true</c>.</summary>
        public bool ReadSome()
        {
            return ZeroOrOne("the start of an optional value");
        }

        private bool ZeroOrOne(string what)
        {
            Need(what, 1);
            byte value = data[position];
            if (value > 1) throw Disagree(what + " is 0 or 1, not " + value);
            position++;
            return value == 1;
        }

        private ulong Number(byte widest, string what)
        {
            int end;
            ulong number = NumberAt(widest, what, out end);
            position = end;
            return number;
        }

        /// <summary>A number in one of the forms up to <paramref name="widest"/>; a longer form than necessary is fine. Does not move.</summary>
        private ulong NumberAt(byte widest, string what, out int end)
        {
            Need(what, 1);
            byte marker = data[position];
            if (marker < MessageWriter.TwoBytes)
            {
                end = position + 1;
                return marker;
            }
            if (marker == byte.MaxValue) throw Disagree("the byte 255 begins no number");
            int width = 2 << (marker - MessageWriter.TwoBytes);
            if (marker > widest)
            {
                throw Disagree("the byte " + marker + " begins a number of " + width + " bytes, which is more than " + what + " holds");
            }
            Need(what, 1 + width);
            end = position + 1 + width;
            return Fixed(position + 1, width);
        }

        private ulong Number128(string what, out ulong high)
        {
            high = 0;
            if (Remaining == 0 || data[position] != MessageWriter.SixteenBytes) return Number(MessageWriter.SixteenBytes, what);
            Need(what, 17);
            ulong low = Fixed(position + 1, 8);
            high = Fixed(position + 9, 8);
            position += 17;
            return low;
        }

        private ulong Fixed(int at, int width)
        {
            ulong number = 0;
            for (int index = width - 1; index >= 0; index--)
            {
                number = number << 8 | data[at + index];
            }
            return number;
        }

        /// <summary>A count of things that take at least a byte each, so at most as many as there are bytes behind it. Does not move.</summary>
        private int Length(string what, string unit, out int start)
        {
            ulong count = NumberAt(MessageWriter.EightBytes, "a length", out start);
            int left = data.Length - start;
            if (count <= (ulong)left) return (int)count;
            throw Disagree(what + " of " + count + " " + unit + " is announced, but only " + left + " bytes follow");
        }

        private void Need(string what, int count)
        {
            if (Remaining < count) throw Disagree(what + " takes " + count + " bytes here, but " + Remaining + " are left");
        }

        private static long Unfold(ulong number)
        {
            return unchecked((long)(number >> 1) ^ -(long)(number & 1));
        }

        /// <summary>The two ends do not agree about the fields, or the bytes did not come from a writer at all.</summary>
        private MalformedMessageException Disagree(string reason)
        {
            return new MalformedMessageException(position, reason + Cure);
        }
    }
}
