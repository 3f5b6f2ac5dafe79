// tests/vectors: the encoding of payloads, which every language is held to.
using System;
using System.Collections.Generic;
using System.IO;
using System.Numerics;
using System.Text;
using Sinew;
using static Support;

internal static class Vectors
{
    internal static readonly Action[] All = { Written, Readable, Rejected, AnyBytes, ForgedLengths, WhatIsNoText };

    private static readonly string Folder = Environment.GetEnvironmentVariable("SINEW_ROOT") + "/tests/vectors/";

    private static void Written()
    {
        foreach (Dictionary<string, object> vector in Load("written.json"))
        {
            var writer = new MessageWriter(0);
            WriteAll(writer, (List<object>)vector["ops"]);
            Same((string)vector["hex"], Hex(writer.ToArray()), (string)vector["name"]);
            ReadVector(vector);
        }
    }

    private static void Readable()
    {
        foreach (Dictionary<string, object> vector in Load("readable.json")) ReadVector(vector);
    }

    private static void ReadVector(Dictionary<string, object> vector)
    {
        var reader = new MessageReader(Bytes((string)vector["hex"]));
        ReadAll(ref reader, (List<object>)vector["ops"], (string)vector["name"]);
        reader.Finish();
    }

    private static void Rejected()
    {
        foreach (Dictionary<string, object> vector in Load("rejected.json"))
        {
            string name = (string)vector["name"];
            var reader = new MessageReader(Bytes((string)vector["hex"]));
            ReadAll(ref reader, (List<object>)vector["ops"], name);
            int before = reader.Position;
            object length;
            vector.TryGetValue("length", out length);
            try
            {
                ReadFailing(ref reader, (string)vector["fails"], length == null ? 0 : int.Parse((string)length));
                throw new CheckFailed(name + " was read");
            }
            catch (MalformedMessageException exception)
            {
                Same(int.Parse((string)vector["offset"]), exception.Offset, name);
                Same(SinewResult.InvalidData, exception.Code, name);
                Check(exception.Message.Contains("byte " + exception.Offset + ":"), exception.Message);
            }
            Same(before, reader.Position, name + ": a failed read moved the reader; it");
        }
    }

    /// <summary>Whatever comes: a value or the one exception, and no more memory than the payload is long.</summary>
    private static void AnyBytes()
    {
        var random = new Random(7);
        string[] reads = { "bool", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "u128", "i128", "f32", "f64", "char", "str", "bytes", "raw", "some", "len" };
        for (int round = 0; round < 20000; round++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            var reader = new MessageReader(bytes);
            for (int step = 0; step < 8; step++)
            {
                int before = reader.Position;
                try
                {
                    ReadFailing(ref reader, reads[random.Next(reads.Length)], 3);
                }
                catch (MalformedMessageException)
                {
                    Same(before, reader.Position, "the position after a failed read");
                }
            }
        }
    }

