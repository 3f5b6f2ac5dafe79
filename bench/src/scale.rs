//! Many Sinew servers in full mesh: how soon they are connected, what an idle link costs, how fast a broadcast is.

use crate::build::Folders;
use crate::catalogue::Program as Source;
use crate::pair::{Program, Start, Values};
use crate::settings::Settings;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Servers, and in how many processes.
const SHAPES: [(usize, usize); 2] = [(64, 1), (16, 16)];

const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug)]
pub(crate) struct Shape {
    servers: usize,
    processes: usize,
    outcome: Result<Outcome, String>,
}

#[derive(Debug)]
struct Outcome {
    /// From the last start to the last link.
    connected_seconds: f64,
    /// Of both its ends together.
    kib_per_link: f64,
    /// Hundredths of one core, of both ends together, this program's polling included.
    percent_of_core_per_link: f64,
    /// Millions of 64 B messages a second that arrived; within one process only.
    broadcast: Option<f64>,
}

pub(crate) fn measure(folders: &Folders, quick: bool) -> Vec<Shape> {
    let start = folders.build_peer(Source::C { name: "scale", flags: &["-lsinew"] });
    let shapes = SHAPES.into_iter().map(|(servers, processes)| {
        let outcome = start.clone().and_then(|start| run(&start, servers, processes, if quick { 3.0 } else { 10.0 }));
        println!("   scale: {servers} servers in {processes} processes: {outcome:?}");
        Shape { servers, processes, outcome }
    });
    shapes.collect()
}

fn number(values: &Values, name: &str) -> Result<f64, String> {
    values.get(name).copied().ok_or_else(|| format!("no `{name}` was reported"))
}

fn run(start: &Start, servers: usize, processes: usize, seconds: f64) -> Result<Outcome, String> {
    let until = Instant::now() + PATIENCE;
    let mut settings = Settings {
        // How many others each server must see.
        variant: (servers - 1).to_string(),
        role: "server".to_owned(),
        test: "scale".to_owned(),
        seconds,
        servers: servers / processes,
        ..Settings::default()
    };
    let mut programs = vec![Program::start(start, &settings)?];
    let port = programs[0].wait_for("ready", until)?;
    settings.role = "client".to_owned();
    settings.port = port.parse().map_err(|_| format!("`ready {port}` is no port"))?;
    for _ in 1..processes {
        programs.push(Program::start(start, &settings)?);
    }
    let (mut started, mut connected) = (0.0, 0.0);
    for program in &mut programs {
        let values = program.values("connected", until)?;
        started = number(&values, "started_at_ns")?.max(started);
        connected = number(&values, "at_ns")?.max(connected);
    }
    let (mut kib, mut cores) = (0.0, 0.0);
    for program in &mut programs {
        let values = program.values("idle", until)?;
        kib += number(&values, "rss_connected_kib")? - number(&values, "rss_started_kib")?;
        cores += number(&values, "cpu_us")? * 1e3 / number(&values, "ns")?;
    }
    let mut broadcast = None;
    if processes == 1 {
        let values = programs[0].values("result", until)?;
        broadcast = Some(number(&values, "delivered")? / number(&values, "broadcast_ns")? * 1e3);
    }
    let links = (servers * (servers - 1) / 2) as f64;
    Ok(Outcome {
        connected_seconds: (connected - started) / 1e9,
        kib_per_link: kib / links,
        percent_of_core_per_link: cores * 100.0 / links,
        broadcast,
    })
}

pub(crate) fn markdown(shapes: &[Shape]) -> String {
    let mut text =
        "| full mesh | all connected after the last start, s | KiB per idle link, both ends | % of a core per idle link, both ends \
                    | broadcast 64 B, M msg/s arrived |\n|---|---|---|---|---|\n"
            .to_owned();
    for Shape { servers, processes, outcome } in shapes {
        let cells = match outcome {
            Ok(outcome) => format!(
                "{:.2} | {:.1} | {:.4} | {}",
                outcome.connected_seconds,
                outcome.kib_per_link,
                outcome.percent_of_core_per_link,
                outcome.broadcast.map_or("–".to_owned(), |rate| format!("{rate:.2}"))
            ),
            Err(sentence) => format!("{sentence} | – | – | –"),
        };
        let place = if *processes == 1 { "one process".to_owned() } else { format!("{processes} processes") };
        text += &format!("| {servers} servers in {place} | {cells} |\n");
    }
    text
}

pub(crate) fn to_json(shapes: &[Shape]) -> Value {
    let shape = |Shape { servers, processes, outcome }: &Shape| match outcome {
        Ok(outcome) => json!({
            "servers": servers,
            "processes": processes,
            "connected_seconds": outcome.connected_seconds,
            "kib_per_link": outcome.kib_per_link,
            "percent_of_core_per_link": outcome.percent_of_core_per_link,
            "broadcast_million_messages_per_second": outcome.broadcast,
        }),
        Err(sentence) => json!({ "servers": servers, "processes": processes, "error": sentence }),
    };
    Value::Array(shapes.iter().map(shape).collect())
}
