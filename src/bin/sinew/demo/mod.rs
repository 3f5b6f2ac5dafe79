//! `sinew demo`: a whole cluster on this machine, each server a process of its own, one of them killed before the user's eyes.
//!
//! ```text
//! demo (this process) ─► demo-registry            sinew registry, on a leash
//!        │            └► demo-server × N ──┐      a game that checks what it sees
//!        └──── ledger ◄── reports (stdout) ┘      verdict: checks, table, exit code
//! ```
//!
//! Uses the public Rust API alone, as a game would. `report`, `order`, `ledger` and `verdict` know no processes; `stage` owns them all.

mod child;
mod directory;
mod engine;
mod leash;
mod ledger;
mod order;
mod report;
mod screen;
mod server;
mod stage;
mod verdict;

pub(crate) use server::{ServerArgs, run as run_server};

use crate::registry::{self, RegistryArgs};
use engine::Engine;
use ledger::{Kill, Ledger};
use screen::{Mood, ms};
use stage::{End, Met, Stage};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use verdict::Check;

/// What must happen within seconds on any machine has this long.
const PATIENCE: Duration = Duration::from_secs(20);
/// Traffic before the first kill and after the last one, however short the demo is to be.
const LEAST_TRAFFIC: Duration = Duration::from_secs(1);
/// All servers together send about this many messages a second at most: the demo must leave a small machine some air.
const MOST_MESSAGES: usize = 20_000;
/// All waiting together, beyond `--seconds`, cannot last longer.
const WATCHDOG: Duration = Duration::from_secs(120);

/// Show a whole cluster at work on this machine, a crash included.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// For how long.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=86_400))]
    seconds: u64,

    /// Number of servers in all; half of them are lobbies, half are worlds.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=32))]
    servers: u64,

    /// Kill a server every so many seconds, one after the other; otherwise one world in the middle of the time.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    kill_every: Option<u64>,

    /// What keeps the directory: Sinew's own registry, or an engine of this machine that the demo starts and ends.
    #[arg(long, value_enum, default_value_t = Engine::Embedded)]
    registry: Engine,

    /// Let the cluster run on until Ctrl-C, so that you can join it with a server of your own.
    #[arg(long)]
    keep: bool,

    /// The server that is to fail: how the demo shows a broken server is tested with this.
    #[arg(long = "break", value_name = "NAME", hide = true)]
    broken: Option<String>,
}

/// `sinew registry`, which ends with the demo.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoRegistryArgs {
    /// A directory to remove when stdin ends.
    #[arg(long, value_name = "DIR")]
    leash: Option<PathBuf>,

    /// Another engine than Sinew's own, in a folder of that directory.
    #[arg(long, value_enum, requires = "leash")]
    engine: Option<Engine>,

    #[command(flatten)]
    registry: RegistryArgs,
}

/// Serves until stdin ends.
pub(crate) fn run_registry(args: DemoRegistryArgs) -> ExitCode {
    if let (Some(engine), Some(folder)) = (args.engine, &args.leash) {
        // It is this process's to end, so the leash is held here: nothing is said on it, and it ends with the demo.
        let code = engine::serve(engine, folder, || std::io::stdin().lock().lines().for_each(drop));
        let _ = std::fs::remove_dir_all(folder);
        return code;
    }
    match leash::hold(args.leash) {
        // The commands' other end stays where it is: a registry has none.
        Ok(_commands) => registry::run(args.registry),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sinew demo-registry: cannot watch stdin: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Exit code 0: everything that must happen happened. 1: it did not. 130: Ctrl-C before the end.
pub(crate) fn run(args: DemoArgs) -> ExitCode {
    let names = |group: &str, count: u64| (1..=count).map(|number| format!("{group}-{number}")).collect::<Vec<_>>();
    let (lobbies, worlds) = (args.servers / 2, args.servers - args.servers / 2);
    let ledger = Ledger::new(names("lobby", lobbies), names("world", worlds));
    let rate = (MOST_MESSAGES / 2 / ledger.pairs().count().max(1)).clamp(5, 200);
    if args.kill_every.is_some_and(|every| every >= args.seconds) {
        return failed("--kill-every is not less than --seconds, so nobody would be killed; make --seconds longer");
    }
    if let Err(sentence) = args.registry.check() {
        return failed(&sentence);
    }
    let mut watchdog = match watch(WATCHDOG + Duration::from_secs(args.seconds)) {
        Ok(watchdog) => Some(watchdog),
        Err(error) => return failed(&format!("cannot start a thread: {error}")),
    };
    let mut stage = match Stage::new(ledger, u32::try_from(rate).unwrap_or(200), args.broken.clone(), args.registry) {
        Ok(stage) => stage,
        Err(sentence) => return failed(&sentence),
    };
    match play(&mut stage, &args, &mut watchdog) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(End::Interrupted) => {
            stage.screen.text(Mood::Warning, "\nInterrupted.");
            // Who does not stop in time is killed with the stage.
            let _ = stage.stop();
            ExitCode::from(130)
        }
        Err(End::Failed(sentence)) => {
            stage.screen.text(Mood::Bad, &format!("\n✗ The demo failed: {sentence}"));
            ExitCode::FAILURE
        }
    }
}

fn failed(sentence: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "sinew demo: {sentence}");
    ExitCode::FAILURE
}