    private static void ForgedLengths()
    {
        byte[] forged = Bytes("fdffffffffffffff7f00");
        foreach (string read in new[] { "str", "bytes", "len" })
        {
            var reader = new MessageReader(forged);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ReadFailing(ref reader, read, 0);
                throw new CheckFailed("a forged length was believed");
            }
            catch (MalformedMessageException)
            {
            }
            Check(GC.GetAllocatedBytesForCurrentThread() - before < 100000, "a forged length costs no memory");
        }
    }

    private static void WhatIsNoText()
    {
        var writer = new MessageWriter();
        writer.WriteByte(1);
        Throws<EncoderFallbackException>(() => writer.WriteString("half of a pair: \ud800"));
        Throws<ArgumentNullException>(() => writer.WriteString(null));
        Throws<ArgumentOutOfRangeException>(() => writer.WriteCharacter(0xd800));
        Throws<ArgumentOutOfRangeException>(() => writer.WriteCharacter(0x110000));
        Throws<ArgumentOutOfRangeException>(() => writer.WriteLength(-1));
        Same(1, writer.Length, "what was written");
    }

    private static void WriteAll(MessageWriter writer, List<object> ops)
    {
        foreach (Dictionary<string, object> op in ops)
        {
            object value = op["value"];
            string text = value as string;
            switch ((string)op["op"])
            {
                case "bool": writer.WriteBoolean((bool)value); break;
                case "u8": writer.WriteByte(byte.Parse(text)); break;
                case "u16": writer.WriteUInt16(ushort.Parse(text)); break;
                case "u32": writer.WriteUInt32(uint.Parse(text)); break;
                case "u64": writer.WriteUInt64(ulong.Parse(text)); break;
                case "u128": writer.WriteUInt128(High(text), Low(text)); break;
                case "i8": writer.WriteSByte(sbyte.Parse(text)); break;
                case "i16": writer.WriteInt16(short.Parse(text)); break;
                case "i32": writer.WriteInt32(int.Parse(text)); break;
                case "i64": writer.WriteInt64(long.Parse(text)); break;
                case "i128": writer.WriteInt128(unchecked((long)High(text)), Low(text)); break;
                case "f32": writer.WriteSingle(BitConverter.ToSingle(BitConverter.GetBytes(Convert.ToUInt32(text, 16)), 0)); break;
                case "f64": writer.WriteDouble(BitConverter.Int64BitsToDouble(Convert.ToInt64(text, 16))); break;
                case "char": writer.WriteCharacter(char.ConvertToUtf32(text, 0)); break;
                case "str": writer.WriteString(text); break;
                case "bytes": writer.WriteBytes(Bytes(text)); break;
                case "raw": writer.WriteRaw(Bytes(text)); break;
                case "option":
                    if (value == null)
                    {
                        writer.WriteNone();
                        break;
                    }
                    writer.WriteSome();
                    WriteAll(writer, (List<object>)value);
                    break;
                case "seq":
                    var elements = (List<object>)value;
                    writer.WriteLength(elements.Count);
                    foreach (List<object> element in elements) WriteAll(writer, element);
                    break;
                default: throw new CheckFailed("no op is called " + op["op"]);
            }
        }
    }

    private static void ReadAll(ref MessageReader reader, List<object> ops, string name)
    {
        foreach (Dictionary<string, object> op in ops)
        {
            object value = op["value"];
            string text = value as string, found;
            ulong low, high;
            long signed;
            switch ((string)op["op"])
            {
                case "bool": found = reader.ReadBoolean().ToString(); text = value.ToString(); break;
                case "u8": found = reader.ReadByte().ToString(); break;
                case "u16": found = reader.ReadUInt16().ToString(); break;
                case "u32": found = reader.ReadUInt32().ToString(); break;
                case "u64": found = reader.ReadUInt64().ToString(); break;
                case "u128":
                    low = reader.ReadUInt128(out high);
                    found = ((new BigInteger(high) << 64) + low).ToString();
                    break;
                case "i8": found = reader.ReadSByte().ToString(); break;
                case "i16": found = reader.ReadInt16().ToString(); break;
                case "i32": found = reader.ReadInt32().ToString(); break;
                case "i64": found = reader.ReadInt64().ToString(); break;
                case "i128":
                    low = reader.ReadInt128(out signed);
                    found = ((new BigInteger(signed) << 64) + low).ToString();
                    break;
                case "f32": found = BitConverter.ToUInt32(BitConverter.GetBytes(reader.ReadSingle()), 0).ToString("x8"); break;
                case "f64": found = BitConverter.DoubleToInt64Bits(reader.ReadDouble()).ToString("x16"); break;
                case "char": found = char.ConvertFromUtf32(reader.ReadCharacter()); break;
                case "str": found = reader.ReadString(); break;
                case "bytes": found = Hex(reader.ReadBytes().ToArray()); break;
                case "raw": found = Hex(reader.ReadRaw(text.Length / 2).ToArray()); break;
                case "option":
                    found = reader.ReadSome().ToString();
                    text = (value != null).ToString();
                    if (value != null) ReadAll(ref reader, (List<object>)value, name);
                    break;
                case "seq":
                    var elements = (List<object>)value;
                    found = reader.ReadLength().ToString();
                    text = elements.Count.ToString();
                    foreach (List<object> element in elements) ReadAll(ref reader, element, name);
                    break;
                default: throw new CheckFailed("no op is called " + op["op"]);
            }
            Same(text, found, name);
        }
    }

    private static void ReadFailing(ref MessageReader reader, string read, int length)
    {
        ulong high;
        long signed;
        switch (read)
        {
            case "bool": reader.ReadBoolean(); break;
            case "u8": reader.ReadByte(); break;
            case "u16": reader.ReadUInt16(); break;
            case "u32": reader.ReadUInt32(); break;
            case "u64": reader.ReadUInt64(); break;
            case "u128": reader.ReadUInt128(out high); break;
            case "i8": reader.ReadSByte(); break;
            case "i16": reader.ReadInt16(); break;
            case "i32": reader.ReadInt32(); break;
            case "i64": reader.ReadInt64(); break;
            case "i128": reader.ReadInt128(out signed); break;
            case "f32": reader.ReadSingle(); break;
            case "f64": reader.ReadDouble(); break;
            case "char": reader.ReadCharacter(); break;
            case "str": reader.ReadString(); break;
            case "bytes": reader.ReadBytes(); break;
            case "raw": reader.ReadRaw(length); break;
            case "some": reader.ReadSome(); break;
            case "len": reader.ReadLength(); break;
            case "finish": reader.Finish(); break;
            default: throw new CheckFailed("no read is called " + read);
        }
    }

    private static ulong Low(string number)
    {
        return (ulong)(BigInteger.Parse(number) & ulong.MaxValue);
    }

    private static ulong High(string number)
    {
        return (ulong)((BigInteger.Parse(number) >> 64) & ulong.MaxValue);
    }

    private static byte[] Bytes(string hex)
    {
        var bytes = new byte[hex.Length / 2];
        for (int at = 0; at < bytes.Length; at++) bytes[at] = Convert.ToByte(hex.Substring(2 * at, 2), 16);
        return bytes;
    }

    private static string Hex(byte[] bytes)
    {
        return BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant();
    }

    private static IEnumerable<object> Load(string file)
    {
        var json = new Json(File.ReadAllText(Folder + file, Encoding.UTF8));
        var vectors = (List<object>)((Dictionary<string, object>)json.Value())["vectors"];
        Check(vectors.Count > 10, file + " holds vectors");
        return vectors;
    }
}

