//! `sinew explain FILE`: why the server of this configuration does not get its links, asked from its own machine.

use sinew::{ServerConfig, diagnose};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Tell why a server does not get its links: what was tried with each other server, and what is wrong.
///
/// Asks as that server, without becoming a member: it replaces nobody, and no game hears of it. The server itself may run or not.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The server's TOML file.
    file: PathBuf,

    /// How long the registry, and then the servers, are waited for.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// Exit code 0: every link that should stand does, or would. 1: something is wrong. 2: the configuration cannot be used.
pub(crate) fn run(args: ExplainArgs) -> ExitCode {
    let fail = |error: &dyn std::fmt::Display, code| {
        let _ = writeln!(std::io::stderr().lock(), "sinew explain: {error}");
        ExitCode::from(code)
    };
    let config = match ServerConfig::from_file(&args.file) {
        Ok(config) => config,
        Err(error) => return fail(&error, 2),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 1),
    };
    let outcome = runtime.block_on(diagnose(config, Duration::from_secs(args.seconds)));
    // A host name that is still being looked up would be waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(diagnosis) => {
            let verdict = if diagnosis.is_well() { "every link that should stand does, or would" } else { "something is wrong" };
            // `println!` would panic when the reader of a pipe has seen enough; the exit code still tells.
            let _ = writeln!(std::io::stdout().lock(), "{}\n{diagnosis}{verdict}", diagnosis.server);
            if diagnosis.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => fail(&error, 1),
    }
}
