//! The plugin for Unreal, without Unreal: tests/unreal/README.md tells what is checked, and what cannot be.

mod behaviour;

use super::notices;
use crate::files::{copy, write};
use crate::outcome::Outcome;
use crate::shell::{build_release, fresh_folder, output, root, run, run_within, target};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// For one file to be compiled.
const LIMIT: Duration = Duration::from_secs(120);

/// As Unreal compiles.
const FLAGS: &[&str] = &["-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Werror", "-DSINEW_API="];

const OPENING: &str =
    "The plugin's C++ code is Sinew's own. Its library holds the crates in the first list, under the terms that follow it.\n";

/// A compiler and what it is told: which C++, whether TCHAR is wide, as on Windows, and which side of 5.5 the engine is on.
type Dialect = (&'static str, &'static str, &'static [&'static str]);

/// Any two settings meet in one of these.
const PAIRWISE: &[Dialect] = &[
    ("g++", "-std=c++17", &[]),
    ("g++", "-std=c++20", &["-DSTUB_WIDE", "-DSTUB_OLD_ENGINE"]),
    ("clang++", "-std=c++17", &["-DSTUB_WIDE"]),
    ("clang++", "-std=c++20", &["-DSTUB_OLD_ENGINE"]),
];

/// And these are the rest.
const OTHERS: &[Dialect] = &[
    ("g++", "-std=c++17", &["-DSTUB_WIDE"]),
    ("g++", "-std=c++20", &[]),
    ("clang++", "-std=c++17", &[]),
    ("clang++", "-std=c++20", &["-DSTUB_WIDE"]),
];

pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    let workshop = match Workshop::prepare() {
        Ok(workshop) => workshop,
        Err(sentence) => return Err(sentence).into(),
    };
    outcome.add(workshop.lint());
    outcome.add(workshop.lint_rejects());
    outcome.add(workshop.build_rules());
    for dialect in PAIRWISE {
        outcome.add(workshop.compile_each(dialect));
    }
    behaviour::check(&workshop, &mut outcome);
    outcome
}

/// Every dialect.
pub(super) fn soak() -> Outcome {
    let mut outcome = Outcome::default();
    match Workshop::prepare() {
        Ok(workshop) => PAIRWISE.iter().chain(OTHERS).for_each(|dialect| outcome.add(workshop.compile_each(dialect))),
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome
}

/// `cargo xtask unreal`: makes `unreal/Sinew` whole, with the library of this machine and the header that fits to it.
pub(crate) fn package() -> Result<(), String> {
    build_release()?;
    let plugin = plugin();
    copy(&root().join("include/sinew.h"), &plugin.join("Source/ThirdParty/sinew/include/sinew.h"))?;
    let library = install_library(&plugin)?;
    write(&plugin.join("Binaries/ThirdParty/sinew/THIRDPARTY.md"), &notices::of("sinew", OPENING)?)?;
    println!("{} is the library of {}; copy the folder {} into your project's Plugins", library.display(), platform().0, plugin.display());
    Ok(())
}

fn plugin() -> PathBuf {
    root().join("unreal/Sinew")
}

/// Unreal's name of this machine's platform, and the library's file.
fn platform() -> (&'static str, &'static str) {
    if cfg!(windows) {
        ("Win64", "sinew.dll")
    } else if cfg!(target_os = "macos") {
        ("Mac", "libsinew.dylib")
    } else if cfg!(target_arch = "aarch64") {
        ("LinuxArm64", "libsinew.so")
    } else {
        ("Linux", "libsinew.so")
    }
}

/// Where a plugin in this folder has the library.
fn library_in(plugin: &Path) -> PathBuf {
    let (platform, file) = platform();
    plugin.join("Binaries/ThirdParty/sinew").join(platform).join(file)
}

/// Copies the release build into a plugin's folder.
fn install_library(plugin: &Path) -> Result<PathBuf, String> {
    let library = library_in(plugin);
    copy(&target()?.join("release").join(platform().1), &library)?;
    Ok(library)
}

/// The C++ files of a folder, and of `Tests` in it.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for folder in [folder.to_owned(), folder.join("Tests")] {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        found.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "cpp")));
    }
    found.sort();
    if found.is_empty() { Err(format!("{folder:?} holds no C++ files")) } else { Ok(found) }
}

