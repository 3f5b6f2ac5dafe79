//! What users get: the addon as a zip, in an empty project, with the ten lines of its README.

use super::addon::put;
use super::{Engine, LIMIT, heard};
use crate::files;
use crate::outcome::Outcome;
use crate::shell::{root, run};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn check(engine: &Engine, library: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    for text in ["godot/addons/sinew/README.md", "docs/godot.md"] {
        outcome.add(zipped(engine, library).and_then(|zip| ten_lines(engine, &zip, &root().join(text))));
    }
    outcome
}

/// `sinew-godot.zip`, as it is released: `addons/sinew` with the library.
fn zipped(engine: &Engine, library: &Path) -> Result<PathBuf, String> {
    let folder = engine.folder.join("package");
    files::remove(&folder)?;
    files::copy_folder(&root().join("godot/addons"), &folder.join("addons"), &|name| name == "bin")?;
    put(library, &folder)?;
    let zip = folder.join("sinew-godot.zip");
    run(Command::new("zip").args(["--quiet", "--recurse-paths"]).arg(&zip).arg("addons").current_dir(&folder))?;
    Ok(zip)
}

/// An empty project, the package unpacked into it, opened once as the editor does, and the first script of `text` as its main scene: a lobby and a world that greet.
fn ten_lines(engine: &Engine, zip: &Path, text: &Path) -> Result<(), String> {
    let written = files::read(text)?;
    let script = written.split_once("```gdscript\n").and_then(|(_, rest)| rest.split_once("```")).map(|(script, _)| script);
    let script = script.ok_or_else(|| format!("{text:?} has no block of GDScript"))?;
    let lines = script.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')).count();
    println!("-- {} shows {lines} lines", text.display());

    let name = text.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let project = engine.folder.join(format!("empty-{name}"));
    let write = |file: &str, text: &str| files::write(&project.join(file), text);
    write(
        "project.godot",
        "config_version=5\n\n[application]\nconfig/name=\"Empty\"\nrun/main_scene=\"res://main.tscn\"\nrun/flush_stdout_on_print=true\n",
    )?;
    write("main.gd", script)?;
    write(
        "main.tscn",
        "[gd_scene load_steps=2 format=3]\n\n[ext_resource type=\"Script\" path=\"res://main.gd\" id=\"1\"]\n\n[node name=\"Main\" type=\"Node\"]\nscript = ExtResource(\"1\")\n",
    )?;
    run(Command::new("unzip").args(["-q", "-o"]).arg(zip).current_dir(&project))?;
    // The first opening of a project with an extension ends with a crash of Godot 4.6 after its work is done (godotengine/godot#111048), so its exit code says nothing.
    let (_, opened) = heard(
        {
            let mut command = engine.headless(&project);
            command.arg("--import");
            command
        },
        LIMIT,
    )?;
    if let Err(sentence) = opened {
        println!("-- as known of Godot 4.6: {sentence}");
    }

    let mut world = engine.headless(&project);
    let mut world =
        world.args(["--quit-after", "3000", "--", "world"]).spawn().map_err(|error| format!("the world cannot be started: {error}"))?;
    let mut lobby = engine.headless(&project);
    lobby.args(["--quit-after", "2000", "--", "lobby"]);
    let heard = heard(lobby, LIMIT);
    let ended = world.kill().and_then(|()| world.wait()).map_err(|error| format!("the world cannot be ended: {error}"));
    let (said, lobby_ended) = heard?;
    lobby_ended?;
    ended?;
    let wrong = said.lines().find(|line| line.contains("SCRIPT ERROR") || line.starts_with("ERROR"));
    match (said.lines().any(|line| line.starts_with("hello from ")), wrong) {
        (true, None) => Ok(()),
        (_, Some(line)) => Err(format!("the script of {text:?} says {line}")),
        (false, None) => Err(format!("the script of {text:?} prints no line that begins with \"hello from\"")),
    }
}
