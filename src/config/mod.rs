//! What a server is told at start: one TOML text, then `SINEW_*` environment variables on top.
//!
//! ```text
//! text ─► tree ─► environment ─► check ─► ServerConfig ─► defaults ─► cross-check
//!         (lines)  (variables)   (keys)    (sections)                 (what must fit together)
//! ```
//!
//! Pure: reads text, one file and the process's variables; opens no socket, starts nothing and reads no clock. May use address types
//! and TOML. Must never know what a key is good for: it only checks that a configuration is possible, and otherwise says, in one
//! sentence per mistake, which key on which line is wrong, what was found and what was expected.
//!
//! `keys.rs` lists every key once; the loader, the printer, the variables and `docs/configuration.md` all read that list.

mod address;
mod check;
mod environment;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod keys;
mod kind;
mod load;
mod print;
mod reference;
mod reload;
mod sections;
mod setting;
mod suggest;
mod tree;

pub use address::{AddressError, HostPort};
pub use error::{ConfigError, Mistake};
pub(crate) use kind::{check_properties, is_name};
pub use reference::reference;
pub(crate) use reload::fixed_differences;
pub use sections::{
    ClusterSection, FixedServer, GroupSection, HealthSection, LimitsSection, LogLevel, LogSection, LogTarget, RegistryKind,
    RegistrySection, RuntimeSection, ServerSection, Visibility,
};

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

/// The effective configuration of one server. `docs/configuration.md` lists every key with its unit, range and default.
///
/// `Display` prints it as TOML that loads to the same value. It holds no secrets, only the paths of key files.
///
/// ```
/// # use sinew::config::ServerConfig;
/// let config = ServerConfig::from_toml("[server]\ngroup = 'world'\n[groups.world]\nconnects_to = ['world']").unwrap();
/// assert_eq!(config.limits.outbox_bytes, 8 << 20);
///
/// let error = ServerConfig::from_toml("[server]\ngroup = 'wrold'\n[groups.world]").unwrap_err();
/// assert!(error.to_string().starts_with(r#"text line 2: server.group is "wrold""#));
/// assert_eq!(error.mistakes()[0].nearest.as_deref(), Some("world"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerConfig {
    pub server: ServerSection,
    pub groups: BTreeMap<String, GroupSection>,
    pub registry: RegistrySection,
    /// The second and later `[[registry]]` tables: this server is registered in each of them, and believes their union.
    #[serde(skip)]
    pub more_registries: Vec<RegistrySection>,
    pub cluster: ClusterSection,
    pub limits: LimitsSection,
    pub runtime: RuntimeSection,
    pub health: HealthSection,
    pub log: LogSection,
}

impl ServerConfig {
    /// This configuration with one registry alone, for each of them.
    pub(crate) fn each_registry(&self) -> impl Iterator<Item = ServerConfig> {
        let all = std::iter::once(&self.registry).chain(&self.more_registries);
        all.map(|registry| ServerConfig { registry: registry.clone(), more_registries: Vec::new(), ..self.clone() })
    }

    /// From a TOML text, then the process's `SINEW_*` environment variables on top.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::load(text, "text", environment::of_process()?.into_iter())
    }

    /// From a TOML file, then the environment. The file's path is named in every error.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Ok(Effective::from_file(path.as_ref())?.config)
    }

    /// From a TOML text and these variables. `origin` names the text in errors; variables that do not begin with `SINEW_` are ignored.
    pub fn load(text: &str, origin: &str, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        Ok(Effective::load(text, origin, env)?.config)
    }

    /// Checks again what loading has checked: for a program that has changed fields since.
    pub fn validate(&self) -> Result<(), ConfigError> {
        load::validate(self)
    }

    /// Every key and its value as TOML; loads to the same value.
    pub fn to_toml(&self) -> String {
        print::print(self, None)
    }
}

impl fmt::Display for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}

/// A configuration that still knows where each value came from. `Display` prints it as TOML with a comment after every value:
/// the line of the text, the name of the variable, or `default`.
#[derive(Debug, Clone)]
pub struct Effective {
    pub config: ServerConfig,
    written: tree::Table,
}

impl Effective {
    /// As [`ServerConfig::from_file`].
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        Self::load(&text, &path.to_string_lossy(), environment::of_process()?.into_iter())
    }

    /// As [`ServerConfig::load`].
    pub fn load(text: &str, origin: &str, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let (config, written) = load::load(text, origin, env)?;
        Ok(Self { config, written })
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::print(&self.config, Some(&self.written)))
    }
}

/// Reads a file, but no more of it than a configuration can be long: the path may name a device.
fn read(path: &Path) -> Result<String, ConfigError> {
    let origin = path.to_string_lossy();
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(tree::MOST_TEXT_BYTES as u64 + 1).read_to_end(&mut bytes)).map_err(|error| {
        tree::whole(&origin, &format!("cannot be read: {error}"), "a TOML file (the path is relative to the working directory)")
    })?;
    if bytes.len() > tree::MOST_TEXT_BYTES {
        return Err(tree::too_long(&origin));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        tree::whole(&origin, &format!("not UTF-8 text (line {line})"), "a file saved as UTF-8")
    })
}
