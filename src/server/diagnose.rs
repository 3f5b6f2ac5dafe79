//! Why a server cannot get in, asked from its own machine with its own configuration, without becoming a member.
//!
//! Registering would be the simpler question, but whoever registers under a name that is taken replaces its holder, and under any name
//! the others would report a server to their games and send players to it. So this looks at the registry ([`registry::look`]) and goes with
//! every server through the handshake up to the point where both would agree, and no further. The hello it says has the incarnation
//! [`QUESTION`], before which no start was, so no running server is taken for older.

use super::tasks::QUESTION;
use super::{explain, setup, shared::Shared};
use crate::cluster::{Cluster, Direction, LinkId};
use crate::config::{RegistryKind, ServerConfig};
use crate::error::Error;
use crate::id::ServerId;
use crate::link::{DialFailure, Purpose, dial};
use crate::registry::{self, News, Registration, View};
use crate::transport::channel::Channels;
use crate::transport::identity::Identity;
use crate::wire::ALPN;
use crate::wire::control::RefusalCode;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Servers that are asked at the same time.
const AT_ONCE: usize = 64;

/// A question leads to no link; real ones are numbered from 1.
const NO_LINK: LinkId = LinkId(0);

/// What the refusal of a different topology says (`src/cluster/admission.rs`); its code alone also stands for groups that neither connects.
const DIFFERENT: &str = "different topologies";

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// As it should be.
    Well,
    /// Worth knowing; no link fails because of it.
    Note,
    /// A link that should stand does not, or cannot.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    pub verdict: Verdict,
    /// What was looked at: a registry host's address, or `server ID (GROUP/NAME) at HOST:PORT`.
    pub about: String,
    /// What was found, with the cure where something is wrong.
    pub text: String,
    /// Every address that was dialled in vain, with its error.
    pub tried: Vec<String>,
}

/// What [`diagnose`] found. `Display` prints one line per finding, and below it the addresses that were tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// `GROUP/NAME`.
    pub server: String,
    /// The registry first, then every server that this one should be linked with, ordered by id.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// No finding is [`Verdict::Wrong`]: every link that should stand does, or would.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict != Verdict::Wrong)
    }

    fn add(&mut self, verdict: Verdict, about: impl Into<String>, text: impl Into<String>) {
        self.findings.push(Finding { verdict, about: about.into(), text: text.into(), tried: Vec::new() });
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { verdict, about, text, tried } in &self.findings {
            let word = match verdict {
                Verdict::Well => "ok   ",
                Verdict::Note => "note ",
                Verdict::Wrong => "wrong",
            };
            writeln!(f, "{word}  {about}: {text}")?;
            tried.iter().try_for_each(|tried| writeln!(f, "       tried {tried}"))?;
        }
        Ok(())
    }
}

/// Asks, as the server of this configuration, the registry who is there and every server it should be linked with whether a link would stand.
///
/// The server itself may run meanwhile: nothing is registered, replaced or told to a game; the others log that they were asked. Each
/// of the two steps (registry, then servers) ends within `patience`. Runs on the caller's tokio runtime, which needs IO and time.
///
/// Errors: configuration and key files, as for [`Server::start`](super::Server::start).
pub async fn diagnose(config: ServerConfig, patience: Duration) -> Result<Diagnosis, Error> {
    config.validate()?;
    let identity = Identity::load(&config.cluster, &config.server)?;
    super::listen::allowed("server.listen", config.server.listen, &identity)?;
    let mut diagnosis = Diagnosis { server: identity.own().to_string(), findings: Vec::new() };
    let shared = Shared::new(config);
    let config = &shared.config;

    let views = registry::look(config, &identity, patience).await?;
    let Some(listed) = look_at_registry(config, views, &mut diagnosis) else { return Ok(diagnosis) };
    let listed = newest_of_each_name(listed);
    let own = listed.values().find(|entry| is_me(config, entry)).cloned();
    look_at_own_entry(config, own.as_ref(), &mut diagnosis);
    Asking::new(&shared, &identity, own, patience)?.ask_all(listed, &mut diagnosis).await;
    Ok(diagnosis)
}

/// A host that lags behind may still list a server that has been replaced.
fn newest_of_each_name(listed: BTreeMap<ServerId, Registration>) -> BTreeMap<ServerId, Registration> {
    let by_name: BTreeMap<_, _> = listed.into_values().map(|entry| ((entry.group.clone(), entry.name.clone()), entry)).collect();
    by_name.into_values().map(|entry| (entry.id, entry)).collect()
}

