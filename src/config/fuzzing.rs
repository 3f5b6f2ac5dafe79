//! Fuzz target: the text of a configuration, and variables on top.

use super::ServerConfig;

/// The text ends at the first byte 0; behind it come variables (`SINEW_A_B=value`), each ended by a byte 0, too. What is loaded is valid and loads
/// again from its own print; what is not names a line that is there.
pub(crate) fn config(bytes: &[u8]) {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    let mut parts = input.split('\0');
    let text = parts.next().unwrap_or_default();
    let variables = parts.filter_map(|part| part.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
    match ServerConfig::load(text, "text", variables) {
        Ok(config) => {
            assert_eq!(config.validate(), Ok(()));
            let printed = config.to_toml();
            assert_eq!(ServerConfig::load(&printed, "printed", std::iter::empty()), Ok(config), "{printed}");
        }
        Err(error) => {
            assert!(!error.mistakes().is_empty());
            let lines = text.split('\n').count();
            for mistake in error.mistakes() {
                assert!(mistake.line.is_none_or(|line| (1..=lines).contains(&line)), "{mistake}: the text has {lines} lines");
                assert!(!mistake.to_string().is_empty());
            }
        }
    }
}
