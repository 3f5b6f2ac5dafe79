//! The hot path, through the C ABI: once warm, a message costs no allocation on either side. One test, so that nothing else allocates.

#[path = "cluster/ports.rs"]
mod ports;

use ports::free_port;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const MESSAGES: usize = 1_000_000;
/// Most rounds until one is steady.
const ROUNDS: usize = 12;
const PAYLOAD: [u8; 64] = [7; 64];

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is the system's allocator's; this only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTING.load(Ordering::Relaxed) {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// As in include/sinew.h.
#[repr(C)]
struct Event {
    kind: u32,
    mode: u32,
    server: u64,
    rest: [u64; 8],
}

const CONNECTED: u32 = 3;
const MESSAGE: u32 = 8;
const WRITABLE: u32 = 9;
const OK: i32 = 0;
const QUEUE_FULL: i32 = 100;

#[repr(C)]
struct Handle([u8; 0]);

unsafe extern "C" {
    fn sinew_server_start(config: *const c_char, len: usize, out: *mut *mut Handle) -> i32;
    fn sinew_server_poll(server: *mut Handle, timeout_ms: u32, events: *mut Event, capacity: usize, count: *mut usize) -> i32;
    fn sinew_server_send(server: *const Handle, to: u64, tag: u16, mode: u32, data: *const u8, len: usize) -> i32;
    fn sinew_server_free(server: *mut Handle);
}

struct Server {
    handle: *mut Handle,
    events: Box<[MaybeUninit<Event>]>,
}

// SAFETY: as the header says, every function may be called from any thread; poll is called by one at a time.
unsafe impl Send for Server {}

impl Server {
    fn start(group: &str, ports: [u16; 2]) -> Self {
        let port = if group == "world" { ports[0] } else { ports[1] };
        let text = format!(
            r#"
            server = {{ group = "{group}", name = "{group}", listen = "127.0.0.1:{port}" }}
            log.to = "none"
            groups.world = {{}}
            groups.lobby.connects_to = ["world"]
            # No lease to renew: nothing else happens meanwhile.
            [registry]
            kind = "fixed"
            servers = [
                {{ group = "world", name = "world", address = "127.0.0.1:{}" }},
                {{ group = "lobby", name = "lobby", address = "127.0.0.1:{}" }},
            ]
            "#,
            ports[0], ports[1]
        );
        let mut handle = std::ptr::null_mut();
        // SAFETY: the text is readable, and `handle` writable.
        assert_eq!(unsafe { sinew_server_start(text.as_ptr().cast(), text.len(), &mut handle) }, OK);
        Self { handle, events: (0..1024).map(|_| MaybeUninit::uninit()).collect() }
    }

    fn poll(&mut self) -> &[Event] {
        let mut count = 0;
        // SAFETY: the server lives, and the array has as many elements as is said.
        let result = unsafe { sinew_server_poll(self.handle, 100, self.events.as_mut_ptr().cast(), self.events.len(), &mut count) };
        assert_eq!(result, OK);
        // SAFETY: the first `count` were written.
        unsafe { std::slice::from_raw_parts(self.events.as_ptr().cast(), count) }
    }

    fn connected(&mut self) -> u64 {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            assert!(Instant::now() < deadline, "no connection");
            if let Some(event) = self.poll().iter().find(|event| event.kind == CONNECTED) {
                return event.server;
            }
        }
    }

    /// Polls until there is room again whenever there is none.
    fn send_all(&mut self, to: u64, count: usize) {
        for _ in 0..count {
            loop {
                // SAFETY: the server lives, and the payload is readable.
                match unsafe { sinew_server_send(self.handle, to, 1, 0, PAYLOAD.as_ptr(), PAYLOAD.len()) } {
                    OK => break,
                    QUEUE_FULL => while !self.poll().iter().any(|event| event.kind == WRITABLE) {},
                    other => panic!("send answers {other}"),
                }
            }
        }
    }

    fn receive_all(&mut self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut received = 0;
        while received < count {
            assert!(Instant::now() < deadline, "{received} of {count}");
            received += self.poll().iter().filter(|event| event.kind == MESSAGE).count();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SAFETY: the last call.
        unsafe { sinew_server_free(self.handle) }
    }
}

#[test]
fn a_million_messages_allocate_nothing_on_either_side() {
    // The exported functions must be linked in.
    let _ = sinew::Lane::HIGHEST;
    let ports = [free_port(), free_port()];
    let (mut world, mut lobby) = (Server::start("world", ports), Server::start("lobby", ports));
    let to_world = lobby.connected();
    world.connected();
    let both = |world: &mut Server, lobby: &mut Server, count| {
        std::thread::scope(|scope| {
            scope.spawn(|| world.receive_all(count));
            // The thread itself allocates; the messages must not.
            COUNTING.store(true, Ordering::Relaxed);
            lobby.send_all(to_world, count);
        });
        COUNTING.store(false, Ordering::Relaxed);
    };
    // Memory grows to what the worst moment so far needed; on a machine busy with other things a worse one may come later.
    let rounds: Vec<usize> = std::iter::repeat_with(|| {
        ALLOCATIONS.store(0, Ordering::Relaxed);
        both(&mut world, &mut lobby, MESSAGES);
        ALLOCATIONS.load(Ordering::Relaxed)
    })
    .take(ROUNDS)
    .scan(false, |steady, allocations| {
        // Handing the work to a thread and the like; a message that allocates would show a million times in every round.
        let before = std::mem::replace(steady, allocations <= 64);
        (!before).then_some(allocations)
    })
    .collect();
    assert!(rounds.last().is_some_and(|allocations| *allocations <= 64), "allocations for each {MESSAGES} messages: {rounds:?}");
}
