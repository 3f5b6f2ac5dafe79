//! Running programs, and where things are.

use crate::files;
use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable when it runs us; the compiled-in path serves a binary that is started by hand.
    let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map(Path::to_owned).unwrap_or(xtask)
}

/// Where cargo builds, honouring `CARGO_TARGET_DIR` and cargo's configuration files.
pub(crate) fn target() -> Result<PathBuf, String> {
    let metadata = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let (_, rest) = metadata.split_once("\"target_directory\":\"").ok_or("`cargo metadata` names no target directory")?;
    let (folder, _) = rest.split_once('"').ok_or("`cargo metadata` names no target directory")?;
    Ok(PathBuf::from(folder.replace("\\\\", "\\")))
}

/// A fresh folder of our own under the target directory.
pub(crate) fn fresh_folder(name: &str) -> Result<PathBuf, String> {
    let folder = target()?.join("xtask").join(name);
    files::remove(&folder)?;
    files::create(&folder)?;
    Ok(folder)
}

/// The cargo that runs us, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Builds what is shipped: the libraries and the command line.
pub(crate) fn build_release() -> Result<(), String> {
    run(cargo().args(["build", "--release", "--package", "sinew"]))
}

/// Runs to the end, showing what the program prints.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    expect_success(command, status)
}

/// Like [`run`], but kills the program when it takes longer than `limit`, and says how its standard error ended where it fails.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<(), String> {
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
    let last_words = LastWords::read(child.stderr.take());
    let began = Instant::now();
    loop {
        match child.try_wait().map_err(|error| format!("`{}` cannot be waited for: {error}", shown(command)))? {
            Some(status) => return last_words.with(expect_success(command, status)),
            None if began.elapsed() < limit => thread::sleep(Duration::from_millis(20)),
            None => {
                child.kill().and_then(|()| child.wait()).map_err(|error| format!("`{}` cannot be killed: {error}", shown(command)))?;
                return last_words.with(Err(format!("`{}` was killed: it did not end within {} s", shown(command), limit.as_secs())));
            }
        }
    }
}

/// Shows what a program writes to its standard error, and keeps the end of it: who reads only the sum of a long run wants to know.
struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: JoinHandle<()>,
}

impl LastWords {
    const LINES: usize = 5;
    /// A program that it has started may have the pipe still: that is not waited for.
    const PATIENCE: Duration = Duration::from_secs(1);

    fn read(stderr: Option<ChildStderr>) -> Self {
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let kept = lines.clone();
        let reader = thread::spawn(move || {
            for line in stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n').map_while(Result::ok)) {
                let line = String::from_utf8_lossy(&line).into_owned();
                eprintln!("{line}");
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_back(line);
                if kept.len() > Self::LINES {
                    kept.pop_front();
                }
            }
        });
        LastWords { lines, reader }
    }

    fn with(self, result: Result<(), String>) -> Result<(), String> {
        let began = Instant::now();
        while !self.reader.is_finished() && began.elapsed() < Self::PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        result.map_err(|sentence| lines.iter().fold(sentence, |all, line| all + "\n    " + line))
    }
}

/// Runs to the end and returns what the program printed to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| not_started(command, &error))?;
    expect_success(command, output.status)?;
    String::from_utf8(output.stdout).map_err(|_| format!("`{}` prints no UTF-8", shown(command)))
}

pub(crate) fn expect_success(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", shown(command))) }
}

pub(crate) fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` cannot be started: {error}", shown(command))
}

/// The command as one would type it: programs by their name, the variables we set in front.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let variables =
        command.get_envs().filter_map(|(name, value)| Some(format!("{}={:?}", name.to_string_lossy(), value?.to_string_lossy())));
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).map(|word| word.into_owned());
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed() {
        let began = Instant::now();
        let sentence = run_within(Command::new("sleep").arg("60"), Duration::from_millis(50)).unwrap_err();
        assert_eq!(sentence, "`sleep 60` was killed: it did not end within 0 s");
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn the_last_words_of_a_program_that_fails_are_repeated() {
        let script = "for i in 1 2 3 4 5 6; do echo line $i >&2; done; sleep 60 & exit 3";
        let sentence = run_within(Command::new("sh").args(["-c", script]), Duration::from_secs(30)).unwrap_err();
        assert!(sentence.ends_with("ended with exit status: 3\n    line 2\n    line 3\n    line 4\n    line 5\n    line 6"), "{sentence}");
    }

    #[test]
    fn a_program_that_fails_is_named() {
        let sentence = run(Command::new("/bin/sh").args(["-c", "exit 3"]).env("A", "b")).unwrap_err();
        assert_eq!(sentence, "`A=\"b\" sh -c exit 3` ended with exit status: 3");
    }
}
