//! A process of the demo: started, listened to, and ended, whatever happens.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Of each process so many log lines are kept, for the moment it fails.
const LAST_WORDS: usize = 8;
/// A longer line is cut: a child that went mad must not fill this process's memory.
const MOST_LINE_BYTES: u64 = 1 << 20;

/// What is heard of the processes, in one channel.
#[derive(Debug)]
pub(super) enum Heard {
    /// A line that process number `child` said on stdout.
    Line { child: u64, line: String, at: Instant },
    /// A line of its log.
    Log { child: u64, line: String },
    /// It has closed its stdout, which it does by ending.
    Ended { child: u64 },
    /// The user has pressed Ctrl-C.
    Interrupt,
}

/// Dropping it kills the process and waits until it is gone.
#[derive(Debug)]
pub(super) struct Child {
    /// Unlike a process id never used again.
    pub(super) number: u64,
    process: std::process::Child,
    last_words: VecDeque<String>,
}

impl Child {
    /// Starts this very program with other arguments. Its output arrives in `heard`, bearing `number`.
    pub(super) fn start(number: u64, arguments: &[&OsStr], heard: &SyncSender<Heard>) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("cannot find this program's own file: {error}"))?;
        let mut command = Command::new(&program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What the user has set for servers of his own must not change the demo.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SINEW_")) {
            command.env_remove(name);
        }
        own_group(&mut command);
        let process = command.spawn().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let mut child = Self { number, process, last_words: VecDeque::new() };
        let (out, log) = (child.process.stdout.take(), child.process.stderr.take());
        let (to_out, to_log) = (heard.clone(), heard.clone());
        let watched = spawn(move || {
            each_line(out, |line| to_out.send(Heard::Line { child: number, line, at: Instant::now() }).is_ok());
            // Who does not listen any more ends the process anyway.
            let _ = to_out.send(Heard::Ended { child: number });
        })
        .and_then(|()| spawn(move || each_line(log, |line| to_log.send(Heard::Log { child: number, line }).is_ok())));
        watched.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(child)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Says one line to it. If it has ended meanwhile, that is heard elsewhere.
    pub(super) fn say(&mut self, line: &str) {
        if let Some(stdin) = &mut self.process.stdin {
            let _ = writeln!(stdin, "{line}");
        }
    }

    /// Ends its input, and waits for it to end by itself.
    pub(super) fn hang_up(&mut self, patience: Duration) {
        self.process.stdin = None;
        // Who is still there is killed when it is dropped.
        let _ = self.wait(patience);
    }

    /// SIGKILL, or what the system has instead: the process gets no chance to say a word.
    pub(super) fn kill(&mut self) -> std::io::Result<()> {
        self.process.kill()
    }

    /// Waits until it is gone; `None`: it is still there after `patience`.
    pub(super) fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let give_up = Instant::now() + patience;
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(2)),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    pub(super) fn remember(&mut self, line: String) {
        if self.last_words.len() == LAST_WORDS {
            self.last_words.pop_front();
        }
        self.last_words.push_back(line);
    }

    pub(super) fn last_words(&self) -> impl Iterator<Item = &str> {
        self.last_words.iter().map(String::as_str)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Fails only when it has ended and been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ctrl-C reaches the demo alone, which then ends its servers in order.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(windows)]
fn own_group(command: &mut Command) {
    /// "Process Creation Flags" of the Windows API.
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}

fn spawn(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name("demo-listen".into()).spawn(work).map(|_| ())
}

/// Every line until the end, or until `take` says that nobody listens.
fn each_line(from: Option<impl Read>, mut take: impl FnMut(String) -> bool) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match from.by_ref().take(MOST_LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(1..) if take(String::from_utf8_lossy(&line).trim_end().to_string()) => {}
            _ => return,
        }
    }
}
