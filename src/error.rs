//! Every way a call can fail: typed for Rust, numbered for C, one sentence for people.

use crate::config::ConfigError;
use crate::id::{RequestId, ServerId};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The number of an [`Error`] in the C ABI (`SINEW_RESULT_*`).
///
/// Numbers are for ever: 1–99 are caller mistakes, 100–199 normal life, 200–299 the system, 900 a bug in Sinew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ErrorCode {
    InvalidArgument = 1,
    InvalidConfig = 2,
    InvalidUtf8 = 3,
    InvalidData = 4,
    UnknownServer = 5,
    UnknownGroup = 6,
    Busy = 7,
    InvalidState = 8,
    AlreadyJoined = 9,
    UnknownRequest = 10,
    QueueFull = 100,
    NotConnected = 101,
    Stopped = 102,
    MessageTooBig = 103,
    TooManyRequests = 104,
    NoCandidate = 105,
    AddressInUse = 200,
    Io = 201,
    Key = 202,
    Panic = 900,
}

impl ErrorCode {
    /// Every code, in order: what the C constants, their texts and the wrappers are checked against.
    pub const ALL: [ErrorCode; 20] = [
        ErrorCode::InvalidArgument,
        ErrorCode::InvalidConfig,
        ErrorCode::InvalidUtf8,
        ErrorCode::InvalidData,
        ErrorCode::UnknownServer,
        ErrorCode::UnknownGroup,
        ErrorCode::Busy,
        ErrorCode::InvalidState,
        ErrorCode::AlreadyJoined,
        ErrorCode::UnknownRequest,
        ErrorCode::QueueFull,
        ErrorCode::NotConnected,
        ErrorCode::Stopped,
        ErrorCode::MessageTooBig,
        ErrorCode::TooManyRequests,
        ErrorCode::NoCandidate,
        ErrorCode::AddressInUse,
        ErrorCode::Io,
        ErrorCode::Key,
        ErrorCode::Panic,
    ];

    /// The code's name as C spells it, without the `SINEW_RESULT_` in front.
    pub fn name(self) -> &'static str {
        match self {
            ErrorCode::InvalidArgument => "INVALID_ARGUMENT",
            ErrorCode::InvalidConfig => "INVALID_CONFIG",
            ErrorCode::InvalidUtf8 => "INVALID_UTF8",
            ErrorCode::InvalidData => "INVALID_DATA",
            ErrorCode::UnknownServer => "UNKNOWN_SERVER",
            ErrorCode::UnknownGroup => "UNKNOWN_GROUP",
            ErrorCode::Busy => "BUSY",
            ErrorCode::InvalidState => "INVALID_STATE",
            ErrorCode::AlreadyJoined => "ALREADY_JOINED",
            ErrorCode::UnknownRequest => "UNKNOWN_REQUEST",
            ErrorCode::QueueFull => "QUEUE_FULL",
            ErrorCode::NotConnected => "NOT_CONNECTED",
            ErrorCode::Stopped => "STOPPED",
            ErrorCode::MessageTooBig => "MESSAGE_TOO_BIG",
            ErrorCode::TooManyRequests => "TOO_MANY_REQUESTS",
            ErrorCode::NoCandidate => "NO_CANDIDATE",
            ErrorCode::AddressInUse => "ADDRESS_IN_USE",
            ErrorCode::Io => "IO",
            ErrorCode::Key => "KEY",
            ErrorCode::Panic => "PANIC",
        }
    }
}

