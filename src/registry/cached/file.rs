//! The file itself: JSON that people can read, replaced as a whole.

use super::book::Memory;
use crate::registry::entry::{Name, name};
use crate::registry::{Registration, flaw};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Most that is read; a view of 65 536 servers without properties fits.
const MOST_BYTES: u64 = 16 << 20;
/// What this version of Sinew writes and reads.
const VERSION: u32 = 1;

/// Where one server's view is kept.
#[derive(Debug, Clone)]
pub(super) struct File {
    path: PathBuf,
    cluster: String,
    group: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    cluster: String,
    /// The registry has been told goodbye under the id below, or another address: it is never registered again.
    id_ended: bool,
    own: Registration,
    others: Vec<Registration>,
}

impl File {
    pub(super) fn new(path: PathBuf, cluster: &str, group: &str, name: &str) -> Self {
        Self { path, cluster: cluster.into(), group: group.into(), name: name.into() }
    }

    /// The file that a link leads to; otherwise the link itself would be replaced.
    pub(super) fn resolved(self) -> Self {
        let path = fs::canonicalize(&self.path).unwrap_or(self.path);
        Self { path, ..self }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file that makes no sense is moved to before it is replaced: the path may have been meant for something else.
    pub(super) fn set_aside(&self) -> PathBuf {
        self.beside(".unusable")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.file_name().map(OsString::from).unwrap_or_default();
        name.push(suffix);
        self.path.with_file_name(name)
    }

    /// What was written; `None`: nothing yet. Errors: half a sentence on why it cannot be used.
    pub(super) fn read(&self) -> Result<Option<Memory>, String> {
        match fs::metadata(&self.path) {
            // Opening a pipe would wait for ever.
            Ok(about) if !about.is_file() => return Err("it is no regular file".into()),
            Ok(about) if about.len() > MOST_BYTES => return Err(format!("it has {} bytes, more than {MOST_BYTES}", about.len())),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("it cannot be read: {error}")),
        }
        let mut text = Vec::new();
        let read = fs::File::open(&self.path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text));
        read.map_err(|error| format!("it cannot be read: {error}"))?;
        if text.len() as u64 > MOST_BYTES {
            return Err(format!("it has more than {MOST_BYTES} bytes"));
        }
        self.parse(&text).map(Some)
    }

    fn parse(&self, text: &[u8]) -> Result<Memory, String> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let damaged = |error: serde_json::Error| format!("it is damaged, or no such file at all: {error}");
        let Version { version } = serde_json::from_slice(text).map_err(damaged)?;
        if version != VERSION {
            return Err(format!("it is of version {version}, and this Sinew reads version {VERSION}"));
        }
        let Written { cluster, id_ended, own, others, .. } = serde_json::from_slice(text).map_err(damaged)?;
        if (&cluster, &own.group, &own.name) != (&self.cluster, &self.group, &self.name) {
            let Self { cluster: our_cluster, group, name, .. } = self;
            let (found, expected) =
                (format!("{}/{} of cluster `{cluster}`", own.group, own.name), format!("{group}/{name} of `{our_cluster}`"));
            return Err(format!("it was written by {found}, not by {expected}"));
        }
        if let Some(flaw) = std::iter::once(&own).chain(&others).find_map(flaw) {
            return Err(format!("it is damaged: it lists what nobody can register: {flaw}"));
        }
        // One server per name, as in every registry.
        let mut names: BTreeMap<Name, Registration> = BTreeMap::new();
        for entry in others {
            let is_own = entry.id == own.id || name(&entry) == name(&own);
            if !is_own && names.get(&name(&entry)).is_none_or(|other| other.id < entry.id) {
                names.insert(name(&entry), entry);
            }
        }
        Ok(Memory { own, id_ended, others: names })
    }

    /// Replaces the file in one step: whoever reads it meanwhile, or after the power has failed, sees the old version or the new one.
    ///
    /// `unusable`: what stands there now is something else, and is kept beside.
    pub(super) fn write(&self, memory: &Memory, unusable: bool) -> Result<(), String> {
        let Memory { own, id_ended, others } = memory.clone();
        let written = Written { version: VERSION, cluster: self.cluster.clone(), id_ended, own, others: others.into_values().collect() };
        // cannot fail: text and numbers under text keys
        let text = serde_json::to_vec_pretty(&written).expect("JSON");
        if text.len() as u64 > MOST_BYTES {
            return Err(format!("the view has {} bytes, and more than {MOST_BYTES} are not read; use shorter properties", text.len()));
        }
        let sentence = |error: std::io::Error| error.to_string();
        match fs::metadata(&self.path) {
            // A device, say, must not be replaced by a file.
            Ok(about) if !about.is_file() => return Err("it is no regular file".into()),
            Ok(_) if unusable => fs::rename(&self.path, self.set_aside()).map_err(sentence)?,
            _ => {}
        }
        let new = self.beside(".new");
        let written = fs::File::create(&new).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&new, &self.path)).map_err(sentence)
    }

    /// Whether there is no such file any more.
    pub(super) fn remove(&self) -> bool {
        fs::remove_file(&self.path).is_ok_and(|()| true)
            || matches!(fs::metadata(&self.path), Err(error) if error.kind() == ErrorKind::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::{entry, memory};
    use super::*;

    fn file(folder: &tempfile::TempDir) -> File {
        File::new(folder.path().join("cache.json"), "test", "world", "me")
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else_is_left_in_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder);
        assert!(matches!(file.read(), Ok(None)), "not there yet");
        let first = memory(10, &[(11, "a"), (12, "b")]);
        file.write(&first, false).expect("it can be written");
        assert_eq!(file.read(), Ok(Some(first)));
        let second = Memory { id_ended: true, ..memory(10, &[(11, "a")]) };
        file.write(&second, false).expect("it can be replaced");
        assert_eq!(file.read(), Ok(Some(second)));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert!(file.remove() && file.remove() && matches!(file.read(), Ok(None)));
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why_and_is_kept_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder);
        let good = {
            file.write(&memory(10, &[(11, "a")]), false).expect("it can be written");
            fs::read_to_string(file.path()).expect("text")
        };
        for (from, to, says) in [
            ("\"version\": 1", "\"version\": 2", "version 2"),
            ("\"cluster\": \"test\"", "\"cluster\": \"other\"", "of cluster `other`"),
            ("\"name\": \"me\"", "\"name\": \"you\"", "world/you"),
            ("\"port\": 4011", "\"port\": 0", "port 0"),
            ("\"id\": 11", "\"id\": 0", "2^53"),
            ("]", "", "damaged"),
            ("\"version\": 1,", "", "version"),
        ] {
            assert!(good.contains(from), "{from} in {good}");
            let bad = good.replace(from, to);
            fs::write(file.path(), &bad).expect("it can be written");
            let why = file.read().expect_err("it must not be used");
            assert!(why.contains(says), "{why}\nand not {says}");
            file.write(&memory(12, &[]), true).expect("it is replaced");
            assert_eq!(fs::read_to_string(file.set_aside()).expect("it is kept"), bad);
        }
        for bad in [vec![], vec![0; 100], vec![b'['; 100_000], vec![b' '; MOST_BYTES as usize + 1]] {
            fs::write(file.path(), &bad).expect("it can be written");
            assert!(file.read().is_err(), "{} bytes of nothing", bad.len());
        }
        fs::remove_file(file.path()).expect("it is there");
        fs::create_dir(file.path()).expect("a folder instead");
        assert_eq!(file.read(), Err("it is no regular file".into()));
        assert_eq!(file.write(&memory(12, &[]), true), Err("it is no regular file".into()));
    }

    #[test]
    fn of_two_servers_under_one_name_the_newer_is_remembered_and_never_this_one() {
        let file = File::new("nowhere".into(), "test", "world", "me");
        let others = [entry(11, "a"), entry(13, "a"), entry(12, "a"), entry(14, "me")].into();
        let written = Written { version: VERSION, cluster: "test".into(), id_ended: false, own: entry(10, "me"), others };
        let text = serde_json::to_vec(&written).expect("JSON");
        assert_eq!(file.parse(&text), Ok(memory(10, &[(13, "a")])));
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_there_is_only_refused(text: Vec<u8>, cut in 0..400usize) {
            let file = File::new("nowhere".into(), "test", "world", "me");
            let _ = file.parse(&text);
            let good = r#"{"version":1,"cluster":"test","id_ended":false,"own":{"id":9,"group":"world","name":"me","host":"h","port":1,"visibility":"internal","properties":{}},"others":[]}"#;
            let cut = cut.min(good.len() - 1);
            proptest::prop_assert!(file.parse(good.as_bytes()).is_ok() && file.parse(&good.as_bytes()[..cut]).is_err());
        }
    }
}
