//! The plugin's own files, linked with the stand-ins, in a cluster with servers in C and Rust: tests/unreal/behaviour.

use super::{Workshop, install_library, library_in, plugin, python, run_in_pairs, sources};
use crate::files;
use crate::outcome::Outcome;
use crate::parts::installed::{C99, Installed, Linking, Program};
use crate::parts::mixed::{self, Member};
use crate::parts::registry::Registry;
use crate::shell::{root, run, run_within};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For one scenario.
const LIMIT: Duration = Duration::from_secs(120);

/// Both see the memory of the plugin and of the stand-ins, which really free what Unreal would collect.
const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1"];

/// What Main.cpp can run with the library in its place.
const SCENARIOS: &[&str] = &[
    "vectors",
    "specs",
    "config-errors",
    "settings",
    "instances",
    "connector",
    "messages",
    "requests",
    "killed",
    "garbage",
    "full",
    "shutdown",
    "cycles",
];

/// What may stand where the library should be, and what the one error must name.
const WRONG_LIBRARIES: &[(&str, Option<&str>, &str)] = &[
    ("missing", None, "cargo xtask unreal"),
    ("strange", Some("int stranger(void) { return 0; }"), "no function sinew_abi_version"),
    (
        "other-abi",
        Some("unsigned sinew_abi_version(void) { return 77; }"),
        "speaks version 77 of Sinew's ABI, but the plugin was built for version 1",
    ),
    ("older", Some("unsigned sinew_abi_version(void) { return 1; }"), "lacks the function sinew_server_start"),
];

pub(super) fn check(workshop: &Workshop, outcome: &mut Outcome) {
    match Theatre::prepare(workshop) {
        Ok(theatre) => {
            for scenario in SCENARIOS {
                println!("-- {scenario}");
                outcome.add(theatre.run(scenario));
            }
            for wrong in WRONG_LIBRARIES {
                println!("-- a library that is {}", wrong.0);
                outcome.add(theatre.without_library(wrong));
            }
            outcome.add(mixed::meet(vec![theatre.member()]));
        }
        Err(sentence) => outcome.add(Err(sentence)),
    }
}

/// The programs, and the plugin's folder as it is in a project.
struct Theatre {
    folder: PathBuf,
    installed: Installed,
    peer: PathBuf,
}

impl Theatre {
    fn prepare(workshop: &Workshop) -> Result<Self, String> {
        let installed = Installed::prepare("unreal-installed")?;
        let tests = root().join("tests/unreal/behaviour");
        let in_c = Program { compiler: ("CC", "cc"), dialect: C99, sanitized: false, linking: Linking::Shared, what: "shared" };
        let peer = installed.build(&tests.join("peer.c"), &in_c)?;
        let theatre = Self { folder: workshop.folder.clone(), installed, peer };
        install_library(&theatre.plugin())?;
        run(python("vectors.py").arg(root().join("tests/vectors")).arg(theatre.vectors()))?;

        println!("-- the plugin with the stand-ins, sanitized");
        let mut files = sources(&plugin().join("Source/Sinew/Private"))?;
        files.push(workshop.generated().join("Generated.cpp"));
        files.push(root().join("tests/unreal/stubs/Stubs.cpp"));
        files.extend(sources(&tests)?);
        let object = |file: &PathBuf| theatre.folder.join(file.file_name().unwrap_or_default()).with_extension("o");
        let compile = |file: &PathBuf| {
            let mut command = workshop.compiler("g++", "-std=c++17");
            command.args(SANITIZERS).arg("-I").arg(&tests).arg("-c").arg(file).arg("-o").arg(object(file));
            command
        };
        run_in_pairs(files.iter().map(compile).collect())?;
        for (program, main, other) in [("behaviour", "Main", "member"), ("member", "member", "Main")] {
            let without = |file: &&PathBuf| file.file_stem().is_some_and(|name| name != other);
            println!("-- {program}, with {main}.cpp");
            let mut link = Command::new("g++");
            link.args(SANITIZERS).args(files.iter().filter(without).map(object)).arg("-o").arg(theatre.folder.join(program)).arg("-ldl");
            run(&mut link)?;
        }
        Ok(theatre)
    }

    fn plugin(&self) -> PathBuf {
        self.folder.join("plugin")
    }

    fn vectors(&self) -> PathBuf {
        self.folder.join("vectors.txt")
    }

    /// A program that finds the plugin in this folder.
    fn program(&self, name: &str, plugin: &Path) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.current_dir(&self.folder).env("STUB_PLUGIN", plugin).env("LD_LIBRARY_PATH", self.installed.libraries());
        command
    }

    fn run(&self, scenario: &str) -> Result<(), String> {
        let registry = Registry::start()?;
        let mut command = self.program("behaviour", &self.plugin());
        command.arg(scenario).env("REGISTRY", &registry.address).env("PEER", &self.peer).env("VECTORS", self.vectors());
        run_within(&mut command, LIMIT)
    }

    fn without_library(&self, (what, source, expected): &(&str, Option<&str>, &str)) -> Result<(), String> {
        let plugin = self.folder.join(what);
        if let Some(source) = source {
            let (file, library) = (self.folder.join(what).with_extension("c"), library_in(&plugin));
            files::create(library.parent().unwrap_or(&library))?;
            files::write(&file, source)?;
            run(Command::new("cc").args(["-shared", "-fPIC"]).arg(&file).arg("-o").arg(&library))?;
        }
        let mut command = self.program("behaviour", &plugin);
        // Nor may the system's search find the one that the other tests have installed.
        command.arg("no-library").env_remove("LD_LIBRARY_PATH").env("EXPECT", expected);
        run_within(&mut command, LIMIT)
    }

    fn member(&self) -> Member {
        Member { name: "in-unreal", command: self.program("member", &self.plugin()) }
    }
}
