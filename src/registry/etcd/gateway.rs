//! Calls of etcd's JSON gateway: who we are to it, which of its servers is of use, and what its refusals mean.

use super::places::Places;
use super::wire::{Authenticated, Streamed, problem};
use crate::config::RegistrySection;
use crate::registry::http::Http;
use crate::registry::store::{Failure, files};
use parking_lot::Mutex;
use reqwest::header::AUTHORIZATION;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// With it, etcd ends a watch or a renewal at a server that has lost the others, where it would be silent for ever.
const WITH_LEADER: (&str, &str) = ("Grpc-Metadata-hasleader", "true");

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Refused {
    /// There is no such lease any more.
    LeaseGone,
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::LeaseGone => Failure("the lease has ended".into()),
            Refused::Failed(failure) => failure,
        }
    }
}

/// What we show to prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// To be asked for.
    Unknown,
    /// This etcd asks nobody.
    Needless,
    Is(String),
}

pub(super) struct Gateway {
    pub(super) places: Places,
    /// Name and password.
    user: Option<(String, String)>,
    token: Mutex<Token>,
    /// What the keys of this cluster begin with, for the advice about permissions.
    base: String,
}

impl Gateway {
    pub(super) fn new(registry: &RegistrySection, base: String) -> Result<Self, Failure> {
        let secret = files::secret(registry)?.unwrap_or_default();
        let user = (!registry.user.is_empty()).then(|| (registry.user.clone(), secret));
        let token = Mutex::new(if user.is_some() { Token::Unknown } else { Token::Needless });
        Ok(Self { places: Places::new(Http::new("etcd", registry)?), user, token, base })
    }

    pub(super) fn http(&self) -> &Http {
        &self.places.http
    }

    /// One question, one answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Refused> {
        let (response, _) = self.open(path, body).await?;
        Ok(self.http().json(&self.http().body(response).await?)?)
    }

    /// The same for a call that could answer more than once.
    pub(super) async fn call_streamed<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Refused> {
        let (response, place) = self.open(path, body).await?;
        let answer = self.http().body(response).await?;
        match self.http().json(&answer)? {
            Streamed { result: Some(result), error: None } => Ok(result),
            _ => Err(self.refusal(StatusCode::OK, place, &answer)),
        }
    }

    /// The answer while it arrives, and the place that gives it. Every other server is tried when one is of no use, and the token is renewed once.
    pub(super) async fn open(&self, path: &str, body: &Value) -> Result<(Response, usize), Refused> {
        let mut servers = self.http().addresses().len();
        let mut tokens = 2;
        loop {
            let token = self.token().await?;
            let build = |client: &reqwest::Client, base: &str| {
                let request = client.post(format!("{base}/v3/{path}")).header(WITH_LEADER.0, WITH_LEADER.1).json(body);
                if let Token::Is(token) = &token { request.header(AUTHORIZATION, token) } else { request }
            };
            let (response, place) = self.places.send(build).await?;
            let status = response.status();
            if status == StatusCode::OK {
                return Ok((response, place));
            }
            let answer = self.http().body(response).await?;
            let refusal = self.refusal(status, place, &answer);
            if *self.token.lock() == Token::Unknown {
                tokens -= 1;
            } else if status.is_server_error() {
                servers -= 1;
            } else {
                return Err(refusal);
            }
            if tokens == 0 || servers == 0 {
                return Err(refusal);
            }
        }
    }

    /// What an answer means that is not what was asked for; forgets a token that was refused, and leaves a server that is of no use.
    pub(super) fn refusal(&self, status: StatusCode, place: usize, answer: &[u8]) -> Refused {
        let Some(said) = problem(answer) else {
            if status.is_server_error() {
                self.places.skip(place);
            }
            let Failure(refused) = self.http().refused(status.as_u16(), answer);
            return Failure(format!("{refused}; is it etcd 3.4 or newer, and does it speak TLS or not as registry.tls says?")).into();
        };
        self.meaning(&said, place)
    }

    /// The same for etcd's own words.
    pub(super) fn meaning(&self, said: &str, place: usize) -> Refused {
        let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
        if says(&["requested lease not found"]) {
            return Refused::LeaseGone;
        }
        let base = &self.base;
        let cure = if says(&["invalid auth token", "auth store is old", "revision in header is old"]) {
            self.forget_token();
            "its clock or its users have changed".into()
        } else if says(&["user name is empty"]) {
            self.forget_token();
            "it wants to know who asks: set registry.user and registry.secret_file".into()
        } else if says(&["authentication failed"]) {
            "correct registry.user and the password in registry.secret_file".into()
        } else if says(&["permission denied"]) {
            format!("a role of the user needs `etcdctl role grant-permission ROLE readwrite --prefix=true {base}`")
        } else if says(&["no leader", "leader changed", "timed out", "unhealthy", "stopped"]) {
            self.places.skip(place);
            "do most of its servers run and reach each other?".into()
        } else {
            "see the log of etcd".into()
        };
        Failure(format!("{} answers \"{said}\"; {cure}", self.http().label())).into()
    }

    fn forget_token(&self) {
        if self.user.is_some() {
            *self.token.lock() = Token::Unknown;
        }
    }

    async fn token(&self) -> Result<Token, Refused> {
        let known = self.token.lock().clone();
        let Some((name, password)) = self.user.as_ref().filter(|_| known == Token::Unknown) else { return Ok(known) };
        let credentials = json!({ "name": name, "password": password });
        let (response, place) =
            self.places.send(|client, base| client.post(format!("{base}/v3/auth/authenticate")).json(&credentials)).await?;
        let status = response.status();
        let answer = self.http().body(response).await?;
        let token = if status == StatusCode::OK {
            Token::Is(self.http().json::<Authenticated>(&answer)?.token)
        } else if problem(&answer).is_some_and(|said| said.contains("authentication is not enabled")) {
            Token::Needless
        } else {
            return Err(self.refusal(status, place, &answer));
        };
        *self.token.lock() = token.clone();
        Ok(token)
    }
}
