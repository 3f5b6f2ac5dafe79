//! What came out of a part, and how `cargo test` says it.

/// The checks of one part. A check that was skipped counts as failed: nobody looked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    /// One sentence for each check that failed.
    pub(crate) failures: Vec<String>,
    /// How many of the failures stood there when `cargo test` last summed up.
    summed_up: usize,
    /// Whether a test program has said how many tests it will run, and not yet how they went.
    running: bool,
}

impl Outcome {
    /// Counts one more check.
    pub(crate) fn add(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(sentence) => self.failures.push(sentence),
        }
    }

    /// Counts what another run has found.
    pub(crate) fn join(&mut self, other: Outcome) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
        self.summed_up = self.failures.len();
    }

    /// A test program that crashed or was killed has not summed up: one more failure.
    pub(crate) fn end_of_program(&mut self) {
        if std::mem::take(&mut self.running) {
            self.failures.push("a test program ended before its tests did, see above".to_owned());
            self.summed_up = self.failures.len();
        }
    }

    /// Reads one line of what `cargo test` prints.
    pub(crate) fn read_line(&mut self, line: &str) {
        if line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test")) {
            self.end_of_program();
            self.running = true;
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            let count = |what: &str| {
                let number = counts.split([';', '.']).find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<usize>().ok());
                number.unwrap_or(0)
            };
            self.passed += count("passed");
            // A name is lost when the test printed into the middle of its line; the sum is not.
            let named = self.failures.len() - self.summed_up;
            for _ in named..count("failed") + count("ignored") {
                self.failures.push("a test failed or was skipped, see above".to_owned());
            }
            self.summed_up = self.failures.len();
            self.running = false;
        } else if let Some(name) = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED")) {
            self.failures.push(format!("{name} failed"));
        } else if let Some((name, _)) = line.strip_prefix("test ").and_then(|line| line.split_once(" ... ignored")) {
            self.failures.push(format!("{name} was skipped"));
        }
    }
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        let mut outcome = Outcome::default();
        outcome.add(result);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_crashes_is_counted() {
        let mut outcome = Outcome::default();
        for line in
            ["running 2 tests", "test a ... ok", "running 1 test", "test b ... ok", "test result: ok. 1 passed; 0 failed; 0 ignored"]
        {
            outcome.read_line(line);
        }
        outcome.end_of_program();
        assert_eq!((outcome.passed, outcome.failures.len()), (1, 1));
    }

    #[test]
    fn the_lines_of_cargo_test_are_counted() {
        let mut outcome = Outcome::default();
        for line in [
            "running 4 tests",
            "test a::passes ... ok",
            "test a::fails ... FAILED",
            "test a::later ... ignored, needs a network",
            "test src/lib.rs - example (line 3) ... ignored",
            "test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.12s",
            "test b::prints ... noise",
            "FAILED",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            outcome.read_line(line);
        }
        assert_eq!(outcome.passed, 15);
        let expected = [
            "a::fails failed",
            "a::later was skipped",
            "src/lib.rs - example (line 3) was skipped",
            "a test failed or was skipped, see above",
        ];
        assert_eq!(outcome.failures, expected);
    }
}