/// The whole demo; true: all checks passed. The watchdog is sent away when the user wants the cluster to run on.
fn play(stage: &mut Stage, args: &DemoArgs, watchdog: &mut Option<Sender<()>>) -> Result<bool, End> {
    introduce(stage);
    stage.start_registry()?;
    let names: Vec<String> = stage.ledger.names().cloned().collect();
    for name in &names {
        stage.start_server(name)?;
    }
    stage.until(Instant::now() + PATIENCE, |stage| stage.ledger.all_up())?.or_fail(|| not_up(stage))?;
    stage.show_rates_every(Duration::from_secs(1));

    let length = Duration::from_secs(args.seconds);
    let end = stage.screen.epoch() + length;
    match args.kill_every {
        None => {
            traffic_until(stage, (end - length / 2).max(Instant::now() + LEAST_TRAFFIC))?;
            let victim = stage.ledger.worlds.last().cloned().unwrap_or_default();
            kill_and_restart(stage, &victim, true)?;
        }
        Some(every) => kill_again_and_again(stage, &names, Duration::from_secs(every), end)?,
    }
    traffic_until(stage, end.max(Instant::now() + LEAST_TRAFFIC))?;
    settle(stage)?;

    let mut checks = verdict::checks(&stage.ledger);
    if args.keep {
        let passed = show_verdict(stage, &checks);
        *watchdog = None;
        keep(stage)?;
        let stopped = stop(stage)?;
        let passed = verdict::show_checks(&stage.screen, &stage.ledger, &[stopped]) && stage.ledger.violations.is_empty() && passed;
        return Ok(passed);
    }
    checks.push(stop(stage)?);
    let passed = show_verdict(stage, &checks);
    let took = stage.screen.epoch().elapsed().as_secs_f64();
    match passed {
        true => stage.screen.text(Mood::Good, &format!("\nAll {} checks passed in {took:.1} s.", checks.len())),
        false => stage.screen.text(Mood::Bad, &format!("\nThe demo failed after {took:.1} s: see ✗ above.")),
    }
    stage.screen.text(Mood::Plain, "Next: join it with a server of your own, `sinew demo --keep`. How it works: docs/demo.md");
    Ok(passed)
}

fn introduce(stage: &Stage) {
    let Stage { screen, ledger, directory, engine, .. } = stage;
    let plural = |count: usize, one: &str| if count == 1 { format!("one {one}") } else { format!("{count} {one}s") };
    let servers = format!("{} and {}", plural(ledger.lobbies.len(), "lobby server"), plural(ledger.worlds.len(), "world server"));
    let registry = match engine {
        Engine::Embedded => "a registry".into(),
        engine => format!("{} as the registry", engine.word()),
    };
    screen.text(Mood::Heading, &format!("Sinew demo: {servers}, and {registry}, each a process of its own."));
    screen.text(Mood::Plain, "Every lobby connects to every world, over TLS 1.3, both sides proven by a key made for this run.");
    screen.text(Mood::Quiet, &format!("Its directory, until the end: {}\n", directory.path().display()));
}

fn traffic_until(stage: &mut Stage, end: Instant) -> Result<(), End> {
    // Nothing is waited for but the time.
    let _: Met = stage.until(end, |_| false)?;
    Ok(())
}

/// What does not happen in time is left to the checks, so that the user sees everything else as well.
fn kill_and_restart(stage: &mut Stage, victim: &str, wait_for_lease: bool) -> Result<(), End> {
    let kill = |stage: &Stage, seen: fn(&Kill) -> bool| stage.ledger.kills.last().is_none_or(seen);
    stage.kill_server(victim)?;
    let _: Met = stage.until(Instant::now() + PATIENCE, |stage| kill(stage, |kill| kill.all_saw(&kill.disconnected)))?;
    if wait_for_lease {
        let _: Met = stage.until(Instant::now() + stage.engine.lease() + PATIENCE, |stage| kill(stage, |kill| kill.all_saw(&kill.left)))?;
    }
    stage.start_server(victim)?;
    let back = |kill: &Kill| kill.all_saw(&kill.left) && kill.all_saw(&kill.joined) && kill.all_saw(&kill.connected);
    let _: Met = stage.until(Instant::now() + PATIENCE, |stage| kill(stage, back))?;
    Ok(())
}

