//! `sinew`: keys, a registry, a look at a configuration or at why it finds no links, and a whole cluster to try.

mod check;
mod demo;
mod explain;
mod keygen;
mod registry;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Joins dedicated game servers into one cluster.
#[derive(Parser)]
#[command(name = "sinew", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show a whole cluster at work on this machine, a crash included.
    Demo(demo::DemoArgs),
    /// Host the cluster's registry.
    Registry(registry::RegistryArgs),
    /// Make a cluster key, or a certificate for one server.
    Keygen(keygen::KeygenArgs),
    /// Print the effective configuration of a server, or what is wrong with it.
    Check {
        /// The server's TOML file.
        file: PathBuf,
    },
    /// Tell why a server does not get its links.
    Explain(explain::ExplainArgs),
    /// One server of the demo.
    #[command(hide = true)]
    DemoServer(demo::ServerArgs),
    /// The registry of the demo.
    #[command(hide = true)]
    DemoRegistry(demo::DemoRegistryArgs),
}

fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Registry(args) => registry::run(args),
        Command::Keygen(args) => keygen::run(args),
        Command::Check { file } => check::run(&file),
        Command::Explain(args) => explain::run(args),
        Command::Demo(args) => demo::run(args),
        Command::DemoServer(args) => demo::run_server(args),
        Command::DemoRegistry(args) => demo::run_registry(args),
    }
}
