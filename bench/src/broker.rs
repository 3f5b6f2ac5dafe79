//! Brokers: processes that stand between the two that are measured.

use crate::catalogue::Broker;
use crate::pair::Program;
use crate::settings::Settings;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) struct Running {
    program: Program,
    pub(crate) port: u16,
}

impl Broker {
    pub(crate) fn start(self, settings: &Settings) -> Result<Option<Running>, String> {
        let Broker::Nats { tls } = self else { return Ok(None) };
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| format!("no free port: {error}"))?.port();
        let mut command = Command::new("nats-server");
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        if tls {
            command.args(["--tls", "--tlscert", &settings.cert, "--tlskey", &settings.key]);
        }
        let program = Program::spawn(&mut command)?;
        let until = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > until {
                return Err("nats-server does not listen".to_owned());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(Running { program, port }))
    }
}

impl Running {
    /// All CPU time so far, in user space and in the kernel.
    pub(crate) fn cpu_microseconds(&self) -> f64 {
        cpu_microseconds(self.program.id())
    }
}

/// Of a process, from `/proc`: hundredths of a second, fields 14 and 15 counted from 1; the second field ends with the last `)`.
pub(crate) fn cpu_microseconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>()).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 10_000.0
}