/// Each server in turn. Half of them come back when their lease has run out, half at once, when their ghost is still registered.
fn kill_again_and_again(stage: &mut Stage, names: &[String], every: Duration, end: Instant) -> Result<(), End> {
    let mut next = Instant::now() + every;
    for (round, victim) in names.iter().cycle().enumerate() {
        if round > 0 && next >= end {
            break;
        }
        traffic_until(stage, next)?;
        kill_and_restart(stage, victim, (round + round / names.len()).is_multiple_of(2))?;
        next = (next + every).max(Instant::now());
    }
    Ok(())
}

/// Nothing more is sent but answers; what is on its way arrives, and the numbers of both ends must agree.
fn settle(stage: &mut Stage) -> Result<(), End> {
    stage.tell_all("quiet");
    let settled =
        |stage: &Stage| stage.ledger.seats.values().all(|seat| seat.quiet) && stage.ledger.all_arrived() && stage.ledger.all_answered();
    let _: Met = stage.until(Instant::now() + PATIENCE / 2, settled)?;
    Ok(())
}

fn show_verdict(stage: &Stage, checks: &[Check]) -> bool {
    stage.screen.text(Mood::Plain, "");
    verdict::show_table(&stage.screen, &stage.ledger);
    stage.screen.text(Mood::Plain, "");
    verdict::show_checks(&stage.screen, &stage.ledger, checks)
}

/// Ends all processes, and makes a check of how that went.
fn stop(stage: &mut Stage) -> Result<Check, End> {
    let began = Instant::now();
    match stage.stop() {
        Ok(()) => {
            Ok(Check { passed: true, what: "every server stopped gracefully; no process is left".into(), detail: ms(began.elapsed()) })
        }
        Err(End::Failed(sentence)) => Ok(Check { passed: false, what: sentence, detail: String::new() }),
        Err(interrupted) => Err(interrupted),
    }
}

/// The cluster runs until Ctrl-C, and the user learns how to join it.
fn keep(stage: &mut Stage) -> Result<(), End> {
    const OWN: &str = "my-world";
    let Some(registry) = stage.registry_address else { return Ok(()) };
    stage.directory.write_configuration("world", OWN, 0, stage.engine, registry)?;
    let file = stage.directory.configuration_file(OWN);
    let program = std::env::current_exe().map_or("sinew".into(), |path| path.display().to_string());
    let screen = &stage.screen;
    screen.text(Mood::Heading, "\nThe cluster runs until Ctrl-C. Join it with a server of your own; its configuration:\n");
    for line in stage.directory.configuration("world", OWN, 0, stage.engine, registry).lines() {
        screen.text(Mood::Plain, format!("    {line}").trim_end());
    }
    screen.text(Mood::Plain, &format!("\nIt is in {0}. To see one join:\n\n    {program} demo-server {0}\n", file.display()));
    screen.text(Mood::Plain, "Your own messages may have any tag from 4 on; the servers of the demo ignore them.\n");
    stage.tell_all("talk");
    stage.show_rates_every(Duration::from_secs(10));
    loop {
        match stage.until(Instant::now() + Duration::from_secs(3600), |_| false) {
            Ok(_) => {}
            Err(End::Interrupted) => return Ok(()),
            Err(failed) => return Err(failed),
        }
    }
}

/// Which links are missing, and what the servers concerned say about it.
fn not_up(stage: &Stage) -> String {
    let missing: Vec<_> = stage.ledger.pairs().filter(|pair| !stage.ledger.is_up(pair)).collect();
    let links: Vec<String> = missing.iter().map(|(lobby, world)| format!("{lobby} ↔ {world}")).collect();
    let ends = missing
        .first()
        .map(|(lobby, world)| [lobby, world].map(|name| stage.complaint(name, "is one end of the first of them")).join("\n  "));
    format!("after {} not every link is up: {}.\n  {}", ms(PATIENCE), links.join(", "), ends.unwrap_or_default())
}

/// Ends this process after `limit`, unless what is returned is dropped before. The children and the directory go with it.
fn watch(limit: Duration) -> std::io::Result<Sender<()>> {
    let (sender, receiver) = channel();
    let watch = move || {
        if receiver.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let _ = writeln!(std::io::stderr(), "sinew demo: not at its end after {} s, which is a bug; please report it", limit.as_secs());
            std::process::exit(1);
        }
    };
    std::thread::Builder::new().name("demo-watchdog".into()).spawn(watch)?;
    Ok(sender)
}
