//! Measures Sinew side by side with what one would use instead: two processes for each peer, on loopback, from application thread to
//! application thread. `bench/README.md` says what and how.

mod broker;
mod build;
mod catalogue;
mod frames;
mod measure;
mod measurements;
mod options;
mod pair;
mod peers;
mod plot;
mod scale;
mod settings;
mod table;

use build::Folders;
use catalogue::{Case, Peer, Test};
use measurements::{Measurements, combine};
use options::Options;
use pair::{Start, Values};
use scale::Shape;
use serde_json::json;
use settings::Settings;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((first, rest)) if first == "peer" => Settings::from_arguments(rest).and_then(|settings| peers::run(&settings)),
        Some((first, _)) if first == "--help" || first == "help" => {
            println!("{}", options::HELP);
            Ok(())
        }
        _ => Options::parse(&arguments).and_then(|options| measure_all(&options)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// How long the others' receivers stall: long enough to see who grows.
const SHORT_STALL_SECONDS: f64 = 5.0;

fn measure_all(options: &Options) -> Result<(), String> {
    if options.list {
        for peer in &options.peers {
            println!("{:<16}{}", peer.name, peer.what);
        }
        return Ok(());
    }
    let began = Instant::now();
    let folders = Folders::find()?;
    folders.build_library()?;
    let (cert, key) = folders.certificate()?;
    let mut measurements = Measurements::default();
    let mut ready: Vec<(Peer, Result<Start, String>)> = Vec::new();
    for peer in &options.peers {
        ready.push((*peer, folders.build_peer(peer.program)));
    }
    for repetition in 0..options.repetitions {
        for case in options.tests.iter().flat_map(|test| test.cases()) {
            // A stall shows the same each time, and takes long.
            if case.test == Test::Stall && repetition > 0 {
                continue;
            }
            for (peer, start) in ready.iter().filter(|(peer, _)| peer.tests.contains(&case.test)) {
                let settings = settings_of(options, *peer, case, (&cert, &key));
                let result = start.clone().and_then(|start| measure_one(*peer, &start, settings, case));
                println!("{:>2} {:<14} {:<24} {}", repetition + 1, peer.name, case.name(), in_short(&result));
                measurements.add(peer.name, case, result);
            }
        }
    }
    let shapes = if options.scale { scale::measure(&folders, options.quick) } else { Vec::new() };
    report(options, &folders, &measurements, &shapes, began)
}

fn settings_of(options: &Options, peer: Peer, case: Case, (cert, key): (&str, &str)) -> Settings {
    let seconds = match case.test {
        Test::Stall if peer.name == "sinew" => options.stall_seconds,
        Test::Stall => SHORT_STALL_SECONDS.min(options.stall_seconds),
        Test::Reliable | Test::Unreliable | Test::Requests => 2.0,
        Test::RoundTrip | Test::UnreliableRoundTrip | Test::RequestsSingle => 1.2,
        Test::Lanes => 4.0,
    };
    Settings {
        variant: peer.name.to_owned(),
        test: case.test.name().to_owned(),
        size: case.size,
        seconds: if options.quick && case.test != Test::Stall { seconds / 2.0 } else { seconds },
        warmup: 0.3,
        spin: case.spin,
        window: peer.window,
        flight: case.test.flight(),
        requests: if case.test == Test::Requests { options.requests } else { 0 },
        cert: cert.to_owned(),
        key: key.to_owned(),
        ..Settings::default()
    }
}

fn measure_one(peer: Peer, start: &Start, mut settings: Settings, case: Case) -> Result<Values, String> {
    let broker = peer.broker.start(&settings)?;
    settings.broker = broker.as_ref().map_or(0, |broker| broker.port);
    let (received, sent) = pair::run(start, &settings)?;
    combine(case, &received, &sent, broker.map(|broker| broker.cpu_microseconds()))
}

fn in_short(result: &Result<Values, String>) -> String {
    match result {
        Err(sentence) => format!("failed: {sentence}"),
        Ok(values) => values.iter().map(|(name, value)| format!("{name} {value:.3}")).collect::<Vec<_>>().join(", "),
    }
}

fn report(options: &Options, folders: &Folders, measurements: &Measurements, shapes: &[Shape], began: Instant) -> Result<(), String> {
    let mut table = if options.tests.is_empty() { String::new() } else { table::markdown(measurements, &options.peers) };
    for sentence in measurements.failures() {
        table += &format!("\n{sentence}\n");
    }
    if !shapes.is_empty() {
        table += &format!("\n{}", scale::markdown(shapes));
    }
    let machine = build::machine();
    table += &format!("\n{machine}; repetitions: {}, medians.\n", options.repetitions);
    println!("\n{table}");
    let json = json!({ "machine": machine, "measurements": measurements.to_json(), "scale": scale::to_json(shapes) });
    let json = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())? + "\n";
    let folder = if options.is_full() { folders.root.join("bench/results") } else { folders.work.clone() };
    fs::create_dir_all(&folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
    for (name, text) in [("results.json", json), ("results.md", table), ("results.svg", plot::svg(measurements, &options.peers))] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("{path:?} cannot be written: {error}"))?;
    }
    println!("{} s; stored in {}", began.elapsed().as_secs(), folder.display());
    Ok(())
}