/// Why a call failed. [`Error::code`] is what C sees; `Display` is the sentence a person reads.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{0}")]
    InvalidArgument(String),

    #[error(transparent)]
    Config(#[from] ConfigError),

    #[error("{what} is not valid UTF-8 (first bad byte at offset {offset}); pass UTF-8 text")]
    InvalidUtf8 { what: &'static str, offset: usize },

    #[error("the data ends or is malformed at byte {offset}: {reason}")]
    InvalidData { offset: usize, reason: String },

    #[error("no server with id {0} is in this server's view of the cluster: it has left, or never was visible from this group")]
    UnknownServer(ServerId),

    #[error(
        "this server's group is connected with no group named `{group}`, only with: {known}; correct the name, or a connects_to of [groups]"
    )]
    UnknownGroup { group: String, known: String },

    #[error("another thread is inside poll on this server; poll from one thread at a time")]
    Busy,

    #[error(
        "the outbox to server {to} is full ({queued} of {limit} bytes wait); nothing was queued: send again after the WRITABLE event, or raise limits.outbox_bytes"
    )]
    QueueFull { to: ServerId, queued: usize, limit: usize },

    #[error("server {0} is not connected now; wait for its CONNECTED event (explain tells why the link is down)")]
    NotConnected(ServerId),

    #[error("this server is stopped or stopping; start a new one")]
    Stopped,

    #[error("a message of {len} bytes is over limits.max_message_bytes = {limit}; split it, or raise the limit on both servers")]
    MessageTooBig { len: usize, limit: usize },

    #[error(
        "server {to} has not answered {limit} requests of this server; nothing was sent: ask again after the next answers, or raise limits.requests_per_link on both"
    )]
    TooManyRequests { to: ServerId, limit: usize },

    #[error("request {request} of server {from} cannot be answered: it has been, or who asked has given up, or it was never made")]
    UnknownRequest { from: ServerId, request: u64 },

    #[error("request {0} does not wait for an answer: it has ended, or was never made")]
    NotWaiting(RequestId),

    #[error(
        "no server of group `{group}` can be chosen now: {seen} in view, of them {connected} connected, and of those none is ready for work"
    )]
    NoCandidate { group: String, seen: usize, connected: usize },

    #[error("the request to server {to} failed: {failure}")]
    RequestFailed { to: ServerId, failure: RequestFailure },

    #[error("cannot listen on {address}: another program uses it; choose another port in {key}, or port 0 for any free one")]
    AddressInUse { address: SocketAddr, key: &'static str },

    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },

    #[error("a running server cannot change {}; nothing has changed: leave it as it was, or restart the server", differences(.0))]
    NeedsRestart(Vec<(String, String, String)>),

    #[error("{0}")]
    Key(#[from] KeyError),

    #[error("{0}")]
    Registry(#[from] RegistryError),
}

impl Error {
    /// The number C sees.
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::InvalidArgument(_) => ErrorCode::InvalidArgument,
            Error::Config(_) | Error::NeedsRestart(_) => ErrorCode::InvalidConfig,
            Error::InvalidUtf8 { .. } => ErrorCode::InvalidUtf8,
            Error::InvalidData { .. } => ErrorCode::InvalidData,
            Error::UnknownServer(_) => ErrorCode::UnknownServer,
            Error::UnknownGroup { .. } => ErrorCode::UnknownGroup,
            Error::Busy => ErrorCode::Busy,
            Error::QueueFull { .. } => ErrorCode::QueueFull,
            Error::NotConnected(_) => ErrorCode::NotConnected,
            Error::Stopped => ErrorCode::Stopped,
            Error::MessageTooBig { .. } => ErrorCode::MessageTooBig,
            Error::TooManyRequests { .. } => ErrorCode::TooManyRequests,
            Error::UnknownRequest { .. } | Error::NotWaiting(_) => ErrorCode::UnknownRequest,
            Error::NoCandidate { .. } => ErrorCode::NoCandidate,
            // Only futures are told in this way; C hears of it by an event.
            Error::RequestFailed { .. } => ErrorCode::NotConnected,
            Error::AddressInUse { .. } => ErrorCode::AddressInUse,
            Error::Io { .. } => ErrorCode::Io,
            Error::Key(_) => ErrorCode::Key,
            Error::Registry(error) => error.code(),
        }
    }
}

/// Keys with the value now and the one that was wished for.
fn differences(of: &[(String, String, String)]) -> String {
    of.iter().map(|(key, now, wished)| format!("{key} from {now} to {wished}")).collect::<Vec<_>>().join(", ")
}

/// Why a request ended without an answer. The numbers are the `code` of `SINEW_EVENT_REQUEST_FAILED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum RequestFailure {
    /// No answer came in time. Whether the request was carried out is not known.
    TimedOut = 1,
    /// The session with the server asked has ended. Whether the request was carried out is not known.
    Disconnected = 2,
    /// The server asked has stopped, or left the registry. Whether the request was carried out is not known.
    Left = 3,
    /// The server asked would not answer.
    Refused = 4,
    /// Nobody on the server asked answers requests of this tag.
    NoHandler = 5,
    /// The server asked has `limits.requests_per_link` unanswered requests of this server already; this one never reached its game.
    Overloaded = 6,
    /// [`Server::cancel`](crate::Server::cancel) was called.
    Cancelled = 7,
    /// This server is stopping.
    Stopping = 8,
}

impl fmt::Display for RequestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestFailure::TimedOut => "no answer came in time",
            RequestFailure::Disconnected => "the session with it ended before an answer came",
            RequestFailure::Left => "it left before an answer came",
            RequestFailure::Refused => "it refused",
            RequestFailure::NoHandler => "nobody there answers requests of this tag",
            RequestFailure::Overloaded => "it has too many unanswered requests of this server (its limits.requests_per_link)",
            RequestFailure::Cancelled => "the request was cancelled",
            RequestFailure::Stopping => "this server is stopping",
        })
    }
}

