//! Two processes of one peer: started, listened to, and ended.

use crate::settings::Settings;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The numbers of a `result` line.
pub(crate) type Values = BTreeMap<String, f64>;

/// A child process whose output is read line by line. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
}

/// How a peer's program is started: the program and the arguments before the settings.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) program: PathBuf,
    pub(crate) first_arguments: Vec<String>,
}

impl Program {
    pub(crate) fn start(start: &Start, settings: &Settings) -> Result<Self, String> {
        let mut command = Command::new(&start.program);
        command.args(&start.first_arguments).args(settings.to_arguments());
        Self::spawn(&mut command)
    }

    pub(crate) fn spawn(command: &mut Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{:?} cannot be started: {error}", command.get_program()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.into_iter().flat_map(|pipe| BufReader::new(pipe).lines()).map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let errors = thread::spawn(move || {
            let mut text = String::new();
            if let Some(mut pipe) = stderr {
                _ = pipe.read_to_string(&mut text);
            }
            text
        });
        Ok(Program { child, lines, errors: Some(errors) })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What follows `word` on the first line that begins with it.
    pub(crate) fn wait_for(&mut self, word: &str, until: Instant) -> Result<String, String> {
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')) {
                        return Ok(rest.to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(format!("no `{word}` in time")),
                Err(RecvTimeoutError::Disconnected) => return Err(self.last_words()),
            }
        }
    }

    /// The `name=value` words on the first line that begins with `word`.
    pub(crate) fn values(&mut self, word: &str, until: Instant) -> Result<Values, String> {
        let line = self.wait_for(word, until)?;
        let value = |word: &str| word.split_once('=').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
        Ok(line.split_whitespace().filter_map(value).collect())
    }

    fn last_words(&mut self) -> String {
        _ = self.child.kill();
        _ = self.child.wait();
        let text = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        text.lines().last().unwrap_or("the program ended without a word").to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Time for starting, connecting and printing, beside the time that is measured.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who answers less than this is not waited for.
const FEW_REQUESTS_A_SECOND: f64 = 10_000.0;

/// Runs a server and a client. What each of the two says at its end: the one that is told more first.
pub(crate) fn run(start: &Start, settings: &Settings) -> Result<(Values, Values), String> {
    let measured = settings.warmup + settings.seconds + settings.requests as f64 / FEW_REQUESTS_A_SECOND;
    let until = Instant::now() + PATIENCE + Duration::from_secs_f64(measured);
    let mut settings = Settings { role: "server".to_owned(), ..settings.clone() };
    let mut server = Program::start(start, &settings)?;
    let port = server.wait_for("ready", until).map_err(|sentence| format!("server: {sentence}"))?;
    settings.role = "client".to_owned();
    settings.port = port.parse().map_err(|_| format!("`ready {port}` is no port"))?;
    let mut client = Program::start(start, &settings)?;
    if settings.is_round_trip() {
        let values = client.values("result", until).map_err(|sentence| format!("client: {sentence}"))?;
        return Ok((Values::new(), values));
    }
    let sent = client.values("result", until).map_err(|sentence| format!("client: {sentence}"));
    if sent.as_ref().is_ok_and(|sent| sent.contains_key("grows")) {
        return Ok((Values::new(), sent?));
    }
    let received = server.values("result", until).map_err(|sentence| format!("server: {sentence}"))?;
    Ok((received, sent?))
}
