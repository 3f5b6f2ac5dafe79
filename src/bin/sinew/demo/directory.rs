//! The demo's directory: a cluster key and one configuration for each server, gone at the end.

use super::engine::Engine;
use rand::Rng;
use sinew::transport::keys::ClusterKey;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Removed when dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Made in the system's place for temporary files, readable by this user alone, with a new cluster key in it.
    pub(super) fn make() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("sinew-demo-{:08x}", rand::rng().random::<u32>()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| format!("cannot make the directory {}: {error}", path.display()))?;
        let directory = Self { path };
        let key = ClusterKey::generate().map_err(|error| error.to_string())?;
        key.write(&directory.key_file(), false).map_err(|error| error.to_string())?;
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.path.join("cluster.key")
    }

    /// Where the configuration of server `name` is.
    pub(super) fn configuration_file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.toml"))
    }

    /// Writes the configuration of one server; `port` 0 takes any free one.
    pub(super) fn write_configuration(
        &self,
        group: &str,
        name: &str,
        port: u16,
        engine: Engine,
        registry: SocketAddr,
    ) -> Result<(), String> {
        let file = self.configuration_file(name);
        let text = self.configuration(group, name, port, engine, registry);
        std::fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
    }

    /// The whole configuration of one server of the demo.
    pub(super) fn configuration(&self, group: &str, name: &str, port: u16, engine: Engine, registry: SocketAddr) -> String {
        let key_file = toml::Value::String(self.key_file().display().to_string());
        let (kind, lease) = (engine.word(), engine.lease().as_millis());
        format!(
            "[server]\n\
             group = \"{group}\"\n\
             name = \"{name}\"\n\
             listen = \"127.0.0.1:{port}\"\n\
             \n\
             [groups.lobby]\n\
             visibility = \"external\"\n\
             connects_to = [\"world\"]\n\
             \n\
             [groups.world]\n\
             \n\
             # Shorter than the registry's lease, so that both ends of a killed server can be seen.\n\
             [limits]\n\
             resume_window_ms = 500\n\
             \n\
             [registry]\n\
             kind = \"{kind}\"\n\
             addresses = [\"{registry}\"]\n\
             lease_ms = {lease}\n\
             \n\
             [cluster]\n\
             name = \"demo\"\n\
             key_file = {key_file}\n"
        )
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Another cause than "somebody has removed it already" leaves a directory with a key that is worth nothing any more.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sinew::ServerConfig;

    #[test]
    fn the_configuration_is_a_good_one_and_the_directory_goes() {
        let directory = Directory::make().expect("a directory");
        let registry = SocketAddr::from(([127, 0, 0, 1], 4100));
        directory.write_configuration("lobby", "lobby-1", 4201, Engine::Embedded, registry).expect("written");
        let file = directory.configuration_file("lobby-1");
        let config = ServerConfig::load(&std::fs::read_to_string(&file).expect("the file"), "text", std::iter::empty()).expect("good");
        assert_eq!((config.server.name.as_str(), config.server.listen.port()), ("lobby-1", 4201));
        assert_eq!(config.cluster.key_file, Some(directory.key_file()));
        let path = directory.path().to_path_buf();
        drop(directory);
        assert!(!path.exists());
    }
}
