//! The Unity package. No Unity runs here: its files are checked, and its code is compiled and run by Mono with the stand-ins of tests/unity.

mod archive;
mod json;
mod meta;
mod package;

use super::mono;
use crate::files;
use crate::outcome::Outcome;
use crate::shell::{build_release, fresh_folder, root, run, target};
use crate::tools;
use package::Assembly;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For one suite of tests/unity.
const LIMIT: Duration = Duration::from_secs(120);

/// Stand-ins for the assemblies that Unity brings, in an order in which they can be compiled: the name, and its sources in tests/unity/stubs.
const STUBS: &[(&str, &[&str])] = &[
    (
        "UnityEngine",
        &[
            "Engine.cs",
            "Unity.Collections.LowLevel.Unsafe.cs",
            "Unity.Collections.cs",
            "UnityEngine.Events.cs",
            "UnityEngine.LowLevel.cs",
            "UnityEngine.PlayerLoop.cs",
            "UnityEngine.cs",
        ],
    ),
    ("UnityEditor", &["UnityEditor.cs"]),
    ("nunit.framework", &["NUnit.Framework.cs"]),
    ("UnityEngine.TestRunner", &["UnityEngine.TestTools.cs"]),
];

/// As Unity compiles scripts: for a dedicated server, for its editor, and where all code is one program. Whether the editor's assemblies are there.
const CONFIGURATIONS: &[(&str, &str, bool)] = &[
    ("player", "UNITY_5_3_OR_NEWER;UNITY_2021_3_OR_NEWER;UNITY_STANDALONE_LINUX;UNITY_SERVER", false),
    ("ios", "UNITY_5_3_OR_NEWER;UNITY_2021_3_OR_NEWER;UNITY_IOS;ENABLE_IL2CPP", false),
    ("editor", "UNITY_5_3_OR_NEWER;UNITY_2021_3_OR_NEWER;UNITY_EDITOR;UNITY_STANDALONE_LINUX;UNITY_INCLUDE_TESTS", true),
];

/// Where the package is.
fn source() -> PathBuf {
    root().join("unity")
}

/// `cargo xtask unity`: writes the `.meta` files anew, puts what is built into the package, and makes its archive.
pub(crate) fn write() -> Result<(), String> {
    let package = source();
    let wanted = meta::wanted(&package)?;
    for orphan in meta::found(&package)?.keys().filter(|path| !wanted.contains_key(*path)) {
        let file = package.join(format!("{orphan}.meta"));
        fs::remove_file(&file).map_err(|error| format!("{file:?} cannot be removed: {error}"))?;
    }
    for (path, text) in wanted {
        let file = package.join(format!("{path}.meta"));
        files::write(&file, &text)?;
    }
    tools::ensure(&[tools::CC, tools::STRIP])?;
    build_release()?;
    let release = target()?.join("release");
    archive::put_binaries(&release, &package)?;
    println!("{}", archive::make(&package, &release, &fresh_folder("unity-archive")?)?.display());
    Ok(())
}

pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    for check in package::CHECKS {
        outcome.add(check(&source()));
    }
    match Unpacked::prepare() {
        Ok(unpacked) => {
            // Nothing was lost on the way.
            outcome.add(package::metas(&unpacked.package));
            for (what, defines, editor) in CONFIGURATIONS {
                println!("-- the scripts, {what}");
                outcome.add(unpacked.compile(what, defines, *editor));
            }
            mono::suites(|name| unpacked.suite(name), LIMIT, &mut outcome);
        }
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome
}

/// One assembly to compile.
struct Build<'a> {
    /// The folder it goes to, and finds what it references in.
    what: &'a str,
    name: &'a str,
    /// `library` or `exe`.
    kind: &'a str,
    defines: &'a str,
    references: Vec<String>,
    sources: Vec<PathBuf>,
    is_unsafe: bool,
}

/// The archive, unpacked into a folder where nothing else is, and the stand-ins beside it.
struct Unpacked {
    folder: PathBuf,
    package: PathBuf,
    assemblies: Vec<Assembly>,
}

