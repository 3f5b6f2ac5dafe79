//! What cargo itself checks.

use crate::debian::unpacked;
use crate::outcome::Outcome;
use crate::shell::{cargo, expect_success, not_started, run, target};
use crate::tools::is_installed;
use crate::watchdog::Watchdog;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

pub(super) fn formatting() -> Result<(), String> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

pub(super) fn clippy() -> Outcome {
    let mut outcome = Outcome::default();
    outcome.add(run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])));
    // How the Godot extension uses the crate: without the C symbols and the command line.
    outcome.add(run(cargo().args(["clippy", "--package", "sinew", "--lib", "--no-default-features", "--", "-D", "warnings"])));
    // Each kind of registry alone.
    for registry in ["etcd", "redis", "consul"] {
        let alone = ["clippy", "--package", "sinew", "--lib", "--no-default-features", "--features", registry, "--", "-D", "warnings"];
        outcome.add(run(cargo().args(alone)));
    }
    // The fuzz targets as libFuzzer gets them.
    outcome.add(run(cargo().args(["clippy", "--package", "sinew", "--lib", "--features", "fuzzing", "--", "-D", "warnings"])));
    outcome
}

pub(super) fn documentation() -> Result<(), String> {
    // The comments of the Godot extension are the editor's documentation, in its markup: the part `godot` looks at them.
    let whole = ["doc", "--workspace", "--exclude", "sinew-godot", "--no-deps", "--document-private-items"];
    run(cargo().args(whole).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The Rust tests whose length is set by the environment, at the length at which their figures are quoted in docs/reliability.md.
pub(super) fn soak() -> Outcome {
    let mut outcome = Outcome::default();
    let long = [
        ("SINEW_SIM_SEEDS", "100000", &["--lib", "sessions_deliver"][..]),
        ("SINEW_SIM_SEEDS", "100000", &["--lib", "a_cluster_keeps_its_promises"]),
        ("SINEW_CUTS", "1000", &["--test", "cluster", "cuts::reliable"]),
        ("SINEW_PARTITIONS", "3", &["--test", "partitions"]),
        ("SINEW_OUTAGE_SECONDS", "60", &["--test", "registry", "an_outage_"]),
        ("SINEW_CHURN", "5000", &["--test", "registry", "thousands_come_and_go"]),
        ("SINEW_RESTARTS", "100", &["--test", "cluster", "restarts::a_server_that_is_killed"]),
    ];
    for (name, value, tests) in long {
        let mut command = cargo();
        command.args(["test", "--package", "sinew"]).args(tests).args(["--", "--nocapture"]).env(name, value);
        outcome.add(run(&mut command));
    }
    outcome
}

/// How long the tests may print nothing before the test program that runs is killed. Far more than any one test may take.
const PATIENCE: Duration = Duration::from_secs(180);

const NEWER_SUITE: &str = "trixie";

/// A module of tests/registry.rs, the variable that names its program, the package and where in it the program is.
const NEWER: &[(&str, &str, &str, &str)] = &[("etcd::", "SINEW_ETCD", "etcd-server", "usr/bin/etcd")];

/// The last suite of Debian that has Consul.
const SUITE_OF_CONSUL: &str = "bullseye";

/// Consul as the tests run it; `None` where they find it by themselves.
fn consul() -> Result<Option<PathBuf>, String> {
    if env::var_os("SINEW_CONSUL").is_some() || is_installed("consul") {
        return Ok(None);
    }
    let files = unpacked(SUITE_OF_CONSUL, "consul", &target()?.join("debian"))?;
    Ok(Some(files.join("usr/bin/consul")))
}

/// Runs every test of the workspace, showing and counting what cargo prints.
pub(super) fn tests() -> Outcome {
    // Built first, because compilers are silent for as long as they like.
    if let Err(sentence) = run(cargo().args(["test", "--workspace", "--no-run"])) {
        return Err(sentence).into();
    }
    let mut all = cargo();
    all.args(["test", "--workspace", "--no-fail-fast"]);
    match consul() {
        Ok(Some(program)) => drop(all.env("SINEW_CONSUL", program)),
        Ok(None) => {}
        Err(sentence) => return Err(sentence).into(),
    }
    let mut outcome = counted(all);
    // The registries that Debian has in more than one version, with the other one, too.
    for (module, variable, package, program) in NEWER {
        match target().and_then(|target| unpacked(NEWER_SUITE, package, &target.join("debian"))) {
            Ok(files) => {
                let mut again = cargo();
                again
                    .args(["test", "--package", "sinew", "--test", "registry", "--no-fail-fast", module])
                    .env(variable, files.join(program));
                outcome.join(counted(again));
            }
            Err(sentence) => {
                outcome.join(Err(format!("{module} cannot be tested with the {package} of Debian {NEWER_SUITE}: {sentence}")).into())
            }
        }
    }
    outcome
}

/// Runs `cargo test`, showing and counting what it prints.
fn counted(mut command: Command) -> Outcome {
    command.stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Err(not_started(&command, &error)).into(),
    };
    let watchdog = Watchdog::new(child.id(), PATIENCE);
    let lines = child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).split(b'\n')).map_while(Result::ok);
    let mut outcome = Outcome::default();
    thread::scope(|scope| {
        scope.spawn(|| watchdog.watch());
        for line in lines {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            outcome.read_line(&line);
            watchdog.pat();
        }
        watchdog.done();
    });
    let ended = match child.wait() {
        Ok(status) => expect_success(&command, status),
        Err(error) => Err(format!("`cargo test` cannot be waited for: {error}")),
    };
    outcome.end_of_program();
    // Tests that failed have been counted; what else can go wrong (a doc test does not compile) has not.
    if ended.is_err() && outcome.failures.is_empty() {
        outcome.add(ended);
    }
    outcome
}
