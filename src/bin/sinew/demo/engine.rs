//! Somebody else's registry for the demo: etcd, Redis or Consul, started from the machine's own programs and ended with the demo.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Until the engine listens.
const PATIENCE: Duration = Duration::from_secs(15);

/// What keeps the directory of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// Sinew's own registry.
    Embedded,
    Etcd,
    Redis,
    Consul,
}

impl Engine {
    /// As `registry.kind` and the command line say it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Engine::Embedded => "embedded",
            Engine::Etcd => "etcd",
            Engine::Redis => "redis",
            Engine::Consul => "consul",
        }
    }

    /// How long a registration outlives its server: long enough to be seen, short enough to wait for. etcd has none shorter than two seconds.
    pub(super) fn lease(self) -> Duration {
        match self {
            Engine::Embedded | Engine::Redis => Duration::from_secs(1),
            Engine::Etcd | Engine::Consul => Duration::from_secs(2),
        }
    }

    /// The program, and where Debian has it.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Engine::Embedded => ("sinew", ""),
            Engine::Etcd => ("etcd", "`apt-get install etcd-server`"),
            Engine::Redis => ("redis-server", "`apt-get install redis-server`"),
            Engine::Consul => ("consul", "the package `consul` of Debian 11, or HashiCorp's own"),
        }
    }

    /// Refuses an engine that this machine does not have.
    pub(super) fn check(self) -> Result<(), String> {
        let (program, package) = self.program();
        if self == Engine::Embedded || on_path(program) {
            return Ok(());
        }
        Err(format!(
            "{0} is not installed: there is no program `{program}` on the PATH. Install it (Debian: {package}), or leave out `--registry {0}`",
            self.word()
        ))
    }

    fn command(self, folder: &Path, address: SocketAddr) -> std::io::Result<Command> {
        let (program, _) = self.program();
        let mut command = Command::new(program);
        let port = address.port().to_string();
        match self {
            Engine::Embedded => {}
            Engine::Etcd => {
                let (own, peer) = (format!("http://{address}"), format!("http://127.0.0.1:{}", free_port()?));
                command.args(["--name", "demo", "--initial-cluster", &format!("demo={peer}"), "--data-dir"]).arg(folder.join("data"));
                command.args(["--listen-client-urls", &own, "--advertise-client-urls", &own]);
                command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
            }
            Engine::Redis => {
                command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]).arg(folder);
            }
            Engine::Consul => {
                command.args(["agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1", "-dns-port=-1", "-grpc-port=-1"]);
                command.args(["-serf-wan-port=-1", &format!("-http-port={port}"), &format!("-server-port={}", free_port()?)]);
                command.arg(format!("-serf-lan-port={}", free_port()?));
            }
        }
        Ok(command)
    }
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// A port that was free a moment ago, which is all that can be had for another program.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The engine as a process below this one. Killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the engine until `until_told` returns, and says where it listens as `sinew registry` does.
pub(super) fn serve(engine: Engine, folder: &Path, until_told: impl FnOnce()) -> ExitCode {
    match start(engine, folder) {
        Ok((_running, address)) => {
            let told = writeln!(std::io::stdout(), "registry listening on {address}");
            if told.is_ok() {
                until_told();
            }
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            let _ = writeln!(std::io::stderr(), "sinew demo-registry: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn start(engine: Engine, folder: &Path) -> Result<(Running, SocketAddr), String> {
    let word = engine.word();
    let started = || -> std::io::Result<(Child, SocketAddr)> {
        let folder = folder.join(word);
        std::fs::create_dir_all(&folder)?;
        let log = File::create(folder.join("log"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = engine.command(&folder, address)?;
        let child = command.current_dir(&folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok((child, address))
    };
    let (child, address) = started().map_err(|error| format!("cannot start {word}: {error}"))?;
    let mut running = Running(child);
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        let ended = running.0.try_wait().ok().flatten();
        if ended.is_some() || began.elapsed() > PATIENCE {
            let log = std::fs::read_to_string(folder.join(word).join("log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            let how = ended.map_or(format!("does not listen after {} s", PATIENCE.as_secs()), |status| format!("ended with {status}"));
            return Err(format!("{word} {how}; it said: {}", last.into_iter().rev().collect::<Vec<_>>().join(" / ")));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok((running, address))
}
