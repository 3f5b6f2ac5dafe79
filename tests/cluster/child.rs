//! A server in a process of its own, which can be killed and frozen: this very test executable, run again for one test.

use crate::support::{Seen, start_text};
use sinew::{Error, Event};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

const CONFIGURATION: &str = "SINEW_TEST_CHILD";

/// In the child process that [`Child::start`] made: serves, and never returns. To be called first in the test that starts a child.
pub(crate) fn serve_if_child() {
    let Ok(text) = std::env::var(CONFIGURATION) else { return };
    std::thread::spawn(|| {
        // Ends with the parent, however that ends.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    echo(start_text(&text).expect("the child's configuration is good"))
}

/// Sends every message back to where it came from.
fn echo(seen: Seen) {
    loop {
        for event in seen.server.poll(Duration::from_secs(1)).expect("only this thread polls") {
            if let Event::Message { server, message } = event {
                match server.send(message.tag, &message.payload, message.mode) {
                    Ok(()) | Err(Error::NotConnected(_) | Error::UnknownServer(_)) => {}
                    Err(error) => panic!("no echo: {error}"),
                }
            }
        }
    }
}

/// A running child; killed when it is dropped.
pub(crate) struct Child(std::process::Child);

impl Child {
    /// `test`: the full name of the test this is called from. `text`: the server's configuration.
    pub(crate) fn start(test: &str, text: &str) -> Self {
        let executable = std::env::current_exe().expect("the running executable has a path");
        let mut command = Command::new(executable);
        command.args(["--exact", test, "--nocapture"]).env(CONFIGURATION, text).stdin(Stdio::piped()).stdout(Stdio::null());
        Self(command.spawn().expect("the executable runs"))
    }

    /// The process is gone, without a goodbye, when this returns.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("the child runs");
        self.0.wait().expect("the child ends");
    }

    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.0.id().to_string()]).status().expect("`kill` is there");
        assert!(status.success(), "kill {signal} failed");
    }

    /// A number of `/proc/PID/status`, e.g. `VmRSS` in KiB.
    pub(crate) fn status(&self, field: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("the child runs");
        let line = text.lines().find(|line| line.starts_with(field)).expect("the field is there");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
    }

    /// How many sockets the child has open.
    pub(crate) fn sockets(&self) -> usize {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", self.0.id())).expect("the child runs");
        let is_socket = |path: std::path::PathBuf| std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"));
        descriptors.filter_map(Result::ok).filter(|entry| is_socket(entry.path())).count()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
