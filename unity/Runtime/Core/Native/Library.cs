using System;

namespace Sinew.Native
{
    /// <summary>Whether the native library is there and fits. Asked before the first server is made, and by nothing else: no type initializer calls it.</summary>
    internal static unsafe class Library
    {
        private const string Cure = "take the native library (libsinew.so, libsinew.dylib or sinew.dll) and this assembly from one release";

        private static volatile bool fits;

        internal static void Ensure()
        {
            if (fits) return;
            uint version;
            try
            {
                version = NativeMethods.sinew_abi_version();
            }
            catch (DllNotFoundException exception)
            {
                throw new SinewException(SinewResult.NativeLibrary,
                    "the native library `sinew` (libsinew.so, libsinew.dylib or sinew.dll) cannot be loaded: " + exception.Message +
                    "; put it beside the program, or name its folder in LD_LIBRARY_PATH (Linux), DYLD_LIBRARY_PATH (macOS) or PATH (Windows)",
                    exception);
            }
            catch (EntryPointNotFoundException exception)
            {
                throw new SinewException(SinewResult.NativeLibrary,
                    "the native library `sinew` is another one: it has no sinew_abi_version (" + exception.Message + "); " + Cure, exception);
            }
            catch (BadImageFormatException exception)
            {
                throw new SinewException(SinewResult.NativeLibrary,
                    "the native library `sinew` is for another processor or damaged: " + exception.Message + "; " + Cure, exception);
            }
            if (version != NativeMethods.SINEW_ABI_VERSION)
            {
                throw new SinewException(SinewResult.NativeLibrary, "the native library `sinew` (libsinew.so, libsinew.dylib or sinew.dll) speaks version " +
                    version + " of the ABI, this assembly speaks version " + NativeMethods.SINEW_ABI_VERSION + "; " + Cure);
            }
            fits = true;
        }

        /// <summary>Such as "0.1.0".</summary>
        internal static string Version()
        {
            Ensure();
            return Text.From(NativeMethods.sinew_version());
        }
    }
}
