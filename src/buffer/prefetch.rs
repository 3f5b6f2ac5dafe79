//! Asks the processor for a place in memory before it is written to, so that the write does not wait for it.

/// How far ahead of the last write: some messages, and well within a page.
pub(super) const AHEAD: usize = 512;

/// Fetches the cache line of this byte, to be written to soon. Changes nothing that can be seen, and does nothing on other processors.
#[inline]
pub(super) fn for_writing(byte: &u8) {
    let address = std::ptr::from_ref(byte);
    // SAFETY: a prefetch reads and writes nothing; on no address does it fail. Where the processor lacks it, it does nothing (Intel's and AMD's
    // manuals, PREFETCHW; Arm's, PRFM).
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("prefetchw [{0}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{0}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}
