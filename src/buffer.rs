//! Recycled memory: the buffers that messages wait in and that bytes pass through on their way to and from the socket.
//!
//! One pool per server. In the steady state nothing is allocated: a buffer that is dropped is the next one that is taken. May use nothing of
//! the crate; must never know what the bytes mean.

mod prefetch;

use parking_lot::Mutex;
use std::sync::Arc;

/// Sizes that are kept. The odd ones are a power of two and room for what encryption adds to it.
const SIZES: [usize; 10] = [512, 4 << 10, 20 << 10, 64 << 10, 264 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20];

/// What dropped buffers go back to. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    free: Mutex<Free>,
}

#[derive(Debug, Default)]
struct Free {
    by_size: [Vec<Box<[u8]>>; SIZES.len()],
    bytes: usize,
    /// Most bytes that lie here unused.
    keep: usize,
}

/// Some bytes of memory, filled from the front. Dropping it gives the memory back.
#[derive(Debug)]
pub(crate) struct Buffer {
    memory: Box<[u8]>,
    filled: usize,
    pool: Pool,
}

impl Pool {
    /// A pool that keeps at most `keep` bytes for later.
    pub(crate) fn new(keep: usize) -> Self {
        Self(Arc::new(Shared { free: Mutex::new(Free { keep, ..Free::default() }) }))
    }

    /// An empty buffer with room for at least `bytes`. One larger than every size that is kept is made for the occasion; its pages cost
    /// nothing before they are filled.
    pub(crate) fn take(&self, bytes: usize) -> Buffer {
        let recycled = class(bytes).and_then(|class| {
            let mut free = self.0.free.lock();
            let memory = free.by_size[class].pop()?;
            free.bytes -= memory.len();
            Some(memory)
        });
        let memory = recycled.unwrap_or_else(|| vec![0; Self::size_for(bytes)].into_boxed_slice());
        Buffer { memory, filled: 0, pool: self.clone() }
    }

    /// How much memory a buffer with room for `bytes` holds.
    pub(crate) fn size_for(bytes: usize) -> usize {
        class(bytes).map_or(bytes, |class| SIZES[class])
    }

    fn give_back(&self, memory: Box<[u8]>) {
        let Some(class) = SIZES.iter().position(|size| *size == memory.len()) else { return };
        let mut free = self.0.free.lock();
        if free.bytes + memory.len() <= free.keep {
            free.bytes += memory.len();
            free.by_size[class].push(memory);
        }
    }

    /// Nothing is kept for later any more.
    pub(crate) fn close(&self) {
        *self.0.free.lock() = Free::default();
    }

    /// Bytes that lie unused.
    pub(crate) fn idle_bytes(&self) -> usize {
        self.0.free.lock().bytes
    }
}

fn class(bytes: usize) -> Option<usize> {
    SIZES.iter().position(|size| *size >= bytes)
}

impl Buffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[..self.filled]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[..self.filled]
    }

    /// What has not been filled yet. What it holds is of no meaning.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.memory[self.filled..]
    }

    pub(crate) fn free(&self) -> usize {
        self.memory.len() - self.filled
    }

    /// `count` more bytes of the room hold something now.
    pub(crate) fn fill(&mut self, count: usize) {
        self.filled += count;
    }

    /// Copies `bytes` behind what is there; the caller has seen to the room.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.memory[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
        // Another core read these lines last. Asked for now, they are here by the time of their message: a lock that is released waits for
        // every write before it.
        if let Some(ahead) = self.memory.get(self.filled + prefetch::AHEAD) {
            prefetch::for_writing(ahead);
        }
    }

    /// Bytes of memory it holds, filled or not.
    pub(crate) fn size(&self) -> usize {
        self.memory.len()
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_taken_again_and_nothing_is_allocated() {
        let pool = Pool::new(1 << 20);
        drop(pool.take(300));
        let allocated = allocation_counter::measure(|| {
            for _ in 0..1000 {
                let mut buffer = pool.take(500);
                buffer.append(b"hello");
                assert_eq!(buffer.bytes(), b"hello");
            }
        });
        assert_eq!(allocated.count_total, 0);
    }

    #[test]
    fn no_more_is_kept_than_was_said() {
        let pool = Pool::new(10_000);
        let taken: Vec<Buffer> = (0..10).map(|_| pool.take(4096)).collect();
        drop(taken);
        assert_eq!(pool.idle_bytes(), 8192);
    }

    #[test]
    fn a_closed_pool_keeps_nothing() {
        let pool = Pool::new(1 << 20);
        let taken = pool.take(5000);
        drop(pool.take(5000));
        pool.close();
        drop(taken);
        assert_eq!(pool.idle_bytes(), 0);
    }

    #[test]
    fn every_size_can_be_had() {
        let pool = Pool::new(1 << 20);
        for bytes in [0, 1, 512, 513, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 16 << 20, (16 << 20) + 1] {
            let buffer = pool.take(bytes);
            assert!(buffer.free() >= bytes);
            assert_eq!(buffer.bytes(), b"");
        }
    }
}
