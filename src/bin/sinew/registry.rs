//! `sinew registry`: a host of the embedded registry as a process of its own.

use sinew::config::{ClusterSection, ServerConfig};
use sinew::error::Error;
use sinew::registry::embedded::{Host, HostOptions};
use sinew::transport::identity::Identity;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Host the cluster's registry.
#[derive(Debug, clap::Args)]
pub(crate) struct RegistryArgs {
    /// Address to bind; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4100")]
    listen: SocketAddr,

    /// The cluster key file made by `sinew keygen`. Without a key only this machine can be served.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca", "cert", "key"])]
    key_file: Option<PathBuf>,

    /// PEM certificates of the cluster authority, instead of a key file.
    #[arg(long, value_name = "FILE", requires_all = ["cert", "key"])]
    ca: Option<PathBuf>,

    /// This host's PEM certificate, made by `sinew keygen issue --group registry --name NAME`.
    #[arg(long, value_name = "FILE", requires_all = ["ca", "key"])]
    cert: Option<PathBuf>,

    /// The private key of the certificate.
    #[arg(long, value_name = "FILE", requires_all = ["ca", "cert"])]
    key: Option<PathBuf>,

    /// A further authority (or key file) whose servers are trusted too; may be given several times.
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,

    /// The cluster that is served: cluster.name of its servers.
    #[arg(long, value_name = "NAME", default_value = "default")]
    cluster: String,

    /// How long a registration outlives its connection, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 3000, value_parser = clap::value_parser!(u64).range(200..=600_000))]
    lease_ms: u64,

    /// The name in this host's own certificate, beside the group `registry`.
    #[arg(long, default_value = "registry")]
    name: String,
}

/// Serves until the process is ended. Prints `registry listening on ADDRESS`, with the real port, as the only line on stdout;
/// joins and leaves go to stderr.
pub(crate) fn run(args: RegistryArgs) -> ExitCode {
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).compact().finish();
    // The process has just begun: nobody has set one before.
    let _ = tracing::subscriber::set_global_default(subscriber);
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sinew registry: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: RegistryArgs) -> Result<(), Error> {
    let identity = identity(&args)?;
    let mut options = HostOptions::new(args.listen, args.cluster, Duration::from_millis(args.lease_ms));
    options.listen_key = "--listen";
    let host = Host::bind(options, &identity)?;
    if identity.is_development() {
        tracing::warn!("no cluster key is given: every program on this machine may join (make a key with `sinew keygen`)");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|source| Error::Io { what: "cannot start the IO threads".into(), source })?;
    let mut stdout = std::io::stdout().lock();
    let announced = writeln!(stdout, "registry listening on {}", host.local_addr()).and_then(|()| stdout.flush());
    announced.map_err(|source| Error::Io { what: "cannot write to stdout".into(), source })?;
    drop(stdout);
    runtime.block_on(host.run())
}

fn identity(args: &RegistryArgs) -> Result<Identity, Error> {
    let mut cluster = ClusterSection::default();
    cluster.key_file = args.key_file.clone();
    cluster.ca = args.ca.clone();
    cluster.cert = args.cert.clone();
    cluster.key = args.key.clone();
    cluster.trust = args.trust.clone();
    let text = "server.group = \"registry\"\n[groups.registry]";
    let mut server = ServerConfig::load(text, "sinew registry", std::iter::empty())?.server;
    server.name = args.name.clone();
    Ok(Identity::load(&cluster, &server)?)
}
