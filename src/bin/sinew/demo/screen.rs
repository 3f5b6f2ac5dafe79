//! What people see: aligned columns, under 100 characters, coloured on a terminal only.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How a line is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Plain,
    Quiet,
    Good,
    Warning,
    Bad,
    Heading,
}

impl Mood {
    fn code(self) -> &'static str {
        match self {
            Mood::Plain => "0",
            Mood::Quiet => "2",
            Mood::Good => "32",
            Mood::Warning => "33",
            Mood::Bad => "31",
            Mood::Heading => "1",
        }
    }
}

/// Standard output.
#[derive(Debug)]
pub(super) struct Screen {
    epoch: Instant,
    colour: bool,
    gone: Cell<bool>,
}

impl Screen {
    /// Times are shown relative to now. `NO_COLOR` (no-color.org) and `TERM=dumb` are heeded.
    pub(super) fn new() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        // The old console of Windows prints escape sequences as they are.
        let able = if cfg!(windows) { set("WT_SESSION") } else { std::env::var_os("TERM").is_none_or(|term| term != "dumb") };
        Self { epoch: Instant::now(), colour: able && !set("NO_COLOR") && std::io::stdout().is_terminal(), gone: Cell::new(false) }
    }

    pub(super) fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Nobody reads any more (`sinew demo | head`).
    pub(super) fn is_gone(&self) -> bool {
        self.gone.get()
    }

    pub(super) fn text(&self, mood: Mood, text: &str) {
        let text = self.painted(mood, text);
        if writeln!(std::io::stdout().lock(), "{text}").is_err() {
            self.gone.set(true);
        }
    }

    /// One thing that happened: when, to whom, what, about whom, and more about it.
    pub(super) fn happened(&self, at: Instant, mood: Mood, who: &str, what: &str, whom: &str, detail: &str) {
        let time = format!("{:>8.3}", at.saturating_duration_since(self.epoch).as_secs_f64());
        let line =
            format!("{}  {who:<10}{} {whom:<10}{detail}", self.painted(Mood::Quiet, &time), self.painted(mood, &format!("{what:<13}")));
        self.text(Mood::Plain, line.trim_end());
    }

    /// One of the things that must have happened.
    pub(super) fn check(&self, passed: bool, what: &str, detail: &str) {
        let (mood, mark) = if passed { (Mood::Good, "✓") } else { (Mood::Bad, "✗") };
        self.text(Mood::Plain, format!("  {} {what:<63}{detail}", self.painted(mood, mark)).trim_end());
    }

    fn painted(&self, mood: Mood, text: &str) -> String {
        match mood {
            Mood::Plain => text.to_string(),
            _ if !self.colour => text.to_string(),
            mood => format!("\u{1b}[{}m{text}\u{1b}[0m", mood.code()),
        }
    }
}

/// Milliseconds, with as many digits as say something.
pub(super) fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    match ms {
        ..1.0 => format!("{ms:.2} ms"),
        ..10.0 => format!("{ms:.1} ms"),
        _ => format!("{} ms", thousands(ms.round() as u64)),
    }
}

/// 12,345
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(thousands), ["0", "12", "999", "1,000", "1,234,567"]);
        let times = [90, 1234, 12_345, 1_061_500].map(|micros| ms(Duration::from_micros(micros)));
        assert_eq!(times, ["0.09 ms", "1.2 ms", "12 ms", "1,062 ms"]);
    }
}
