//! `sinew check FILE`: what a server started here with this file would run with, and where each value came from.

use sinew::config::Effective;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Prints the effective configuration, this process's `SINEW_*` variables included, to stdout.
/// A configuration that would be refused goes to stderr, one sentence per mistake, with exit code 2.
pub(crate) fn run(file: &Path) -> ExitCode {
    match Effective::from_file(file) {
        // `println!` would panic when the reader of a pipe has seen enough.
        Ok(effective) => match write!(std::io::stdout().lock(), "{effective}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "{error}");
            ExitCode::from(2)
        }
    }
}
