//! Processes of the demo end with the demo, however that ends.
//!
//! The demo holds the writing end of each child's stdin. When it is killed, panics or is interrupted, the system closes that end, and
//! the child reads the end of its input.

use std::io::BufRead;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

/// The lines that come in on stdin. At the end of stdin this process ends at once and takes `directory` with it, if there is one.
pub(super) fn hold(directory: Option<PathBuf>) -> std::io::Result<Receiver<String>> {
    let (lines, commands) = channel();
    std::thread::Builder::new().name("demo-leash".into()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            // A child that does not listen to commands is on the leash all the same.
            let _ = lines.send(line);
        }
        if let Some(directory) = directory {
            // Every child tries, the first one does it.
            let _ = std::fs::remove_dir_all(directory);
        }
        std::process::exit(0);
    })?;
    Ok(commands)
}
