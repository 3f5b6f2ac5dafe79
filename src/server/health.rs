//! `GET /health`: what a registry, an orchestrator or a person may ask a server, over plain HTTP.
//!
//! A strange port for strangers: few connections at a time, each with one short request and little time.

use super::shared::Shared;
use crate::link::Readiness;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// More connections than these wait in the system's queue.
const MOST_CONNECTIONS: usize = 16;
/// From the connection to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The system has no descriptor left, perhaps: the next attempt waits for this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Not registered yet.
    Starting,
    Ready,
    /// `stop` was called.
    Draining,
    /// Without a registry for longer than `health.registry_lost_ms`. Its links live on.
    RegistryLost,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Health {
    state: State,
    /// For how long, in milliseconds.
    since_ms: u64,
    /// 0 until it is registered.
    id: u64,
    group: String,
    name: String,
    /// Why the registry cannot be reached; `null` while it can.
    registry_lost: Option<String>,
    connected_servers: usize,
}

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MOST_CONNECTIONS {
            connections.join_next().await;
        }
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let shared = shared.clone();
        connections.spawn(async move {
            let answer = service_fn(|request| {
                let response = respond(&request, &shared);
                async { Ok::<_, Infallible>(response) }
            });
            let mut http = http1::Builder::new();
            http.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(16 * 1024);
            // However it ends, nobody here needs to know.
            let _ = timeout(PATIENCE, http.serve_connection(TokioIo::new(stream), answer)).await;
        });
    }
}

fn respond(request: &Request<Incoming>, shared: &Shared) -> Response<String> {
    let mut response = Response::new(String::new());
    if request.uri().path() != "/health" {
        *response.status_mut() = StatusCode::NOT_FOUND;
        "there is only /health\n".clone_into(response.body_mut());
    } else if *request.method() != Method::GET && *request.method() != Method::HEAD {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    } else {
        let health = health(shared);
        if health.state != State::Ready {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
        // cannot fail: text and numbers under text keys
        *response.body_mut() = serde_json::to_string(&health).expect("JSON");
    }
    response
}

fn health(shared: &Shared) -> Health {
    let lost = shared.registry.lock().lost.clone();
    let limit = shared.live().registry_lost;
    let registered = shared.own.read().is_some();
    let (state, since) = if let Some(at) = shared.stopping_since() {
        (State::Draining, at)
    } else if !registered {
        (State::Starting, shared.epoch)
    } else if let Some((_, at)) = lost.as_ref().filter(|(_, at)| at.elapsed() > limit) {
        (State::RegistryLost, *at)
    } else {
        let state = match shared.properties.readiness() {
            Readiness::Starting => State::Starting,
            Readiness::Ready => State::Ready,
            Readiness::Draining => State::Draining,
        };
        (state, shared.ready_since().unwrap_or(shared.epoch))
    };
    let info = shared.info();
    Health {
        state,
        since_ms: u64::try_from(Instant::now().saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX),
        id: info.id.map_or(0, |id| id.get()),
        group: info.group,
        name: info.name,
        registry_lost: lost.map(|(why, _)| why),
        connected_servers: shared.connected_servers(),
    }
}
