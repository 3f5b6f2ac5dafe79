//! What a peer program is told: `name=value` arguments, the same for the programs in C (`peers/common.h`) and for ours.

use std::collections::BTreeMap;

#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) variant: String,
    pub(crate) role: String,
    pub(crate) test: String,
    pub(crate) size: usize,
    pub(crate) seconds: f64,
    pub(crate) warmup: f64,
    /// The application thread polls without sleeping.
    pub(crate) spin: bool,
    pub(crate) port: u16,
    /// Unreliable messages under way at once.
    pub(crate) window: u64,
    /// PEM files of a self-signed certificate for `localhost`, which is its own authority.
    pub(crate) cert: String,
    pub(crate) key: String,
    /// The port of the broker, where there is one.
    pub(crate) broker: u16,
    /// For the scale test: how many servers there are, and which this one is.
    pub(crate) servers: usize,
    pub(crate) index: usize,
    /// Requests under way at once; 0: the test has none.
    pub(crate) flight: usize,
    /// How many in all; 0: for `seconds`.
    pub(crate) requests: u64,
}

impl Settings {
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        vec![
            format!("variant={}", self.variant),
            format!("role={}", self.role),
            format!("test={}", self.test),
            format!("size={}", self.size),
            format!("seconds={}", self.seconds),
            format!("warmup={}", self.warmup),
            format!("spin={}", u8::from(self.spin)),
            format!("port={}", self.port),
            format!("window={}", self.window),
            format!("cert={}", self.cert),
            format!("key={}", self.key),
            format!("broker={}", self.broker),
            format!("servers={}", self.servers),
            format!("index={}", self.index),
            format!("flight={}", self.flight),
            format!("requests={}", self.requests),
        ]
    }

    pub(crate) fn from_arguments(arguments: &[String]) -> Result<Self, String> {
        let named: BTreeMap<&str, &str> = arguments.iter().filter_map(|argument| argument.split_once('=')).collect();
        let text = |name: &str| named.get(name).map(|value| (*value).to_owned()).unwrap_or_default();
        fn number<T: std::str::FromStr + Default>(named: &BTreeMap<&str, &str>, name: &str) -> Result<T, String> {
            named.get(name).map_or(Ok(T::default()), |value| value.parse().map_err(|_| format!("`{name}={value}` is no number")))
        }
        Ok(Settings {
            variant: text("variant"),
            role: text("role"),
            test: text("test"),
            size: number(&named, "size")?,
            seconds: number(&named, "seconds")?,
            warmup: number(&named, "warmup")?,
            spin: text("spin") == "1",
            port: number(&named, "port")?,
            window: number(&named, "window")?,
            cert: text("cert"),
            key: text("key"),
            broker: number(&named, "broker")?,
            servers: number(&named, "servers")?,
            index: number(&named, "index")?,
            flight: number(&named, "flight")?,
            requests: number(&named, "requests")?,
        })
    }

    pub(crate) fn is_server(&self) -> bool {
        self.role == "server"
    }

    pub(crate) fn is_round_trip(&self) -> bool {
        matches!(self.test.as_str(), "rtt" | "unreliable-rtt" | "lanes")
    }

    pub(crate) fn is_unreliable(&self) -> bool {
        matches!(self.test.as_str(), "unreliable" | "unreliable-rtt")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_say_everything() {
        let settings = Settings { role: "client".to_owned(), size: 64, seconds: 1.5, spin: true, port: 4000, ..Settings::default() };
        let read = Settings::from_arguments(&settings.to_arguments()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{settings:?}"));
        assert!(Settings::from_arguments(&["size=many".to_owned()]).is_err());
    }
}
