//! `sinew keygen`: makes the cluster key file, and certificates for single servers from it.

use sinew::error::KeyError;
use sinew::transport::identity::PeerIdentity;
use sinew::transport::keys::{ClusterKey, MAX_ISSUE_DAYS};
use std::path::PathBuf;
use std::process::ExitCode;

/// Make a cluster key file, or (`issue`) the certificate of one server.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct KeygenArgs {
    #[command(subcommand)]
    command: Option<KeygenCommand>,

    /// The file to make.
    #[arg(long, value_name = "FILE", default_value = "sinew.key")]
    out: PathBuf,

    /// Replace the file if it exists. The servers that use the old key can then no longer talk to those that use the new one.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Subcommand)]
enum KeygenCommand {
    /// Make a certificate that fixes one server's group and name, so that this server needs no cluster key file.
    Issue(IssueArgs),
}

#[derive(Debug, clap::Args)]
struct IssueArgs {
    /// The cluster key file that signs.
    #[arg(long, value_name = "FILE", default_value = "sinew.key")]
    key_file: PathBuf,

    /// The server's group, as in its server.group.
    #[arg(long)]
    group: String,

    /// The server's name, as in its server.name.
    #[arg(long)]
    name: String,

    /// For how many days from now the certificate is valid.
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ISSUE_DAYS)))]
    days: u32,

    /// The directory for NAME.cert.pem, NAME.key.pem and ca.pem; it must exist.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out_dir: PathBuf,

    /// Replace the files if they exist (to renew a certificate).
    #[arg(long)]
    force: bool,
}

/// Does what the arguments say; what was made and what to do next goes to stdout, a failure as one sentence to stderr.
pub(crate) fn run(args: KeygenArgs) -> ExitCode {
    let done = match args.command {
        None => generate(args.out, args.force),
        Some(KeygenCommand::Issue(issue_args)) => issue(issue_args),
    };
    match done {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sinew keygen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generate(out: PathBuf, force: bool) -> Result<String, KeyError> {
    let key = ClusterKey::generate()?;
    key.write(&out, force)?;
    Ok(format!(
        "Made the cluster key {out}\n\
         name         {name}\n\
         fingerprint  {fingerprint}\n\
         \n\
         Copy the file to every server of the cluster, over a channel nobody else reads, and name it in each configuration:\n\
         \n\
         [cluster]\n\
         key_file = {path}\n\
         \n\
         Whoever has this file is a member of the cluster. To give a server less than that: sinew keygen issue --help\n",
        out = out.display(),
        name = key.name(),
        fingerprint = key.fingerprint(),
        path = toml_string(&out),
    ))
}

fn issue(args: IssueArgs) -> Result<String, KeyError> {
    let key = ClusterKey::read("--key-file", &args.key_file)?;
    let server = PeerIdentity::new(&args.group, &args.name)?;
    let [cert, private_key, ca] = key.issue(&server, args.days)?.write(&args.out_dir, &args.name, args.force)?;
    Ok(format!(
        "Made a certificate for {server}, valid for {days} days, signed by {cluster}\n\
         \n\
         Copy the three files to that server and name them in its configuration:\n\
         \n\
         [cluster]\n\
         ca = {ca}\n\
         cert = {cert}\n\
         key = {private_key}\n\
         \n\
         [server]\n\
         group = \"{group}\"\n\
         name = \"{name}\"\n\
         \n\
         That server needs no cluster key file any more; keep {key_file} away from it.\n",
        days = args.days,
        cluster = key.name(),
        ca = toml_string(&ca),
        cert = toml_string(&cert),
        private_key = toml_string(&private_key),
        group = args.group,
        name = args.name,
        key_file = args.key_file.display(),
    ))
}

/// A path as TOML: single quotes leave backslashes alone, unless the path has a single quote itself.
fn toml_string(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    match text.contains('\'') {
        false => format!("'{text}'"),
        true => format!("{text:?}"),
    }
}
