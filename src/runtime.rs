//! The threads of one server, and where their words go. Nothing here is shared between servers, nothing outlives its server.

use crate::config::{LogLevel, LogTarget, RuntimeSection, ServerConfig};
use crate::event::{Event, EventQueue};
use std::cell::RefCell;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tracing::dispatcher::DefaultGuard;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{Registry, reload};

thread_local! {
    /// Makes this server's log the default of this one IO thread.
    static LOG: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// The IO threads, named `sinew-io`; every one of them logs to `log`.
pub(crate) fn build(section: &RuntimeSection, log: Option<Dispatch>) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(section.worker_threads)
        // Name resolution blocks a thread; a cluster's worth of hanging look-ups must not become a cluster's worth of threads.
        .max_blocking_threads(8)
        .thread_name("sinew-io")
        .enable_io()
        .enable_time()
        .on_thread_start(move || {
            let guard = log.as_ref().map(tracing::dispatcher::set_default);
            LOG.with(|slot| *slot.borrow_mut() = guard);
        })
        .on_thread_stop(|| LOG.with(|slot| drop(slot.take())))
        .build()
}

/// Ends the threads, waiting at most `limit`: a thread in which a look-up of a host name hangs is left behind, and ends when that does.
/// It uses nothing that is not its own. May be called from anywhere, also from inside another runtime.
pub(crate) fn shut_down(runtime: Runtime, finish: impl Future<Output = ()> + Send + 'static, grace: Duration, limit: Duration) {
    let end = move || {
        // The grace is for saying goodbye; when it is over the rest happens without.
        let _ = runtime.block_on(async { tokio::time::timeout(grace, finish).await });
        runtime.shutdown_timeout(limit.saturating_sub(grace));
    };
    if tokio::runtime::Handle::try_current().is_ok() {
        // Blocking inside a runtime panics there, so another thread does it.
        let _ = std::thread::spawn(end).join();
    } else {
        end();
    }
}

/// Where this server's log goes.
pub(crate) struct Log {
    /// `None`: to the subscriber the process has set (`log.to = "tracing"`).
    pub(crate) to: Option<Dispatch>,
    /// From which level on.
    pub(crate) level: Level,
}

/// The level of a log while it is written.
pub(crate) struct Level(reload::Handle<LevelFilter, Registry>);

impl Level {
    pub(crate) fn set(&self, level: LogLevel) {
        // Fails only once there is no log any more.
        let _ = self.0.reload(filter(level));
    }
}

pub(crate) fn log(config: &ServerConfig, queue: &Arc<EventQueue>) -> Log {
    let (layer, handle) = reload::Layer::new(filter(config.log.level));
    let registry = tracing_subscriber::registry().with(layer);
    let to = match config.log.to {
        LogTarget::Tracing => None,
        LogTarget::None => Some(Dispatch::none()),
        LogTarget::Events => Some(Dispatch::new(registry.with(ToEvents(queue.clone())))),
        LogTarget::Stderr => {
            let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).compact();
            Some(Dispatch::new(registry.with(layer)))
        }
    };
    Log { to, level: Level(handle) }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Turns log lines into `LOG` events. Lines of the libraries underneath come too, at the configured level.
struct ToEvents(Arc<EventQueue>);

impl<S: Subscriber> Layer<S> for ToEvents {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => LogLevel::Error,
            tracing::Level::WARN => LogLevel::Warn,
            tracing::Level::INFO => LogLevel::Info,
            tracing::Level::DEBUG => LogLevel::Debug,
            tracing::Level::TRACE => LogLevel::Trace,
        };
        self.0.push_log(Event::Log { level, target: event.metadata().target(), text: text.0 });
    }
}

/// The message, then the fields as `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => {
                let fields = std::mem::take(&mut self.0);
                write!(self.0, "{value:?}{fields}")
            }
            name => write!(self.0, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