/// <summary>As much of JSON as the vectors need: Debian's mono has no parser of its own.</summary>
internal sealed class Json
{
    private readonly string text;
    private int at;

    internal Json(string text)
    {
        this.text = text;
    }

    internal object Value()
    {
        Skip();
        switch (text[at])
        {
            case '{':
                var members = new Dictionary<string, object>();
                for (at++; Next() != '}';)
                {
                    string key = Text();
                    Take(':');
                    members[key] = Value();
                    if (Next() == ',') at++;
                }
                at++;
                return members;
            case '[':
                var elements = new List<object>();
                for (at++; Next() != ']';)
                {
                    elements.Add(Value());
                    if (Next() == ',') at++;
                }
                at++;
                return elements;
            case '"': return Text();
            case 't': at += 4; return true;
            case 'f': at += 5; return false;
            case 'n': at += 4; return null;
            default: throw new CheckFailed("no JSON at " + at);
        }
    }

    private char Next()
    {
        Skip();
        return text[at];
    }

    private void Take(char expected)
    {
        if (Next() != expected) throw new CheckFailed("no " + expected + " at " + at);
        at++;
    }

    private string Text()
    {
        Take('"');
        var found = new StringBuilder();
        while (text[at] != '"')
        {
            char next = text[at++];
            if (next == '\\')
            {
                next = text[at++];
                switch (next)
                {
                    case 'n': next = '\n'; break;
                    case 't': next = '\t'; break;
                    case 'r': next = '\r'; break;
                    case 'b': next = '\b'; break;
                    case 'f': next = '\f'; break;
                    case 'u':
                        next = (char)Convert.ToInt32(text.Substring(at, 4), 16);
                        at += 4;
                        break;
                }
            }
            found.Append(next);
        }
        at++;
        return found.ToString();
    }

    private void Skip()
    {
        while (char.IsWhiteSpace(text[at])) at++;
    }
}
