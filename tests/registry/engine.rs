//! Somebody else's registry as a process: started on a free port in a folder of its own, killed, stopped and continued.

use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Starting takes at most this long, on a machine that is busy with everything else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ports that nobody else gets while this lives: bound, and not listening.
pub(crate) struct Port(Socket);

impl Port {
    pub(crate) fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("any free port");
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().ok().and_then(|address| address.as_socket()).expect("it is bound")
    }
}

/// One process of an engine. Killed when it is dropped, its folder removed.
pub(crate) struct Engine {
    /// What to run in a folder.
    command: Box<dyn Fn(&Path) -> Command + Send>,
    /// Whether it can be used.
    ready: Box<dyn Fn() -> bool + Send>,
    folder: TempDir,
    child: Option<Child>,
}

impl Engine {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(command: impl Fn(&Path) -> Command + Send + 'static, ready: impl Fn() -> bool + Send + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut engine = Self { command: Box::new(command), ready: Box::new(ready), folder, child: None };
        engine.start_again();
        engine
    }

    /// Starts it with an empty folder.
    pub(crate) fn start_again(&mut self) {
        self.folder = tempfile::tempdir().expect("a folder");
        let log = File::create(self.log()).expect("a file in its folder");
        let mut command = (self.command)(self.folder.path());
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        let child = command.spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        self.child = Some(child.unwrap_or_else(|error| panic!("{program} cannot be started: {error}; `cargo xtask test` installs it")));
        let began = Instant::now();
        while !(self.ready)() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "{program} does not start: {}", self.said());
            // bounded wait: until it answers, 60 s
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A stopped process dies, too.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let done = Command::new("kill").args([signal, &pid]).status().expect("kill, from procps");
        assert!(done.success(), "kill {signal} {pid}: {done}");
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether something listens there.
pub(crate) fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}
