//! The C# core, as Debian's mono compiles and runs it.

use super::installed::Installed;
use super::mixed::{self, Member};
use crate::outcome::Outcome;
use crate::shell::{output, root, run, run_within};
use crate::stage::copy;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For one suite of tests/csharp.
const LIMIT: Duration = Duration::from_secs(150);

/// Warnings are errors. The compiler knows no later C# than this one, so neither does the core: every Unity of today takes it.
const FLAGS: &[&str] = &["-langversion:7.2", "-warnaserror", "-optimize"];

/// The core is compiled once for each of these: plain, and as Unity defines them for a server, in its editor, and where all code is one program.
const DEFINES: &[(&str, &[&str])] = &[
    ("plain", &[]),
    ("unity", &["-d:UNITY_5_3_OR_NEWER;UNITY_2021_3_OR_NEWER;UNITY_STANDALONE_LINUX;UNITY_SERVER"]),
    ("editor", &["-d:UNITY_5_3_OR_NEWER;UNITY_2021_3_OR_NEWER;UNITY_EDITOR;UNITY_IOS"]),
    ("ahead-of-time", &["-d:UNITY_5_3_OR_NEWER;UNITY_2021_3_OR_NEWER;UNITY_IOS;ENABLE_IL2CPP"]),
];

/// What lies under the library's name, each in a folder of its own: tests/csharp/MissingLibrary.cs wants to be told of it.
const WRONG_LIBRARIES: &[(&str, &str)] =
    &[("version", "unsigned sinew_abi_version(void) { return 99; }\n"), ("other", "int nothing(void) { return 0; }\n")];

pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    match Built::prepare(&mut outcome) {
        Ok(built) => {
            built.suites(&mut outcome);
            outcome.add(built.example());
            outcome.add(built.mixed());
        }
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome.add(package());
    outcome
}

/// The programs, in the folder of the installed library.
struct Built {
    installed: Installed,
    folder: PathBuf,
}

impl Built {
    fn prepare(outcome: &mut Outcome) -> Result<Self, String> {
        let installed = Installed::prepare("csharp")?;
        let folder = installed.libraries().with_file_name("csharp");
        fs::create_dir_all(&folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
        // Its comments are documentation: what they refer to is there.
        let documentation = format!("-doc:{}", folder.join("Sinew.xml").display());
        for (what, defines) in DEFINES {
            println!("-- the core, {what}");
            let assembly = folder.join(what).with_extension("dll");
            outcome.add(compile(
                &root().join("unity/Runtime/Core"),
                &assembly,
                &[&["-unsafe", "-target:library", &documentation], *defines].concat(),
            ));
        }
        // Beside the programs, under the name by which they were compiled against it.
        let core = folder.join("Sinew.dll");
        copy(&folder.join("plain.dll"), &core)?;
        let reference = format!("-r:{}", core.display());
        println!("-- the tests and the member of a mixed cluster");
        compile(&root().join("tests/csharp"), &folder.join("tests.exe"), &["-debug", &reference, "-r:System.Numerics"])?;
        compile(&root().join("tests/mixed"), &folder.join("member.exe"), &[&reference])?;
        wrong_libraries(&folder.join("wrong"))?;
        Ok(Self { installed, folder })
    }

    fn mono(&self, program: &str) -> Command {
        let mut command = Command::new("mono");
        command.arg("--debug").arg(self.folder.join(program)).env("LD_LIBRARY_PATH", self.installed.libraries());
        command
    }

    fn suites(&self, outcome: &mut Outcome) {
        let names = output(self.mono("tests.exe").arg("list"));
        match names {
            Ok(names) if names.lines().count() > 1 => {
                for name in names.lines() {
                    println!("-- {name}");
                    let mut command = self.mono("tests.exe");
                    command.arg(name).env("SINEW_ROOT", root()).env("SINEW_WRONG_LIBRARIES", self.folder.join("wrong"));
                    outcome.add(run_within(&mut command, LIMIT).map_err(|sentence| format!("{name}: {sentence}")));
                }
            }
            Ok(_) => outcome.add(Err("tests.exe lists no suites".to_owned())),
            Err(sentence) => outcome.add(Err(sentence)),
        }
    }

    /// The complete program of docs/csharp.md is one: it is compiled as it stands there, and ends by itself.
    fn example(&self) -> Result<(), String> {
        println!("-- the program of docs/csharp.md");
        let page = fs::read_to_string(root().join("docs/csharp.md")).map_err(|error| format!("docs/csharp.md cannot be read: {error}"))?;
        let mut blocks = page.split("```csharp\n").skip(1).filter_map(|rest| rest.split("```").next());
        let program = blocks.find(|block| block.contains(" Main(")).ok_or("docs/csharp.md has no program with a Main")?;
        let sources = self.folder.join("example");
        fs::create_dir_all(&sources)
            .and_then(|()| fs::write(sources.join("Game.cs"), program))
            .map_err(|error| format!("{sources:?} cannot be written: {error}"))?;
        compile(&sources, &self.folder.join("game.exe"), &[&format!("-r:{}", self.folder.join("Sinew.dll").display())])?;
        run_within(&mut self.mono("game.exe"), LIMIT)
    }

    fn mixed(&self) -> Result<(), String> {
        let member = |name| Member { name, command: self.mono("member.exe") };
        mixed::check(vec![member("in-csharp-1"), member("in-csharp-2")])
    }
}

/// No compiler that reads project files is at hand; what must not drift is compared.
fn package() -> Result<(), String> {
    let project = root().join("bindings/csharp/Sinew.csproj");
    let text = fs::read_to_string(&project).map_err(|error| format!("{project:?} cannot be read: {error}"))?;
    let version = format!("<Version>{}</Version>", env!("CARGO_PKG_VERSION"));
    for wanted in [version.as_str(), "../../unity/Runtime/Core/**/*.cs", "<LangVersion>9</LangVersion>", "netstandard2.1;net8.0"] {
        if !text.contains(wanted) {
            return Err(format!("bindings/csharp/Sinew.csproj does not say {wanted}"));
        }
    }
    Ok(())
}

/// Compiles every C# file under a folder into one assembly.
fn compile(sources: &Path, out: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut files = Vec::new();
    collect(sources, &mut files)?;
    files.sort();
    run(Command::new("mcs").args(FLAGS).args(arguments).arg(format!("-out:{}", out.display())).args(&files))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{folder:?} cannot be read: {error}"))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|it| it == "cs") {
            files.push(path);
        }
    }
    Ok(())
}

fn wrong_libraries(folder: &Path) -> Result<(), String> {
    let write = |path: &Path, text: &str| {
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).and_then(|()| fs::write(path, text)).map_err(|error| format!("{path:?} cannot be written: {error}"))
    };
    for (kind, source) in WRONG_LIBRARIES {
        let file = folder.join(kind).join("library.c");
        write(&file, source)?;
        let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
        run(Command::new(compiler).args(["-shared", "-fPIC"]).arg(&file).arg("-o").arg(file.with_file_name("libsinew.so")))?;
    }
    write(&folder.join("damaged/libsinew.so"), "no library\n")?;
    // And one without any.
    write(&folder.join("missing/empty"), "")
}
