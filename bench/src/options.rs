//! The command line.

use crate::catalogue::{PEERS, Peer, Test};

pub(crate) const HELP: &str = "\
sinew-bench [OPTIONS]     measure, print a table, store bench/results (or target/bench, for a part of it)

  --quick                 one short repetition, a short stall
  --repetitions N         how often everything is measured; medians are shown (3)
  --only NAME,NAME        these peers, or those whose names begin so
  --tests NAME,NAME       reliable, rtt, unreliable, unreliable-rtt, stall, lanes, requests,
                          requests-single, scale
  --stall-seconds N       how long Sinew's receiver does not poll (60; the others: 5)
  --requests N            `requests` goes on until so many are answered, instead of for a time
  --list                  what can be measured";

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) list: bool,
    pub(crate) repetitions: usize,
    pub(crate) peers: Vec<Peer>,
    pub(crate) tests: Vec<Test>,
    /// Many Sinew servers in full mesh, too.
    pub(crate) scale: bool,
    pub(crate) stall_seconds: f64,
    /// 0: for a time.
    pub(crate) requests: u64,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options = Options {
            quick,
            list: false,
            repetitions: if quick { 1 } else { 3 },
            peers: PEERS.to_vec(),
            tests: Test::ALL.to_vec(),
            scale: true,
            stall_seconds: if quick { 5.0 } else { 60.0 },
            requests: 0,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("`{argument}` needs a value\n\n{HELP}"));
            match argument.as_str() {
                "--quick" => {}
                "--list" => options.list = true,
                "--repetitions" => options.repetitions = number(value()?)?,
                "--stall-seconds" => options.stall_seconds = number(value()?)?,
                "--requests" => options.requests = number(value()?)?,
                "--only" => {
                    let wanted: Vec<&str> = value()?.split(',').collect();
                    if let Some(unknown) = wanted.iter().find(|name| !PEERS.iter().any(|peer| peer.name.starts_with(**name))) {
                        return Err(format!("`{unknown}` is no peer; `--list` names them"));
                    }
                    options.peers.retain(|peer| wanted.iter().any(|name| peer.name.starts_with(name)));
                }
                "--tests" => {
                    let wanted: Vec<&str> = value()?.split(',').collect();
                    if let Some(unknown) =
                        wanted.iter().find(|name| **name != "scale" && !Test::ALL.iter().any(|test| test.name() == **name))
                    {
                        return Err(format!("`{unknown}` is no test\n\n{HELP}"));
                    }
                    options.scale = wanted.contains(&"scale");
                    options.tests.retain(|test| wanted.contains(&test.name()));
                }
                _ => return Err(format!("`{argument}` is not an option\n\n{HELP}")),
            }
        }
        options.scale &= options.peers.iter().any(|peer| peer.name == "sinew");
        Ok(options)
    }

    /// Everything as it should be for the published table.
    pub(crate) fn is_full(&self) -> bool {
        !self.quick && self.requests == 0 && self.scale && self.peers.len() == PEERS.len() && self.tests.len() == Test::ALL.len()
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}