fn is_me(config: &ServerConfig, entry: &Registration) -> bool {
    (&entry.group, &entry.name) == (&config.server.group, &config.server.name)
}

/// What the hosts answer, and everybody they list; `None` when none of them answers.
fn look_at_registry(config: &ServerConfig, views: Vec<View>, diagnosis: &mut Diagnosis) -> Option<BTreeMap<ServerId, Registration>> {
    let mut listed = BTreeMap::new();
    let answers = views.iter().any(|view| view.listed.is_ok());
    let failed = if answers { Verdict::Note } else { Verdict::Wrong };
    if views.is_empty() {
        let text = "this server hosts it on a port that only its own process knows (registry.listen has port 0); set a port";
        diagnosis.add(Verdict::Wrong, "registry", text);
    }
    for View { host, listed: answer } in views {
        match answer {
            Ok(entries) if host.is_empty() => {
                diagnosis.add(Verdict::Well, "registry", format!("the list in the configuration has {}", servers(entries.len())));
                listed.extend(entries.into_iter().map(|entry| (entry.id, entry)));
            }
            Ok(entries) => {
                diagnosis.add(Verdict::Well, format!("registry {host}"), format!("answers and lists {}", servers(entries.len())));
                listed.extend(entries.into_iter().map(|entry| (entry.id, entry)));
            }
            Err(why) if config.registry.kind == RegistryKind::External => diagnosis.add(Verdict::Note, "registry", why),
            Err(why) => {
                let cure = match config.registry.host {
                    true => "this server hosts a registry itself (registry.host = true): is it running?",
                    false => "start one with `sinew registry --listen ADDRESS`, or correct registry.addresses",
                };
                diagnosis.add(failed, format!("registry {host}"), format!("{why}; {cure}"));
            }
        }
    }
    answers.then_some(listed)
}

/// How the name of this server stands in the registry.
fn look_at_own_entry(config: &ServerConfig, own: Option<&Registration>, diagnosis: &mut Diagnosis) {
    let about = format!("server {}/{}", config.server.group, config.server.name);
    match own {
        _ if config.registry.kind == RegistryKind::Fixed => {}
        Some(own) => {
            let text = format!("is registered as {} at {}:{}; whoever starts under this name replaces it", own.id, own.host, own.port);
            diagnosis.add(Verdict::Note, about, text);
        }
        None => diagnosis.add(Verdict::Note, about, "is not registered; once it runs, the registry takes it"),
    }
}

/// What every question to a server needs.
struct Asking<'a> {
    shared: &'a Shared,
    cluster: Cluster,
    channels: Channels,
    own: Registration,
    /// The others know `own` from the registry.
    registered: bool,
    loopback_only: bool,
    patience: Duration,
}

impl<'a> Asking<'a> {
    fn new(shared: &'a Shared, identity: &Identity, own: Option<Registration>, patience: Duration) -> Result<Self, Error> {
        let registered = own.is_some();
        let own = own.unwrap_or_else(|| newcomer(shared));
        let connector = registry::connector(&shared.config, identity, None)?;
        let mut settings = setup::settings(shared, &*connector);
        settings.incarnation = QUESTION;
        let mut cluster = Cluster::new(settings);
        cluster.news(Duration::ZERO, News::Registered(own.clone()));
        let channels = Channels::new(identity, ALPN);
        Ok(Self { shared, cluster, channels, own, registered, loopback_only: identity.is_development(), patience })
    }

    async fn ask_all(&self, listed: BTreeMap<ServerId, Registration>, diagnosis: &mut Diagnosis) {
        let config = &self.shared.config;
        let (mut related, mut unrelated) = (Vec::new(), BTreeMap::new());
        for entry in listed.into_values().filter(|entry| !is_me(config, entry)) {
            match self.shared.live().topology.direction((&self.own.group, self.own.id), (&entry.group, entry.id)) {
                Some(direction) => related.push((entry, Some(direction))),
                // The youngest of each group says whether that group, too, knows of no connection.
                None => drop(unrelated.insert(entry.group.clone(), entry)),
            }
        }
        if related.is_empty() {
            diagnosis.add(Verdict::Note, "links", self.nobody());
        }
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let until = Instant::now() + self.patience;
        let mut asked = JoinSet::new();
        for (entry, direction) in related.into_iter().chain(unrelated.into_values().map(|entry| (entry, None))) {
            let Some(goal) = self.cluster.goal(NO_LINK, &entry) else { continue };
            let (slots, channels, loopback_only) = (slots.clone(), self.channels.clone(), self.loopback_only);
            asked.spawn(async move {
                let _slot = slots.acquire_owned().await;
                let left = until.saturating_duration_since(Instant::now());
                let answer = match left.is_zero() {
                    true => {
                        Err(DialFailure { text: "was not asked: the time was over; allow more".into(), attempts: vec![], refusal: None })
                    }
                    false => dial(&channels, &goal, Purpose::Question, loopback_only, left).await.map(drop),
                };
                (entry, direction, answer)
            });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(entry, ..)| entry.id);
        diagnosis.findings.extend(answers.into_iter().filter_map(|(entry, direction, answer)| match direction {
            Some(direction) => Some(self.judge(&entry, direction, answer)),
            // That the two groups are not connected is as configured; that only one of the two servers says so is not.
            None => answer.err().filter(|failure| failure.text.contains(DIFFERENT)).map(|failure| wrong(&entry, failure)),
        }));
    }

