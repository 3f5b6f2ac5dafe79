//! A cluster of servers that are written in different languages: tests/mixed/README.md tells what each of them does.

use super::installed::{C99, Installed, Linking, Program};
use super::registry::Registry;
use super::{cpp, csharp, godot};
use crate::shell::{cargo, not_started, root, run, shown, target};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What each member sends to each of the others.
const MESSAGES: u32 = 100_000;
/// From the first start to the last word.
const LIMIT: Duration = Duration::from_secs(120);

const CONDUCTOR: &str = "conductor";
const VISITOR: &str = "visitor";

/// A program in the language at hand, to which the arguments of tests/mixed/README.md are added.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) command: Command,
}

/// One cluster of every language, with two members where a program is a runtime of its own.
pub(super) fn check() -> Result<(), String> {
    let installed = Installed::prepare("mixed-languages")?;
    let mut members = vec![cpp::member(&installed)?];
    members.extend(csharp::members(&installed)?);
    members.extend(godot::members()?);
    meet(members)
}

/// These members, one in Rust and one in C, all in one cluster.
pub(super) fn meet(mut members: Vec<Member>) -> Result<(), String> {
    build_member()?;
    let installed = Installed::prepare("mixed")?;
    let shared = Program { compiler: ("CC", "cc"), dialect: C99, sanitized: false, linking: Linking::Shared, what: "shared" };
    let mut in_c = Command::new(installed.build(&root().join("tests/mixed/member.c"), &shared)?);
    in_c.env("LD_LIBRARY_PATH", installed.libraries());
    let release = target()?.join("release");
    let in_rust = || Command::new(release.join("mixed-member"));
    members.insert(0, Member { name: CONDUCTOR, command: in_rust() });
    members.insert(1, Member { name: "in-c", command: in_c });

    let registry = Registry::start()?;
    let mut stage = Stage::new();

    let names: Vec<&str> = members.iter().map(|member| member.name).collect();
    println!("-- {} exchange {MESSAGES} messages, each with each, both ways", names.join(", "));
    let peers = (members.len() - 1).to_string();
    for member in members {
        let mut command = member.command;
        command.args([member.name, &registry.address, &MESSAGES.to_string(), &peers]);
        stage.start(member.name, command)?;
    }
    let began = Instant::now();
    stage.wait_until(&names, "verified")?;
    println!("-- all verified after {:.1} s", began.elapsed().as_secs_f64());
    for name in &names {
        for other in names.iter().filter(|other| *other != name) {
            stage.expect(name, &format!("joined {other}"))?;
            stage.expect(name, &format!("connected {other}"))?;
        }
    }

    let mut visitor = in_rust();
    visitor.args([VISITOR, &registry.address, "0", "0"]);
    stage.start(VISITOR, visitor)?;
    stage.wait_until(&names, &format!("connected {VISITOR}"))?;
    stage.kill(VISITOR)?;
    stage.wait_until(&names, &format!("left {VISITOR}"))?;

    stage.end_input(CONDUCTOR);
    stage.wait_until(&names, "stopped")?;
    names.iter().try_for_each(|name| stage.expect_success(name))
}

/// A name, and what it has printed.
type Line = (String, String);

/// The member in Rust, `release/mixed-member` in the target folder.
pub(super) fn build_member() -> Result<(), String> {
    run(cargo().args(["build", "--release", "--package", "mixed-member"]))
}

/// The processes, and what each of them has printed.
struct Stage {
    actors: Vec<Actor>,
    /// Who prints what: cloned for each process, and read by the runner.
    lines: Sender<Line>,
    told: Receiver<Line>,
    /// Who has printed what.
    heard: BTreeSet<Line>,
    until: Instant,
}

struct Actor {
    name: String,
    command: String,
    child: Child,
    input: Option<ChildStdin>,
}

impl Stage {
    fn new() -> Self {
        let (lines, told) = channel();
        Self { actors: Vec::new(), lines, told, heard: BTreeSet::new(), until: Instant::now() + LIMIT }
    }

    fn start(&mut self, name: &str, mut command: Command) -> Result<(), String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| not_started(&command, &error))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (name, lines) = (name.to_owned(), self.lines.clone());
        self.actors.push(Actor { name: name.clone(), command: shown(&command), child, input });
        // It ends with the process.
        thread::spawn(move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok) {
                if lines.send((name.clone(), line)).is_err() {
                    break;
                }
            }
        });
        Ok(())
    }

    fn wait_until(&mut self, names: &[&str], line: &str) -> Result<(), String> {
        loop {
            let missing: Vec<&str> = names.iter().copied().filter(|name| !self.has_heard(name, line)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            self.listen().map_err(|sentence| format!("{sentence} while waiting for {} to say {line:?}", missing.join(" and ")))?;
        }
    }

    /// Takes one line of one process.
    fn listen(&mut self) -> Result<(), String> {
        let (name, line) = loop {
            match self.told.recv_timeout(Duration::from_millis(100)) {
                Ok(heard) => break heard,
                Err(RecvTimeoutError::Timeout) if Instant::now() < self.until => self.look_for_failures()?,
                Err(_) => return Err(format!("{} s have passed", LIMIT.as_secs())),
            }
        };
        if line.starts_with("wrong: ") {
            return Err(format!("{name} says {line:?}"));
        }
        self.heard.insert((name, line));
        Ok(())
    }

    fn look_for_failures(&mut self) -> Result<(), String> {
        for actor in &mut self.actors {
            let ended = actor.child.try_wait().map_err(|error| format!("{} cannot be waited for: {error}", actor.name))?;
            if let Some(status) = ended.filter(|status| !status.success()) {
                return Err(format!("{} (`{}`) ended with {status}", actor.name, actor.command));
            }
        }
        Ok(())
    }

    fn has_heard(&self, name: &str, line: &str) -> bool {
        self.heard.contains(&(name.to_owned(), line.to_owned()))
    }

    fn expect(&self, name: &str, line: &str) -> Result<(), String> {
        if self.has_heard(name, line) { Ok(()) } else { Err(format!("{name} has not said {line:?}")) }
    }

    fn actor(&mut self, name: &str) -> Option<&mut Actor> {
        self.actors.iter_mut().find(|actor| actor.name == name)
    }

    fn kill(&mut self, name: &str) -> Result<(), String> {
        let Some(index) = self.actors.iter().position(|actor| actor.name == name) else { return Err(format!("{name} does not run")) };
        let mut child = self.actors.remove(index).child;
        child.kill().and_then(|()| child.wait()).map(|_| ()).map_err(|error| format!("{name} cannot be killed: {error}"))
    }

    fn end_input(&mut self, name: &str) {
        if let Some(actor) = self.actor(name) {
            actor.input = None;
        }
    }

    fn expect_success(&mut self, name: &str) -> Result<(), String> {
        let until = self.until;
        let Some(actor) = self.actor(name) else { return Err(format!("{name} does not run")) };
        loop {
            match actor.child.try_wait().map_err(|error| format!("{name} cannot be waited for: {error}"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{name} (`{}`) ended with {status}", actor.command)),
                None if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
                None => return Err(format!("{name} has said \"stopped\", and does not end")),
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for actor in &mut self.actors {
            // It has ended already, or it must.
            let _ = actor.child.kill();
            let _ = actor.child.wait();
        }
    }
}
