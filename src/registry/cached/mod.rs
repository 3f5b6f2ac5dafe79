//! A view of the cluster that outlives this process: `registry.cache_file`.
//!
//! Around the connector that the configuration asks for. While a registry is there, this writes down what it says; when a server starts and
//! none is there, it begins with what was written: under its old id, with the others it knew. So a cluster can be restarted while its registry is
//! down. As soon as a registry answers, that counts, and what was remembered stays only until everybody had the time to register there again.
//!
//! [`book`] (pure) decides, [`mod@file`] reads and writes. May use what every connector may, and the file system.

mod book;
mod file;

use super::merged::Make;
use super::{Candidate, Command, Connector, HostStatus, News, Wires, fresh_id, hand_over};
use book::{Book, Memory, Next};
use file::File;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

/// The file is written at most this often.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
/// What could not be written is tried again this often.
const RETRY_PAUSE: Duration = Duration::from_secs(10);
/// Reading is waited for this long: a machine that has just started may be slow.
const READ_WAIT: Duration = Duration::from_secs(5);
/// Writing is waited for this long, before the first registration and at the end.
const WRITE_WAIT: Duration = Duration::from_millis(500);
/// A connector that cannot be made again (its files have been removed since the start, perhaps) is tried this often.
const MAKE_PAUSE: Duration = Duration::from_secs(1);
/// News of the registry that are not looked at yet; it waits.
const NEWS: usize = 64;
/// News the server has not taken yet; then the registry waits, so that memory stays bounded.
const PENDING_NEWS: usize = 1024;
const COMMANDS: usize = 16;

/// The connector that keeps its view on disk.
pub(super) struct Cached {
    make: Make,
    path: PathBuf,
    cluster: String,
    hosts: watch::Sender<Vec<HostStatus>>,
}

impl Cached {
    /// `make` makes the connector that is kept; more than once, when it must begin anew without a goodbye.
    pub(super) fn new(make: Make, path: PathBuf, cluster: &str) -> Self {
        Self { make, path, cluster: cluster.into(), hosts: watch::Sender::new(Vec::new()) }
    }
}

impl Connector for Cached {
    fn run(self: Box<Self>, me: Candidate, wires: Wires) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(run(*self, me, wires))
    }

    fn hosts(&self) -> Option<watch::Receiver<Vec<HostStatus>>> {
        Some(self.hosts.subscribe())
    }
}

/// The connector inside. Dropped, it is gone without a goodbye.
struct Inner {
    news: mpsc::Receiver<News>,
    commands: mpsc::Sender<Command>,
    hosts: Option<watch::Receiver<Vec<HostStatus>>>,
    task: JoinSet<()>,
}

impl Inner {
    /// `None`: it cannot be made now.
    fn start(make: &mut Make, me: Candidate) -> Option<Self> {
        let connector = match make() {
            Ok(connector) => connector,
            Err(error) => {
                tracing::warn!("the registry cannot be tried: {error}");
                return None;
            }
        };
        let (news_in, news) = mpsc::channel(NEWS);
        let (commands, commands_out) = mpsc::channel(COMMANDS);
        let hosts = connector.hosts();
        let mut task = JoinSet::new();
        task.spawn(connector.run(me, Wires { news: news_in, commands: commands_out }));
        Some(Self { news, commands, hosts, task })
    }

    /// Says goodbye, and ends.
    async fn leave(mut self) {
        drop((self.commands, self.news));
        while self.task.join_next().await.is_some() {}
    }
}

/// What is being written, one version at a time.
struct Writing {
    file: File,
    /// The next version waits until then.
    next: Option<Instant>,
    task: Option<JoinHandle<Result<(), String>>>,
    /// The file holds the id of this server, or may.
    on_disk: bool,
    /// What stood there at the start makes no sense, and no version has replaced it yet.
    unusable: bool,
    complained: bool,
}

impl Writing {
    /// When the next version may be written; `None` while one is under way.
    fn due(&self, started: Instant) -> Option<Instant> {
        self.task.is_none().then(|| self.next.unwrap_or(started))
    }

    fn begin(&mut self, memory: Memory) {
        let (file, unusable) = (self.file.clone(), self.unusable);
        // Off the runtime: a disk may be slow, and the news must not wait for it.
        self.task = Some(tokio::task::spawn_blocking(move || file.write(&memory, unusable)));
    }

    /// Whether it stands on the disk now.
    fn ended(&mut self, outcome: Result<(), String>) -> bool {
        self.task = None;
        let pause = if outcome.is_ok() { WRITE_PAUSE } else { RETRY_PAUSE };
        self.next = Some(Instant::now() + pause);
        let Err(why) = outcome else {
            self.unusable = false;
            return true;
        };
        if !std::mem::replace(&mut self.complained, true) {
            let path = self.file.path().display();
            tracing::warn!(
                "registry.cache_file `{path}` cannot be written: {why}; make its folder writable for this server or set another path \
                 (said once; without it this server does not find the others when it starts while no registry is there)"
            );
        }
        false
    }

    /// Waits, within bounds, for the version that is being written. `None`: it still is.
    async fn settle(&mut self) -> Option<bool> {
        if self.task.is_none() {
            return Some(true);
        }
        let outcome = timeout(WRITE_WAIT, done(&mut self.task)).await.ok()?;
        Some(self.ended(outcome))
    }

