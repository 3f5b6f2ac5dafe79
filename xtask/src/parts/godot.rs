//! The addon for Godot, in a real engine: its suite, its documentation, its demo, and an empty project with nothing but the package.

mod addon;
mod documentation;
pub(crate) mod notices;
mod package;

use super::mixed::{self, Member};
use crate::debian::{unpacked_with_dependencies, write_starter};
use crate::files;
use crate::outcome::Outcome;
use crate::shell::{fresh_folder, root, run_within, target};
pub(crate) use addon::build_into_the_project;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The suite of Debian that has Godot 4. Nothing of it is installed: it is unpacked, and runs with its own C library.
const SUITE: &str = "forky";
/// The ones with GL are for pictures.
const PACKAGES: &[&str] = &["godot", "libgl1", "libglx-mesa0", "libgl1-mesa-dri", "libegl1", "libegl-mesa0"];

/// For one run of the engine.
const LIMIT: Duration = Duration::from_secs(180);

/// The engine, and a folder for each thing it does.
struct Engine {
    starter: PathBuf,
    folder: PathBuf,
}

pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    let prepared = addon::build().and_then(|library| Ok((library, Engine::prepare("godot")?)));
    let (library, engine) = match prepared {
        Ok(prepared) => prepared,
        Err(sentence) => return Err(sentence).into(),
    };
    outcome.join(addon::check(&library));
    match engine.project(&library) {
        Ok(project) => {
            outcome.join(suite(&engine, &project));
            outcome.join(documentation::check(&engine, &project));
            outcome.add(demo(&engine, &project));
        }
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome.join(package::check(&engine, &library));
    outcome
}

impl Engine {
    /// Fetches the engine, unless a run before has; `name` is of the folder.
    fn prepare(name: &str) -> Result<Self, String> {
        let folder = fresh_folder(name)?;
        let home = folder.join("home");
        files::create(&home)?;
        Ok(Engine { starter: engine()?, folder })
    }

    /// The engine without a window, at home in a folder of its own.
    fn headless(&self, project: &Path) -> Command {
        let mut command = Command::new(&self.starter);
        command.env("HOME", self.folder.join("home")).args(["--headless", "--path"]).arg(project);
        command
    }

    /// A copy of the project in `godot/` with the library in its addon: the engine writes into the folder of a project.
    fn project(&self, library: &Path) -> Result<PathBuf, String> {
        let project = self.folder.join("project");
        files::copy_folder(&root().join("godot"), &project, &|name| ["rust", ".godot", "bin"].contains(&name))?;
        addon::put(library, &project)?;
        addon::register(&project)?;
        Ok(project)
    }
}

/// A program that starts the engine.
pub(crate) fn engine() -> Result<PathBuf, String> {
    let debian = target()?.join("debian");
    let tree = unpacked_with_dependencies(SUITE, "godot", PACKAGES, &debian)?;
    let starter = debian.join(SUITE).join("godot.sh");
    write_starter(&starter, &tree, "usr/bin/godot")?;
    Ok(starter)
}

/// `godot/tests/suite`, counted test by test.
fn suite(engine: &Engine, project: &Path) -> Outcome {
    let option = |name: &str, path: PathBuf| format!("{name}={}", path.display());
    let target = match target() {
        Ok(target) => target,
        Err(sentence) => return Err(sentence).into(),
    };
    if let Err(sentence) = mixed::build_member() {
        return Err(sentence).into();
    }
    let mut command = engine.headless(project);
    command.args(["-s", "res://tests/run.gd", "--"]);
    command.arg(option("header", root().join("include/sinew.h"))).arg(option("vectors", root().join("tests/vectors")));
    command.arg(option("member", target.join("release/mixed-member"))).arg(option("godot", engine.starter.clone()));
    let (said, ended) = match heard(command, LIMIT) {
        Ok(heard) => heard,
        Err(sentence) => return Err(sentence).into(),
    };
    let mut outcome = Outcome::default();
    let mut complete = false;
    for line in said.lines() {
        if let Some(failure) = line.strip_prefix("FAILED ") {
            outcome.add(Err(failure.to_owned()));
        } else if line.contains(".test_") && line.contains(" checks, ") {
            outcome.passed += 1;
        } else if line.contains("SCRIPT ERROR") {
            // The engine goes on after one, and its exit code does not tell.
            outcome.add(Err(format!("a script failed: {line}")));
        }
        complete |= line.starts_with("ALL-OK ");
    }
    if !complete && outcome.failures.is_empty() {
        outcome.add(Err("the suite has not come to its end".to_owned()));
    }
    if ended.is_err() && outcome.failures.is_empty() {
        outcome.add(ended);
    }
    outcome
}

/// Two Godots for a mixed cluster.
pub(super) fn members() -> Result<[Member; 2], String> {
    let engine = Engine::prepare("mixed-godot")?;
    let project = engine.project(&addon::build()?)?;
    let member = |name| {
        let mut command = engine.headless(&project);
        command.args(["-s", "res://tests/member.gd", "--"]);
        Member { name, command }
    };
    Ok([member("in-godot-1"), member("in-godot-2")])
}

/// The demo without its window: the observer and the processes it starts, which judge themselves.
fn demo(engine: &Engine, project: &Path) -> Result<(), String> {
    let mut command = engine.headless(project);
    // The starter is a script: the engine cannot know that it has to be started by it.
    command.env("SINEW_DEMO_GODOT", &engine.starter).args(["--", "--seconds=8"]);
    let (said, ended) = heard(command, LIMIT)?;
    ended?;
    let wrong = said.lines().find(|line| line.contains("SCRIPT ERROR"));
    match (said.lines().any(|line| line == "DEMO-OK"), wrong) {
        (true, None) => Ok(()),
        (_, Some(line)) => Err(format!("the demo says {line}")),
        (false, None) => Err("the demo has not seen everything".to_owned()),
    }
}

/// Runs to the end, shows what it prints, and returns that with how it ended.
fn heard(mut command: Command, limit: Duration) -> Result<(String, Result<(), String>), String> {
    let (mut reader, writer) = std::io::pipe().map_err(|error| format!("no pipe: {error}"))?;
    let errors = writer.try_clone().map_err(|error| format!("no pipe: {error}"))?;
    command.stdout(Stdio::from(writer)).stderr(Stdio::from(errors));
    let listener = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until the pipe broke is what there is to tell.
        let _ = reader.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let ended = run_within(&mut command, limit);
    // Its ends of the pipe go with it.
    drop(command);
    let said = listener.join().map_err(|_| "what was printed cannot be read".to_owned())?;
    println!("{said}");
    Ok((said, ended))
}