/// Where the plugin is checked: a fresh folder with what Unreal's header tool would have generated.
struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    fn prepare() -> Result<Self, String> {
        let workshop = Self { folder: fresh_folder("unreal")? };
        run(python("generate.py").arg(plugin().join("Source/Sinew/Public")).arg(workshop.generated()))?;
        Ok(workshop)
    }

    fn generated(&self) -> PathBuf {
        self.folder.join("generated")
    }

    fn lint(&self) -> Result<(), String> {
        println!("-- what a compiler does not see");
        run(python("lint.py").arg(plugin()).arg(root().join("include/sinew.h")))
    }

    fn lint_rejects(&self) -> Result<(), String> {
        println!("-- and that it is seen");
        run(python("lint_test.py").arg(&self.folder).arg(plugin()).arg(root().join("include/sinew.h")))
    }

    /// Build.cs compiles, and stages the library where there is one.
    fn build_rules(&self) -> Result<(), String> {
        println!("-- Sinew.Build.cs");
        let program = self.folder.join("rules.exe");
        run(Command::new("mcs")
            .args(["-warnaserror", "-warn:4"])
            .arg(format!("-out:{}", program.display()))
            .arg(root().join("tests/unreal/build/UnrealBuildTool.cs"))
            .arg(plugin().join("Source/Sinew/Sinew.Build.cs")))?;
        // A plugin with the libraries of two platforms of four.
        let staged = self.folder.join("staged");
        copy(&root().join("include/sinew.h"), &staged.join("Source/ThirdParty/sinew/include/sinew.h"))?;
        for library in ["Linux/libsinew.so", "Win64/sinew.dll"] {
            copy(&program, &staged.join("Binaries/ThirdParty/sinew").join(library))?;
        }
        let told = output(Command::new("mono").arg(&program).arg(&staged))?;
        let expected = "Linux: $(PluginDir)/Binaries/ThirdParty/sinew/Linux/libsinew.so\nLinuxArm64: \nMac: \n\
                        Win64: $(PluginDir)/Binaries/ThirdParty/sinew/Win64/sinew.dll\nIOS: \n";
        if told == expected { Ok(()) } else { Err(format!("Sinew.Build.cs says\n{told}and not\n{expected}")) }
    }

    /// Every file by itself, so that what one does not include is missed.
    fn compile_each(&self, (compiler, standard, more): &Dialect) -> Result<(), String> {
        println!("-- {compiler} {standard} {}", more.join(" "));
        let mut files = sources(&plugin().join("Source/Sinew/Private"))?;
        files.push(self.generated().join("Generated.cpp"));
        let commands = files.iter().map(|file| {
            let mut command = self.compiler(compiler, standard);
            command.args(*more).arg("-fsyntax-only").arg(file);
            command
        });
        run_in_pairs(commands.collect())
    }

    /// With the stand-ins for Unreal's headers, and no others.
    fn compiler(&self, compiler: &str, standard: &str) -> Command {
        let module = plugin().join("Source/Sinew");
        let mut command = Command::new(compiler);
        command.arg(standard).args(FLAGS);
        for folder in [
            root().join("tests/unreal/stubs"),
            self.generated(),
            module.join("Public"),
            module.join("Private"),
            module.join("Private/Tests"),
        ] {
            command.arg("-I").arg(folder);
        }
        command.arg("-isystem").arg(plugin().join("Source/ThirdParty/sinew/include"));
        command
    }
}

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    // Nothing is left among the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root().join("tests/unreal").join(script));
    command
}

/// Two at a time; all of them run, and the first that failed is told.
fn run_in_pairs(commands: Vec<Command>) -> Result<(), String> {
    let waiting = Mutex::new(commands.into_iter());
    let work = || {
        let mut result = Ok(());
        loop {
            let next = waiting.lock().map_err(|_| "another compiler could not be run".to_owned())?.next();
            match next {
                Some(mut command) => result = result.and(run_within(&mut command, LIMIT)),
                None => return result,
            }
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(work);
        let own = work();
        other.join().map_err(|_| "a compiler could not be run".to_owned())?.and(own)
    })
}