    /// Writes what is not written yet. False: the disk may still hold, or get, an older version with the id of this server.
    async fn finish(&mut self, book: &mut Book) -> bool {
        let Some(stands) = self.settle().await else { return false };
        book.changed |= !stands;
        let Some(memory) = book.changed.then(|| book.written()).flatten() else { return true };
        self.begin(memory);
        match self.settle().await {
            Some(true) => true,
            None => false,
            Some(false) => {
                let file = self.file.clone();
                let removed = timeout(WRITE_WAIT, tokio::task::spawn_blocking(move || file.remove())).await;
                !self.on_disk || matches!(removed, Ok(Ok(true)))
            }
        }
    }
}

/// The file as an earlier run has left it.
async fn read(file: File) -> (File, Result<Option<Memory>, String>) {
    let reading = file.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let file = reading.resolved();
        let read = file.read();
        (file, read)
    });
    match timeout(READ_WAIT, reading).await {
        Ok(Ok(read)) => read,
        _ => (file, Err(format!("it cannot be read within {} s", READ_WAIT.as_secs()))),
    }
}

async fn run(mut cached: Cached, me: Candidate, mut wires: Wires) {
    let started = Instant::now();
    let file = File::new(cached.path.clone(), &cached.cluster, &me.group, &me.name);
    let (file, memory) = read(file).await;
    let unusable = memory.is_err();
    let memory = memory.unwrap_or_else(|why| {
        let (path, aside) = (file.path().display(), file.set_aside());
        tracing::warn!(
            "registry.cache_file `{path}` is not used: {why}; give every server a file of its own, or remove this one \
             (the next version replaces it and leaves it beside as `{}`)",
            aside.display()
        );
        None
    });
    let mut book = Book::new(me.clone(), memory);
    let mut writing = Writing { file, next: None, task: None, on_disk: false, unusable, complained: false };
    if let Some(fence) = book.fence() {
        writing.begin(fence);
        // A disk that is slower than that must not keep this server from its registry.
        writing.settle().await;
        writing.next = None;
    }
    let mut inner = Inner::start(&mut cached.make, me);
    let mut make_at = Instant::now() + MAKE_PAUSE;
    loop {
        if let Some(hosts) = inner.as_mut().and_then(|inner| inner.hosts.as_mut()) {
            cached.hosts.send_replace(hosts.borrow_and_update().clone());
        }
        let tick = book.deadline().map(|deadline| started + deadline);
        let write = writing.due(started).filter(|_| book.changed);
        let may_learn = book.pending.len() < PENDING_NEWS && !book.over;
        tokio::select! {
            command = wires.commands.recv() => match command {
                Some(Command::ReportFailure(id)) => {
                    if let Some(inner) = &inner {
                        // One that is so busy learns it by itself.
                        let _ = inner.commands.try_send(Command::ReportFailure(id));
                    }
                }
                Some(Command::Deregister) | None => break,
            },
            taken = hand_over(&wires.news, &mut book.pending), if !book.pending.is_empty() => {
                if !taken {
                    break;
                }
            }
            told = told(&mut inner), if may_learn => match told {
                Told::News(news) => {
                    let began = book.began_from_memory();
                    if let Next::Again(me) = book.news(news, started.elapsed(), fresh_id) {
                        if !began && book.began_from_memory() {
                            writing.on_disk = true;
                            tracing::info!("no registry is there, so this server begins with what `{}` says", writing.file.path().display());
                        }
                        // What it may have put into a registry ends with its lease.
                        drop(inner.take());
                        inner = Inner::start(&mut cached.make, *me);
                        make_at = Instant::now() + MAKE_PAUSE;
                    }
                }
                Told::Hosts => {}
                // Its end is told by ours.
                Told::Ended => return,
            },
            () = sleep_until(make_at), if inner.is_none() => {
                inner = Inner::start(&mut cached.make, book.candidate().clone());
                make_at = Instant::now() + MAKE_PAUSE;
            }
            () = sleep_until(tick.unwrap_or(started)), if tick.is_some() => book.tick(started.elapsed()),
            () = sleep_until(write.unwrap_or(started)), if write.is_some() => {
                if let Some(memory) = book.written() {
                    writing.on_disk = true;
                    writing.begin(memory);
                }
            }
            outcome = done(&mut writing.task) => book.changed |= !writing.ended(outcome),
        }
    }
    // A goodbye ends the id for good, so the file must say so before the registry hears of it. One that is lost hears nothing, and the id stays.
    let goodbye = book.leave();
    let safe = writing.finish(&mut book).await;
    if let Some(inner) = inner.filter(|_| goodbye && safe) {
        inner.leave().await;
    }
}

enum Told {
    News(News),
    /// How it stands with a host has changed.
    Hosts,
    Ended,
}

/// Cancel-safe.
async fn told(inner: &mut Option<Inner>) -> Told {
    let Some(Inner { news, hosts, .. }) = inner else { return std::future::pending().await };
    let hosts_changed = async {
        if let Some(hosts) = hosts
            && hosts.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    };
    tokio::select! {
        news = news.recv() => news.map_or(Told::Ended, Told::News),
        () = hosts_changed => Told::Hosts,
    }
}

/// Why writing failed, if it did; for ever nothing while nothing is written. Cancel-safe.
async fn done(task: &mut Option<JoinHandle<Result<(), String>>>) -> Result<(), String> {
    match task {
        Some(task) => task.await.unwrap_or_else(|_| Err("it was given up".into())),
        None => std::future::pending().await,
    }
}
