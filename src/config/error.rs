//! What is wrong with a configuration, as sentences that name the key, the place, the finding and the cure.

use super::suggest::nearest;
use super::tree::Place;
use std::fmt;

/// Mistakes beyond this many are counted, not told: nobody reads them all.
const MOST_MISTAKES: usize = 20;

/// Why a configuration was refused. `Display` prints one sentence per [`Mistake`], each on its own line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    mistakes: Vec<Mistake>,
    untold: usize,
}

impl ConfigError {
    /// What is wrong, in the order of the text; never empty, at most 20.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        match self.untold {
            0 => Ok(()),
            untold => write!(f, "\n… and {untold} more"),
        }
    }
}

impl ConfigError {
    /// One mistake in a configuration as a whole, which stands in no line of it.
    pub(crate) fn whole(key: &str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        let (key, origin) = (key.into(), "configuration".into());
        Mistake { key, origin, line: None, column: None, found: found.into(), expected: expected.into(), nearest: None }.into()
    }
}

impl From<Mistake> for ConfigError {
    fn from(mistake: Mistake) -> Self {
        Self { mistakes: vec![mistake], untold: 0 }
    }
}

/// One mistake. `Display` makes one sentence of it, such as
/// `server.toml line 7: limits.outbox_byte is not a known key; did you mean limits.outbox_bytes?`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// Dotted path of the key, e.g. `limits.outbox_bytes`; the variable's name if a variable names no key; empty if no key is to blame.
    pub key: String,
    /// Where the value came from: a file's path, `text`, or the name of an environment variable.
    pub origin: String,
    /// Line in the file or text, from 1. `None` for variables and for what is not written anywhere.
    pub line: Option<usize>,
    /// Column in characters, from 1; only where the text is not TOML.
    pub column: Option<usize>,
    /// What is there. Reads after "is". Long values are cut, and keys in PEM form are not repeated.
    pub found: String,
    /// What should be there, with the cure.
    pub expected: String,
    /// The nearest thing that would have been right.
    pub nearest: Option<String>,
}

pub(super) const UNKNOWN_KEY: &str = "not a known key";
pub(super) const UNKNOWN_VARIABLE: &str = "not a known variable";

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != self.key {
            write!(f, "{}", self.origin)?;
            if let Some(line) = self.line {
                write!(f, " line {line}")?;
            }
            if let Some(column) = self.column {
                write!(f, ", column {column}")?;
            }
            f.write_str(": ")?;
        }
        match self.key.as_str() {
            "" => f.write_str(&self.found)?,
            key => write!(f, "{key} is {}", self.found)?,
        }
        let Some(nearest) = &self.nearest else { return write!(f, ", expected {}", self.expected) };
        // The list of every key says less than the one that was meant.
        if self.found != UNKNOWN_KEY && self.found != UNKNOWN_VARIABLE {
            write!(f, ", expected {}", self.expected)?;
        }
        write!(f, "; did you mean {nearest}?")
    }
}

/// Collects mistakes while a configuration is read.
pub(super) struct Report {
    origin: String,
    mistakes: Vec<Mistake>,
}

impl Report {
    pub(super) fn new(origin: &str) -> Self {
        Self { origin: origin.to_owned(), mistakes: Vec::new() }
    }

    /// Adds a mistake about `key`, found at `place`.
    pub(super) fn add(&mut self, place: &Place, key: &str, found: impl Into<String>, expected: impl Into<String>) -> &mut Mistake {
        let (origin, line) = match place {
            Place::Line(line) => (self.origin.clone(), Some(*line)),
            Place::Variable(name) => (name.clone(), None),
            Place::Nowhere => (self.origin.clone(), None),
        };
        let mistake =
            Mistake { key: key.to_owned(), origin, line, column: None, found: found.into(), expected: expected.into(), nearest: None };
        self.mistakes.push(mistake);
        let last = self.mistakes.len() - 1;
        &mut self.mistakes[last]
    }

    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        // Variables come after the text, as they do when they are applied.
        self.mistakes.sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
        let untold = self.mistakes.len().saturating_sub(MOST_MISTAKES);
        self.mistakes.truncate(MOST_MISTAKES);
        Err(ConfigError { mistakes: self.mistakes, untold })
    }
}

impl Mistake {
    /// Suggests the one of `known` that `given` was most likely meant to be, if any is near.
    pub(super) fn suggest<'k>(&mut self, given: &str, known: impl IntoIterator<Item = &'k str>) {
        self.nearest = nearest(given, known).map(str::to_owned);
    }
}
