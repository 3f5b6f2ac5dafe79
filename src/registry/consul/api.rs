//! Requests to a Consul agent, and what its answers mean when they are refusals.

use crate::registry::http::Http;
use crate::registry::store::{Failure, patience};
use reqwest::header::{HeaderValue, InvalidHeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;

/// How Consul's own words in a refusal are to be understood: what they contain, and the cure.
const CURES: &[(&str, &str)] = &[
    ("No cluster leader", "most of Consul's servers must run and reach each other before they elect one"),
    ("No known Consul servers", "the agent reaches none of Consul's servers; look at its log"),
    ("No path to datacenter", "correct registry.datacenter"),
    ("Missing node registration", "the agent has not yet joined, or registry.datacenter is not its own"),
    ("Permission denied", "give the token in registry.secret_file the policy that docs/registries.md shows"),
    ("ACL not found", "Consul does not know the token in registry.secret_file; put the right one there"),
];

/// The agents, one of which is in use: what is registered at one agent is unknown to the next.
pub(super) struct Api {
    http: Http,
    token: Option<String>,
    datacenter: String,
    /// For one answer; shorter than the driver's patience, so that a silent agent is left for the next one.
    patience: Duration,
    agent: watch::Sender<usize>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    /// `X-Consul-Index`; 0 where there is none.
    pub(super) index: u64,
    pub(super) body: Vec<u8>,
    /// Who answered.
    pub(super) agent: usize,
}

impl Answer {
    pub(super) fn says(&self, words: &str) -> bool {
        self.body.windows(words.len()).any(|window| window == words.as_bytes())
    }
}

impl Api {
    pub(super) fn new(http: Http, token: Option<String>, datacenter: String, lease: Duration) -> Self {
        Self { http, token, datacenter, patience: patience(lease) * 3 / 4, agent: watch::Sender::new(0) }
    }

    pub(super) fn label(&self) -> &str {
        self.http.label()
    }

    pub(super) fn addresses(&self) -> &[String] {
        self.http.addresses()
    }

    /// The agent in use.
    pub(super) fn agent(&self) -> usize {
        *self.agent.borrow()
    }

    /// Tells when another agent is used.
    pub(super) fn moves(&self) -> watch::Receiver<usize> {
        self.agent.subscribe()
    }

    /// One request to the agent in use. `path` is below `/v1/`.
    pub(super) async fn ask(&self, method: Method, path: &str, query: &[(&str, String)], body: Option<Value>) -> Result<Answer, Failure> {
        self.ask_within(self.patience, method, path, query, body).await
    }

    /// A blocking query: it is answered when the index is passed, or after `wait` and Consul's jitter.
    pub(super) async fn follow(&self, path: &str, index: u64, wait: Duration) -> Result<Answer, Failure> {
        let query = [("index", index.to_string()), ("wait", format!("{}ms", wait.as_millis()))];
        // Consul adds a sixteenth of the wait at most, so that not everybody asks again at once.
        let within = wait + wait / 16 + self.patience;
        self.ask_within(within, Method::GET, path, &query[usize::from(index == 0) * 2..], None).await
    }

    async fn ask_within(
        &self,
        within: Duration,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Value>,
    ) -> Result<Answer, Failure> {
        let agent = self.agent();
        let token = self.token.as_deref().map(secret_header).transpose().map_err(|_| {
            Failure(format!("{}: the token in registry.secret_file has characters that no token has; correct it", self.label()))
        })?;
        let build = |client: &Client, base: &str| -> RequestBuilder {
            let mut request = client.request(method.clone(), format!("{base}/v1/{path}")).query(query).timeout(within);
            // The agent's own endpoints know no datacenter but its own.
            if !self.datacenter.is_empty() && !path.starts_with("agent/") {
                request = request.query(&[("dc", &self.datacenter)]);
            }
            if let Some(token) = &token {
                request = request.header("X-Consul-Token", token.clone());
            }
            match &body {
                Some(body) => request.json(body),
                None => request,
            }
        };
        let answered = async {
            let response = self.http.send_to(agent, build).await?;
            let status = response.status().as_u16();
            let index = response.headers().get("X-Consul-Index").and_then(|index| index.to_str().ok()?.parse().ok()).unwrap_or(0);
            Ok(Answer { status, index, body: self.http.body(response).await?, agent })
        };
        let answered: Result<Answer, Failure> = answered.await;
        let useless =
            answered.as_ref().map_or(true, |answer| answer.status >= 500 && (answer.says("leader") || answer.says("Consul servers")));
        if useless {
            self.leave(agent);
        }
        answered
    }

    /// The next request goes to the next agent, unless that has been decided already.
    fn leave(&self, agent: usize) {
        let count = self.addresses().len();
        self.agent.send_if_modified(|current| {
            let leaves = count > 1 && *current == agent;
            if leaves {
                *current = (agent + 1) % count;
            }
            leaves
        });
    }

    /// A good answer as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        if answer.status == 200 { self.http.json(&answer.body) } else { Err(self.refusal(answer)) }
    }

    pub(super) fn refusal(&self, answer: &Answer) -> Failure {
        let cure = CURES.iter().find(|(words, _)| answer.says(words)).map(|(_, cure)| *cure);
        let cure = cure.unwrap_or(if answer.status == 403 { CURES[4].1 } else { "is it really a Consul agent?" });
        Failure(format!("{}; {cure}", self.http.refused(answer.status, &answer.body)))
    }
}

fn secret_header(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(token)?;
    value.set_sensitive(true);
    Ok(value)
}
