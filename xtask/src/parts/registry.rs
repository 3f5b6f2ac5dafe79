//! A registry for the servers of a test.

use crate::shell::{not_started, target};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// `sinew registry` of the release build, on a port of its own, for as long as this lives.
pub(super) struct Registry {
    process: Child,
    pub(super) address: String,
}

impl Registry {
    pub(super) fn start() -> Result<Self, String> {
        let mut command = Command::new(target()?.join("release/sinew"));
        command.args(["registry", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| not_started(&command, &error))?;
        let output = process.stdout.take();
        let mut registry = Self { process, address: String::new() };
        // It says so at once, or it ends.
        let mut lines = output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok);
        let told = lines.find_map(|line| line.strip_prefix("registry listening on ").map(str::to_owned));
        registry.address = told.ok_or("`sinew registry` ended before it listened")?;
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It has ended already, or it must.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
