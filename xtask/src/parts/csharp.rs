//! The C# core, as Debian's mono compiles and runs it.

use super::installed::Installed;
use super::mixed::Member;
use super::mono;
use crate::files;
use crate::outcome::Outcome;
use crate::shell::{root, run, run_within};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For one suite of tests/csharp.
const LIMIT: Duration = Duration::from_secs(150);

const CORE: &str = "unity/Runtime/Core";
/// Programs are compiled against it by this name.
const ASSEMBLY: &str = "Sinew.dll";

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
            mono::suites(|_| built.suite(), LIMIT, &mut outcome);
            outcome.add(built.example());
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
        files::create(&folder)?;
        // Its comments are documentation: what they refer to is there.
        let documentation = format!("-doc:{}", folder.join("Sinew.xml").display());
        for (what, defines) in DEFINES {
            println!("-- the core, {what}");
            let assembly = folder.join(what).with_extension("dll");
            outcome.add(compile(&root().join(CORE), &assembly, &[&["-unsafe", "-target:library", &documentation], *defines].concat()));
        }
        // Beside the programs, under the name by which they were compiled against it.
        files::copy(&folder.join("plain.dll"), &folder.join(ASSEMBLY))?;
        println!("-- the tests");
        compile(&root().join("tests/csharp"), &folder.join("tests.exe"), &["-debug", &reference(&folder), "-r:System.Numerics"])?;
        wrong_libraries(&folder.join("wrong"))?;
        Ok(Self { installed, folder })
    }

    fn mono(&self, program: &str) -> Command {
        mono::program(&self.folder.join(program), &self.installed)
    }

    fn suite(&self) -> Command {
        let mut command = self.mono("tests.exe");
        command.env("SINEW_ROOT", root()).env("SINEW_WRONG_LIBRARIES", self.folder.join("wrong"));
        command
    }

    /// The complete program of docs/csharp.md is one: it is compiled as it stands there, and ends by itself.
    fn example(&self) -> Result<(), String> {
        println!("-- the program of docs/csharp.md");
        let page = files::read(&root().join("docs/csharp.md"))?;
        let mut blocks = page.split("```csharp\n").skip(1).filter_map(|rest| rest.split("```").next());
        let program = blocks.find(|block| block.contains(" Main(")).ok_or("docs/csharp.md has no program with a Main")?;
        let sources = self.folder.join("example");
        files::write(&sources.join("Game.cs"), program)?;
        compile(&sources, &self.folder.join("game.exe"), &[&reference(&self.folder)])?;
        run_within(&mut self.mono("game.exe"), LIMIT)
    }
}

/// Two processes of mono for a mixed cluster.
pub(super) fn members(installed: &Installed) -> Result<[Member; 2], String> {
    let folder = installed.libraries().with_file_name("csharp");
    files::create(&folder)?;
    println!("-- the core, and the member of a mixed cluster in C#");
    compile(&root().join(CORE), &folder.join(ASSEMBLY), &["-unsafe", "-target:library"])?;
    let program = folder.join("member.exe");
    compile(&root().join("tests/mixed"), &program, &[&reference(&folder)])?;
    let member = |name| Member { name, command: mono::program(&program, installed) };
    Ok([member("in-csharp-1"), member("in-csharp-2")])
}

fn reference(folder: &Path) -> String {
    format!("-r:{}", folder.join(ASSEMBLY).display())
}

/// No compiler that reads project files is at hand; what must not drift is compared.
fn package() -> Result<(), String> {
    let text = files::read(&root().join("bindings/csharp/Sinew.csproj"))?;
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
    let sources = files::below(sources, "cs")?;
    run(Command::new("mcs").args(mono::FLAGS).args(arguments).arg(format!("-out:{}", out.display())).args(sources))
}

fn wrong_libraries(folder: &Path) -> Result<(), String> {
    for (kind, source) in WRONG_LIBRARIES {
        let file = folder.join(kind).join("library.c");
        files::write(&file, source)?;
        let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
        run(Command::new(compiler).args(["-shared", "-fPIC"]).arg(&file).arg("-o").arg(file.with_file_name("libsinew.so")))?;
    }
    files::write(&folder.join("damaged/libsinew.so"), "no library\n")?;
    // And one without any.
    files::write(&folder.join("missing/empty"), "")
}
