//! The three ways to say what a server is to be: a file, a text, or the properties of the node.

use godot::classes::FileAccess;
use godot::classes::file_access::ModeFlags;
use sinew::config::{ConfigError, LogTarget, ServerConfig};
use std::path::{Path, PathBuf};

/// What the node says, by any of the three ways.
#[derive(Debug, Default, Clone)]
pub(crate) struct Said {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) properties: Properties,
}

/// The exported properties. Empty ones are not said at all, so that the core's defaults and words hold.
#[derive(Debug, Default, Clone)]
pub(crate) struct Properties {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) listen: String,
    pub(crate) registry: Vec<String>,
    pub(crate) key_file: String,
    /// Group → the groups it connects to.
    pub(crate) groups: Vec<(String, Vec<String>)>,
}

impl Said {
    /// What is wrong with it, for the warnings of the editor; nothing for a node of which nothing is said yet in a scene that a script fills in.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.load().err().map(|error| error.to_string()).into_iter().collect();
        let passed_over = match (self.file.is_empty(), self.text.is_empty()) {
            (false, false) => Some(("config_text", "config_file")),
            (false, true) if self.properties.are_said() => Some(("group and the properties below it", "config_file")),
            (true, false) if self.properties.are_said() => Some(("group and the properties below it", "config_text")),
            _ => None,
        };
        warnings.extend(passed_over.map(|(unused, used)| format!("{unused} are not used, because {used} is set; clear one of the two")));
        warnings
    }

    /// The configuration, with the process's `SINEW_*` variables on top.
    pub(crate) fn load(&self) -> Result<ServerConfig, ConfigError> {
        let mut config = if !self.file.is_empty() {
            match in_godot(&self.file) {
                Some(text) => ServerConfig::load(&text, &self.file, variables())?,
                None => ServerConfig::from_file(&self.file)?,
            }
        } else if !self.text.is_empty() {
            ServerConfig::load(&self.text, "config_text", variables())?
        } else {
            ServerConfig::load(&self.properties.to_toml(), "Inspector", variables())?
        };
        // The place of the log is Godot's console, unless somebody wants none.
        if config.log.to == LogTarget::Stderr {
            config.log.to = LogTarget::Events;
        }
        let cluster = &mut config.cluster;
        let paths = [&mut cluster.key_file, &mut cluster.ca, &mut cluster.cert, &mut cluster.key];
        paths.into_iter().flatten().chain(&mut cluster.trust).for_each(globalize);
        Ok(config)
    }
}

impl Properties {
    fn are_said(&self) -> bool {
        let texts = [&self.group, &self.name, &self.listen, &self.key_file];
        texts.into_iter().any(|text| !text.is_empty()) || !self.registry.is_empty() || !self.groups.is_empty()
    }

    /// One key a line, so that an error's line number leads to the property.
    fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: String| text.push_str(&format!("{key} = {value}\n"));
        let single = [
            ("server.group", &self.group),
            ("server.name", &self.name),
            ("server.listen", &self.listen),
            ("cluster.key_file", &self.key_file),
        ];
        for (key, value) in single {
            if !value.is_empty() {
                line(key, quoted(value));
            }
        }
        if !self.registry.is_empty() {
            line("registry.addresses", list(&self.registry));
        }
        for (group, connects_to) in &self.groups {
            line(&format!("groups.{}.connects_to", quoted(group)), list(connects_to));
        }
        text
    }
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
}

/// A basic string of TOML. What a quote or a line break in a name or an address would mean is for the core to say.
fn quoted(value: &str) -> String {
    let mut text = String::from('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if control.is_control() => text.push_str(&format!("\\u{:04X}", control as u32)),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

/// The process's `SINEW_*` variables. One that is not UTF-8 is the core's to complain about, where it reads them itself.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The text of a file that only Godot can find: `res://` may lie in a package, `user://` in a folder of the engine's choice.
fn in_godot(path: &str) -> Option<String> {
    if !is_godots(Path::new(path)) {
        return None;
    }
    FileAccess::open(path, ModeFlags::READ).map(|file| file.get_as_text().to_string())
}

fn is_godots(path: &Path) -> bool {
    path.starts_with("res:") || path.starts_with("user:")
}

/// The core opens key files itself: it gets the path that Godot's path stands for. One that is not there keeps its name, for the core's error.
fn globalize(path: &mut PathBuf) {
    if is_godots(path)
        && let Some(file) = FileAccess::open(&*path.to_string_lossy(), ModeFlags::READ)
    {
        *path = PathBuf::from(file.get_path_absolute().to_string());
    }
}
