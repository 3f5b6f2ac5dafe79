//! Two halves of a network and the cable between them: one namespace for each server, and one with a bridge for each half.
//!
//! Everything lives in the namespaces, and ends with them. Their names carry the process id, so that those of a test that was killed are
//! recognised by the next one.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What the names of all namespaces begin with, before the process id.
const PREFIX: &str = "sinewtest-";
pub(crate) const SERVERS: usize = 6;
const SIDES: usize = 2;

/// The half that a server is in.
pub(crate) fn side_of(server: usize) -> usize {
    server * SIDES / SERVERS
}

pub(crate) fn address_of(server: usize) -> String {
    format!("10.77.0.{}", server + 1)
}

/// The namespaces; removed when this is dropped.
pub(crate) struct Network {
    /// What all their names begin with.
    prefix: String,
}

impl Network {
    /// Panics, with a sentence, when this process may not make one.
    pub(crate) fn make(test: &str) -> Self {
        let user = Command::new("id").arg("-u").output().expect("`id` runs");
        let is_root = String::from_utf8_lossy(&user.stdout).trim() == "0";
        assert!(is_root, "this test makes network namespaces and must be run by root: sudo -E cargo test --test partitions");
        remove_stale();
        // From here on: what has been made is removed, even when the rest cannot be made.
        let network = Self { prefix: format!("{PREFIX}{}-{test}-", std::process::id()) };
        for side in 0..SIDES {
            add(&network.switch(side));
            ip(&format!("-n {} link add bridge type bridge stp_state 0", network.switch(side)));
            ip(&format!("-n {} link set bridge up", network.switch(side)));
        }
        ip(&format!("-n {} link add cable type veth peer name cable netns {}", network.switch(0), network.switch(1)));
        (0..SIDES).for_each(|side| network.plug("cable", side));
        for server in 0..SERVERS {
            let (name, side) = (network.namespace(server), side_of(server));
            add(&name);
            ip(&format!("-n {name} link add eth0 type veth peer name port{server} netns {}", network.switch(side)));
            ip(&format!("-n {name} address add {}/24 dev eth0", address_of(server)));
            ip(&format!("-n {name} link set lo up"));
            ip(&format!("-n {name} link set eth0 up"));
            network.plug(&format!("port{server}"), side);
        }
        network
    }

    fn namespace(&self, server: usize) -> String {
        format!("{}server{server}", self.prefix)
    }

    fn switch(&self, side: usize) -> String {
        format!("{}switch{side}", self.prefix)
    }

    fn plug(&self, device: &str, side: usize) {
        ip(&format!("-n {} link set {device} master bridge up", self.switch(side)));
    }

    /// A command that runs `program` where this server lives.
    pub(crate) fn command(&self, server: usize, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(server)]).arg(program);
        command
    }

    /// Nothing gets from one half to the other, and nobody is told.
    pub(crate) fn cut(&self) {
        self.cable("disabled");
    }

    pub(crate) fn mend(&self) {
        self.cable("forwarding");
    }

    /// The bridge's port, not the device: the kernel tells a bridge of a device that is up again as much as a second later.
    fn cable(&self, state: &str) {
        let state = if state == "disabled" { "0" } else { "3" };
        run("bridge", &format!("-n {} link set dev cable state {state}", self.switch(0)));
    }

    /// Both ends of the cable lose and delay so much from now on, as `tc netem` says it. `Err`: this kernel cannot; its own words.
    pub(crate) fn spoil(&self, how: &str) -> Result<(), String> {
        (0..SIDES).try_for_each(|side| try_run("tc", &format!("-n {} qdisc add dev cable root netem {how}", self.switch(side))))
    }

    pub(crate) fn unspoil(&self) {
        (0..SIDES).for_each(|side| run("tc", &format!("-n {} qdisc del dev cable root", self.switch(side))));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        remove(|name| name.starts_with(&self.prefix));
    }
}

fn add(namespace: &str) {
    ip(&format!("netns add {namespace}"));
}

/// What tests left behind that were killed.
fn remove_stale() {
    remove(|name| {
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        process.is_some_and(|process| !Path::new("/proc").join(process).exists())
    });
}

fn remove(is: impl Fn(&str) -> bool) {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is(&name)
            && let Err(sentence) = try_run("ip", &format!("netns delete {name}"))
        {
            println!("{sentence}");
        }
    }
}

fn ip(words: &str) {
    run("ip", words);
}

fn run(program: &str, words: &str) {
    try_run(program, words).unwrap_or_else(|sentence| panic!("{sentence}"));
}

fn try_run(program: &str, words: &str) -> Result<(), String> {
    let output = Command::new(program).args(words.split_whitespace()).output();
    let output = output.map_err(|error| format!("`{program}` cannot be started ({error}); Debian has it in iproute2"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("`{program} {words}` failed: {}", said.trim())) }
}
