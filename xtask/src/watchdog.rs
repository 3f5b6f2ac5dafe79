//! Ends test programs that hang, so that the others still run and the report still comes.

use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Watches the programs that one process starts.
pub(crate) struct Watchdog {
    parent: u32,
    patience: Duration,
    last_sign_of_life: Mutex<Instant>,
    done: AtomicBool,
}

impl Watchdog {
    /// `patience` is how long the programs that `parent` starts may be silent.
    pub(crate) fn new(parent: u32, patience: Duration) -> Self {
        Watchdog { parent, patience, last_sign_of_life: Mutex::new(Instant::now()), done: AtomicBool::new(false) }
    }

    /// Something was printed.
    pub(crate) fn pat(&self) {
        if let Ok(mut last) = self.last_sign_of_life.lock() {
            *last = Instant::now();
        }
    }

    /// Ends [`Watchdog::watch`].
    pub(crate) fn done(&self) {
        self.done.store(true, Ordering::Relaxed);
    }

    /// Kills, whenever there was silence for too long, the programs that the parent started; it then goes on to the next.
    pub(crate) fn watch(&self) {
        while !self.done.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
            let silent = self.last_sign_of_life.lock().is_ok_and(|last| last.elapsed() > self.patience);
            if silent {
                for child in children(self.parent) {
                    println!("killed process {child}: silent for {} s", self.patience.as_secs());
                    let killed = Command::new("kill").args(["-KILL", &child]).status();
                    if !killed.is_ok_and(|status| status.success()) {
                        println!("process {child} cannot be killed");
                    }
                }
                self.pat();
            }
        }
    }
}

/// The process ids of what `parent` started and what still runs. Linux only: elsewhere nobody is found, and nobody is killed.
fn children(parent: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::Stdio;

    #[test]
    fn a_silent_child_is_killed_and_its_parent_goes_on() {
        let script = "sleep 60; echo next";
        let parent = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        let watchdog = Watchdog::new(parent.id(), Duration::from_millis(300));
        let output = thread::scope(|scope| {
            scope.spawn(|| watchdog.watch());
            let output = parent.wait_with_output();
            watchdog.done();
            output
        });
        assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), "next\n");
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
