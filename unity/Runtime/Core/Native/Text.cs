using System;
using System.Collections.Generic;
using System.Text;

namespace Sinew.Native
{
    /// <summary>Text on its way in and out, and the sentences of what went wrong.</summary>
    internal static unsafe class Text
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>What the library is given: a pointer into this, and its length. Never empty, so that the pointer is not NULL.</summary>
        internal static byte[] Bytes(string text, string what, out UIntPtr length)
        {
            if (text == null) throw new ArgumentNullException(what);
            try
            {
                byte[] bytes = Strict.GetBytes(text);
                length = (UIntPtr)bytes.Length;
                return bytes.Length > 0 ? bytes : new byte[1];
            }
            catch (EncoderFallbackException)
            {
                throw new SinewException(SinewResult.InvalidUtf8, what + " contains half of a surrogate pair, which is no text");
            }
        }

        internal static string From(byte* text, UIntPtr length)
        {
            return text == null || length == UIntPtr.Zero ? "" : Encoding.UTF8.GetString(text, (int)length);
        }

        /// <summary>Up to the NUL.</summary>
        internal static string From(byte* text)
        {
            if (text == null) return "";
            int length = 0;
            while (text[length] != 0) length++;
            return length == 0 ? "" : Encoding.UTF8.GetString(text, length);
        }

        internal static IReadOnlyDictionary<string, string> Properties(sinew_registration* entry)
        {
            var properties = new Dictionary<string, string>((int)entry->property_count);
            for (int index = 0; index < (int)entry->property_count; index++)
            {
                sinew_property* property = entry->properties + index;
                properties[From(property->key, property->key_len)] = From(property->value, property->value_len);
            }
            return properties;
        }

        /// <summary>The sentence of this thread's last call that failed.</summary>
        internal static string LastError()
        {
            UIntPtr needed;
            byte* few = stackalloc byte[512];
            if (NativeMethods.sinew_last_error(few, (UIntPtr)512, &needed) != NativeMethods.SINEW_RESULT_OK) return "";
            if ((int)needed < 512) return From(few, needed);
            var many = new byte[(int)needed + 1];
            fixed (byte* start = many)
            {
                NativeMethods.sinew_last_error(start, (UIntPtr)many.Length, &needed);
                return From(start, needed);
            }
        }

        /// <summary>The exception for this answer of the call just made on this thread.</summary>
        internal static SinewException Error(int result)
        {
            string sentence = LastError();
            return new SinewException((SinewResult)result, sentence.Length > 0 ? sentence : From(NativeMethods.sinew_result_text(result)));
        }

        /// <summary>Success, normal life and stale ids are answers; mistakes, the system and bugs are exceptions.</summary>
        internal static SinewResult Answer(int result)
        {
            switch (result)
            {
                case NativeMethods.SINEW_RESULT_OK:
                case NativeMethods.SINEW_RESULT_UNKNOWN_SERVER:
                case NativeMethods.SINEW_RESULT_UNKNOWN_GROUP:
                case NativeMethods.SINEW_RESULT_UNKNOWN_REQUEST:
                case NativeMethods.SINEW_RESULT_ALREADY_JOINED:
                    return (SinewResult)result;
                default:
                    if (result >= 100 && result < 200) return (SinewResult)result;
                    throw Error(result);
            }
        }

        /// <summary>Anything but success is an exception.</summary>
        internal static void Demand(int result)
        {
            if (result != NativeMethods.SINEW_RESULT_OK) throw Error(result);
        }
    }
}