impl Unpacked {
    fn prepare() -> Result<Self, String> {
        build_release()?;
        let folder = fresh_folder("unity")?;
        let archive = archive::make(&source(), &target()?.join("release"), &fresh_folder("unity-archive")?)?;
        run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&folder))?;
        println!("-- {}", archive.display());
        let package = folder.join("package");
        let unpacked = Self { assemblies: package::assemblies(&package)?, package, folder };
        for (name, sources) in STUBS {
            let stubs = root().join("tests/unity/stubs");
            let sources: Vec<PathBuf> = sources.iter().map(|it| stubs.join(it)).collect();
            let known = STUBS.iter().take_while(|(other, _)| other != name).map(|(other, _)| (*other).to_owned()).collect::<Vec<_>>();
            unpacked.mcs(&Build { what: "stubs", name, kind: "library", defines: "", references: known, sources, is_unsafe: true })?;
        }
        Ok(unpacked)
    }

    /// Compiles the package's assemblies, each against what its `.asmdef` names and nothing else.
    fn compile(&self, what: &str, defines: &str, editor: bool) -> Result<(), String> {
        let mut names = Vec::new();
        for assembly in self.assemblies.iter().filter(|it| editor || !(it.editor || it.tests)) {
            let mut references = assembly.references.clone();
            if !assembly.engineless {
                references.push("UnityEngine".to_owned());
                if editor {
                    references.push("UnityEditor".to_owned());
                }
            }
            if assembly.tests {
                references.push("nunit.framework".to_owned());
            }
            let (name, sources, is_unsafe) = (&assembly.name, assembly.sources()?, assembly.is_unsafe);
            self.mcs(&Build { what, name, kind: "library", defines, references, sources, is_unsafe })?;
            names.push(assembly.name.clone());
        }
        if !editor {
            return Ok(());
        }
        // The tests see all of it.
        let mut sources = vec![root().join("tests/csharp/Support.cs")];
        sources.extend(files::with_extension(&root().join("tests/unity"), "cs")?);
        names.extend(STUBS.iter().map(|(name, _)| (*name).to_owned()));
        self.mcs(&Build { what, name: "tests", kind: "exe", defines: "", references: names, sources, is_unsafe: false })
    }

    fn mcs(&self, build: &Build<'_>) -> Result<(), String> {
        let (out, stubs) = (self.folder.join(build.what), self.folder.join("stubs"));
        files::create(&out)?;
        let file = out.join(build.name).with_added_extension(if build.kind == "exe" { "exe" } else { "dll" });
        let mut command = Command::new("mcs");
        command.args(mono::FLAGS).arg("-debug").arg(format!("-target:{}", build.kind)).args(build.is_unsafe.then_some("-unsafe"));
        command.arg(format!("-lib:{},{}", out.display(), stubs.display())).arg(format!("-out:{}", file.display()));
        command.args((!build.defines.is_empty()).then(|| format!("-d:{}", build.defines)));
        // Of the editor's test runner our tests use nothing.
        let references = build.references.iter().filter(|it| *it != "UnityEditor.TestRunner");
        run(command.args(references.map(|it| format!("-r:{it}.dll"))).args(&build.sources))
    }

    fn mono(&self, library: &Path) -> Command {
        let mut command = Command::new("mono");
        command.arg("--debug").arg(self.folder.join("editor/tests.exe")).current_dir(&self.folder);
        command.env("LD_LIBRARY_PATH", library).env("MONO_PATH", self.folder.join("stubs"));
        command.env("TEST_SINEW_PROGRAM", self.package.join("Tools~/Linux/x86_64/sinew"));
        command
    }

    fn suite(&self, name: &str) -> Command {
        // One suite is about a place where there is none.
        let nowhere = self.folder.join("nowhere");
        self.mono(&if name == "without-library" { nowhere } else { self.package.join("Runtime/Plugins/Linux/x86_64") })
    }
}