/// Why a call for a registry of the game's own was refused. Nothing of it was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    #[error("this server's registry is not connected by the game; set registry.kind = \"external\" for that")]
    NotExternal,

    #[error("nobody asked to register this server now; wait for the event REGISTRY_REGISTER, which comes again by itself after a failure")]
    NotAsked,

    #[error("this server is registered already, as server {0}; it keeps its id until it is stopped (an outage is reported as lost)")]
    AlreadyRegistered(ServerId),

    #[error("this server is not registered yet; answer REGISTRY_REGISTER with registered first, or with register_failed")]
    NotRegistered,

    #[error("server {id} has joined already, as {group}/{name}; report a server once, and again only in a new snapshot")]
    AlreadyJoined { id: ServerId, group: String, name: String },

    #[error(
        "server {id} has joined already with other details, as {group}/{name}; an id never changes what it means: a server that registers anew needs a new id"
    )]
    Changed { id: ServerId, group: String, name: String },

    #[error("server {0} was never reported as joined, or has left already")]
    NotJoined(ServerId),

    #[error("server {id} cannot join: {flaw}")]
    Flawed { id: ServerId, flaw: String },

    #[error("a snapshot has begun already; end it first")]
    SnapshotOpen,

    #[error("no snapshot has begun; begin one before its servers are reported")]
    NoSnapshot,

    #[error("{0} servers have joined, and there is no room for more; report those that left")]
    TooMany(usize),

    #[error("{0} reports wait for this server; nothing was done: poll its events, and report this again later")]
    Full(usize),

    #[error("this server is stopped or stopping; if it has just been registered, take its entry out of the registry")]
    Stopped,
}

impl RegistryError {
    /// The number C sees.
    pub fn code(&self) -> ErrorCode {
        match self {
            RegistryError::AlreadyJoined { .. } | RegistryError::Changed { .. } => ErrorCode::AlreadyJoined,
            RegistryError::NotJoined(_) => ErrorCode::UnknownServer,
            RegistryError::Flawed { .. } => ErrorCode::InvalidArgument,
            RegistryError::Full(_) => ErrorCode::QueueFull,
            RegistryError::Stopped => ErrorCode::Stopped,
            RegistryError::NotExternal
            | RegistryError::NotAsked
            | RegistryError::AlreadyRegistered(_)
            | RegistryError::NotRegistered
            | RegistryError::SnapshotOpen
            | RegistryError::NoSnapshot
            | RegistryError::TooMany(_) => ErrorCode::InvalidState,
        }
    }
}

/// What is wrong with a key or certificate file, naming the file and the cure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    #[error("{key} = {path:?}: no such file; make one with `sinew keygen`, or correct the path (it is relative to the working directory)")]
    Missing { key: &'static str, path: PathBuf },

    #[error("{key} = {path:?}: cannot be read: {source}; give this process read permission")]
    Unreadable {
        key: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },

    #[error("{key} = {path:?}: {reason}; copy the file again, or make a new one with `sinew keygen`")]
    Malformed { key: &'static str, path: PathBuf, reason: String },

    #[error("{cert:?} is not signed by {ca:?}: it belongs to another cluster; issue it again with that cluster's key file")]
    OtherCluster { cert: PathBuf, ca: PathBuf },

    #[error(
        "the certificate {cert:?} is for group `{cert_group}`, name `{cert_name}`, but the configuration says group `{group}`, name `{name}`; issue one with `sinew keygen issue --group {group} --name {name}`"
    )]
    OtherServer { cert: PathBuf, cert_group: String, cert_name: String, group: String, name: String },

    #[error("the certificate {cert:?} is not valid now: {reason}; issue a new one with `sinew keygen issue`, or set this machine's clock")]
    NotValidNow { cert: PathBuf, reason: String },

    #[error(
        "the new key or certificate is of another server, or one of the two is the public development key; restart the server to change who it is"
    )]
    NotRenewable,

    #[error("cluster.key_file is set together with cluster.ca, cluster.cert or cluster.key; keep either the key file or the other three")]
    Conflicting,

    #[error(
        "{missing} is not set; an issued certificate needs cluster.ca, cluster.cert and cluster.key together (`sinew keygen issue` makes all three)"
    )]
    Incomplete { missing: String },

    #[error("the {what} `{value}` cannot stand in a certificate; use 1 to 63 characters of A-Z a-z 0-9 _ . -")]
    InvalidName { what: &'static str, value: String },

    #[error("{path:?} exists already and is left as it is; choose another path, or replace it with --force")]
    Exists { path: PathBuf },

    #[error("{path:?} cannot be written: {source}; choose a directory this user may write to")]
    NotWritten {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },

    #[error("no key or certificate could be made: {reason}")]
    NotMade { reason: String },

    #[error(
        "{key} = \"{address}\" is not a loopback address and no cluster key is configured, so anybody could join; make a key with `sinew keygen` and set cluster.key_file, or listen on 127.0.0.1"
    )]
    NoKeyOnPublicAddress { key: &'static str, address: String },
}

impl KeyError {
    pub(crate) fn not_made(reason: impl ToString) -> Self {
        KeyError::NotMade { reason: reason.to_string() }
    }
}