    /// Why there is no server to ask.
    fn nobody(&self) -> String {
        let ours = &self.own.group;
        let topology = &self.shared.live().topology;
        let groups: Vec<&str> = topology.groups().keys().filter(|name| topology.related(ours, name)).map(String::as_str).collect();
        match groups.is_empty() {
            true => format!("group `{ours}` is connected with no group; name it in connects_to of another, or another in its own"),
            false => format!("nobody is there: no other server of a connected group ({}) is registered", groups.join(", ")),
        }
    }

    fn judge(&self, entry: &Registration, direction: Direction, answer: Result<(), DialFailure>) -> Finding {
        let mut finding = match (answer, direction) {
            (Err(failure), _) if !self.agrees(&failure) => wrong(entry, failure),
            (_, Direction::Outgoing) => agreed(entry, "agrees; this server dials it".into()),
            (_, Direction::Incoming) => agreed(entry, self.dialled_by_it()),
        };
        if self.shared.config.registry.kind == RegistryKind::Embedded
            && let Some(skew) = explain::skew(entry.id)
        {
            finding.verdict = finding.verdict.max(Verdict::Note);
            finding.text += "; ";
            finding.text += &skew;
        }
        finding
    }

    /// Every difference has been looked for, and what is left is that this only asks: the checks are made in this order (`Cluster::admit`).
    fn agrees(&self, failure: &DialFailure) -> bool {
        failure.refusal.as_ref().is_some_and(|refusal| match refusal.code {
            RefusalCode::Unlisted => !self.registered,
            RefusalCode::Replaced => self.registered,
            RefusalCode::Reversed => true,
            _ => false,
        })
    }

    fn dialled_by_it(&self) -> String {
        match self.registered {
            true => format!("agrees; it dials this server at {}:{}, which only its own machine can try", self.own.host, self.own.port),
            false => "agrees; it will dial this server, at server.advertise or server.listen, which must be reachable from there".into(),
        }
    }
}

fn about(entry: &Registration) -> String {
    format!("server {} ({}/{}) at {}:{}", entry.id, entry.group, entry.name, entry.host, entry.port)
}

fn agreed(entry: &Registration, text: String) -> Finding {
    Finding { verdict: Verdict::Well, about: about(entry), text, tried: Vec::new() }
}

fn wrong(entry: &Registration, failure: DialFailure) -> Finding {
    let text = match failure.refusal.map(|refusal| refusal.code) {
        // Its own words are for a server that is not registered; this one is.
        Some(RefusalCode::Unlisted) => "does not see this server in its registry; do both use the same registry.addresses?".into(),
        // The address is said already, unless it is one of those that a host name stands for.
        _ => failure.text.strip_prefix(&format!("{}:{}: ", entry.host, entry.port)).unwrap_or(&failure.text).to_string(),
    };
    let untold = failure.attempts.into_iter().filter(|attempt| !text.contains(&attempt.error));
    let tried = untold.map(|attempt| format!("{}: {}", attempt.address, attempt.error)).collect();
    Finding { verdict: Verdict::Wrong, about: about(entry), text, tried }
}

/// Stands in for the entry of a server that is not registered: like every newcomer it has the highest id.
fn newcomer(shared: &Shared) -> Registration {
    let info = shared.info();
    Registration {
        // cannot fail: the greatest id is one
        id: ServerId::new(ServerId::MAX).expect("an id"),
        group: info.group,
        name: info.name,
        host: info.host,
        port: info.port,
        visibility: info.visibility,
        properties: BTreeMap::new(),
    }
}

fn servers(count: usize) -> String {
    if count == 1 { "1 server".into() } else { format!("{count} servers") }
}
