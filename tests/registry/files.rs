//! A connector of a program's own, as `examples/file_registry` has it, keeps the contract like ours.

use sinew::registry::Connector;
use sinew::registry::contract::{Abilities, Fixture};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

#[path = "../../examples/file_registry/files.rs"]
mod connector;

const LEASE: Duration = Duration::from_millis(600);

/// A folder, away while the registry is stopped.
pub(crate) struct Folder {
    temporary: TempDir,
    stops: usize,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self { temporary: tempfile::tempdir().expect("a temporary folder"), stops: 0 };
        fs::create_dir(folder.path()).expect("a folder of its own");
        folder
    }

    fn path(&self) -> PathBuf {
        self.temporary.path().join("servers")
    }
}

impl Fixture for Folder {
    fn abilities(&self) -> Abilities {
        Abilities { lease: Some(LEASE), restarts: true, crowd: 50, churn: crate::support::churn(100), ..Abilities::default() }
    }

    fn connector(&mut self, _group: &str, _name: &str) -> Box<dyn Connector> {
        Box::new(connector::Files::new(self.path(), LEASE))
    }

    async fn stop(&mut self) {
        self.stops += 1;
        fs::rename(self.path(), self.temporary.path().join(self.stops.to_string())).expect("it was there");
    }

    async fn start(&mut self) {
        fs::create_dir(self.path()).expect("it was not there");
    }
}
