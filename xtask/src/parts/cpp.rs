//! sinew.hpp as C++ programmers have it: installed, found by CMake and pkg-config, built by three compilers as engines and others do.

mod book;

use super::installed::Installed;
use super::mixed::Member;
use super::symbols::declared_functions;
use crate::files;
use crate::outcome::Outcome;
use crate::shell::{root, run};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For one program to run.
const LIMIT: Duration = Duration::from_secs(120);

/// What users may have switched on.
const STRICT: &[&str] = &[
    "-pthread",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wold-style-cast",
    "-Wundef",
    "-Wdouble-promotion",
    "-Werror",
];

/// As engines are built.
const ENGINE: &[&str] = &["-fno-exceptions", "-fno-rtti"];

const SANITIZED: &[&str] = &["-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// With the standard library each of them usually comes with; Unreal's Linux programs have the last.
const COMPILERS: &[&[&str]] = &[&["g++"], &["clang++"], &["clang++-16", "-stdlib=libc++"]];

const STANDARDS: &[&str] = &["-std=c++17", "-std=c++20"];

/// One program of two files that is only about the header.
const TYPES: &[&str] = &["types", "types_again"];

/// It has an allocator of its own, as the sanitizers do.
const NEVER_SANITIZED: &str = "allocations";

/// Run with the other standard library, too.
const WITH_LIBCXX: &[&str] = &["messages", "two_servers"];

/// Not from Debian's ordinary `clang`: the standard library that goes with the compiler.
pub(super) const FILES: &[(&str, &str)] =
    &[("/usr/lib/llvm-16/include/c++/v1/string", "libc++-16-dev"), ("/usr/lib/llvm-16/lib/libc++abi.so", "libc++abi-16-dev")];

pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    outcome.add(everything_is_wrapped());
    outcome.add(no_macro_leaks());
    match crate::tools::ensure_files(FILES).and_then(|()| Installed::prepare("cpp")) {
        Ok(installed) => check_installed(&installed, &mut outcome),
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome
}

fn check_installed(installed: &Installed, outcome: &mut Outcome) {
    compile_everywhere(installed, outcome);
    programs(installed, outcome);
    examples(installed, outcome);
    outcome.add(book::blocks_compile(installed));
    outcome.add(book::first_steps_work(installed));
    outcome.add(book::c_by_cmake_works(installed));
}

/// Every function of sinew.h is called, and every number has a name.
fn everything_is_wrapped() -> Result<(), String> {
    let c = fs::read_to_string(root().join("include/sinew.h")).map_err(|_| "include/sinew.h is missing; run cargo xtask headers")?;
    let cpp = headers()?.into_iter().map(|(_, text)| text).collect::<String>();
    let words: std::collections::BTreeSet<&str> = cpp.split(|character: char| !character.is_alphanumeric() && character != '_').collect();
    let constants =
        c.lines().filter_map(|line| line.strip_prefix("#define SINEW_")?.split_once(' ')).map(|(name, _)| format!("SINEW_{name}"));
    let functions = declared_functions(&c).into_iter().map(str::to_owned);
    let missing: Vec<String> = functions.chain(constants).filter(|name| !words.contains(name.as_str())).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("bindings/cpp does not wrap: {}", missing.join(", "))) }
}

fn no_macro_leaks() -> Result<(), String> {
    for (path, text) in headers()? {
        for line in text.lines().filter_map(|line| line.strip_prefix("#define ")) {
            if !line.ends_with("_HPP") {
                return Err(format!("{}: the macro {line} is seen by everybody who includes the header", path.display()));
            }
        }
    }
    Ok(())
}

/// The headers of bindings/cpp with their text.
fn headers() -> Result<Vec<(PathBuf, String)>, String> {
    let folder = root().join("bindings/cpp");
    let mut paths = vec![folder.join("sinew.hpp")];
    paths.extend(files::entries(&folder.join("sinew"))?);
    paths.into_iter().map(|path| files::read(&path).map(|text| (path, text))).collect()
}

/// Builds `sources` against the installed library, as pkg-config says, and answers where the program is.
fn build(installed: &Installed, compiler: &[&str], flags: &[&[&str]], sources: &[PathBuf], name: &str) -> Result<PathBuf, String> {
    println!("-- {name}: {} {}", compiler.join(" "), flags.concat().join(" "));
    let program = installed.folder().join(name);
    let (compiler, library) = compiler.split_first().ok_or("no compiler")?;
    run(Command::new(compiler)
        .args(library)
        .args(STRICT)
        .args(flags.concat())
        .args(installed.flags(&["--cflags"])?)
        .args(sources)
        .arg("-o")
        .arg(&program)
        .args(installed.flags(&["--libs"])?))?;
    Ok(program)
}

fn source(name: &str) -> PathBuf {
    root().join("tests/cpp").join(format!("{name}.cpp"))
}

fn compile_everywhere(installed: &Installed, outcome: &mut Outcome) {
    let sources: Vec<PathBuf> = TYPES.iter().map(|name| source(name)).collect();
    for compiler in COMPILERS {
        for standard in STANDARDS {
            for flags in [ENGINE, &[]] {
                let built = build(installed, compiler, &[&[standard], flags], &sources, "types");
                outcome.add(built.and_then(|program| installed.run(Command::new(program), LIMIT)));
            }
        }
    }
}

fn programs(installed: &Installed, outcome: &mut Outcome) {
    let names: Vec<String> = match files::with_extension(&root().join("tests/cpp"), "cpp") {
        Ok(paths) => paths
            .iter()
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .filter(|name| !TYPES.contains(&name.as_str()))
            .collect(),
        Err(sentence) => return outcome.add(Err(sentence)),
    };
    if names.is_empty() {
        return outcome.add(Err("tests/cpp holds no programs".to_owned()));
    }
    for name in names {
        let mut ways: Vec<(usize, &[&[&str]])> = vec![(0, &[&["-std=c++17", "-O1"], ENGINE])];
        if name != NEVER_SANITIZED {
            ways.push((0, &[&["-std=c++17"], SANITIZED]));
        }
        if WITH_LIBCXX.contains(&name.as_str()) {
            ways.push((2, &[&["-std=c++20", "-O2"], ENGINE]));
        }
        for (compiler, flags) in ways {
            let built = build(installed, COMPILERS[compiler], flags, &[source(&name)], &name);
            outcome.add(built.and_then(|program| {
                let mut command = Command::new(program);
                if name == "messages" {
                    command.arg(root().join("tests/vectors"));
                }
                installed.run(command, LIMIT)
            }));
        }
    }
}

/// The examples as strangers build them: CMake finds the shared and the static library, pkg-config the shared one.
fn examples(installed: &Installed, outcome: &mut Outcome) {
    let folder = root().join("bindings/cpp/examples");
    let by_cmake = cmake(&folder, installed.folder(), &installed.folder().join("examples"));
    for name in ["two_servers", "requests", "two_servers_static"] {
        outcome.add(by_cmake.clone().and_then(|built| run_example(installed, &built.join(name))));
    }
    for name in ["two_servers", "requests"] {
        let source = folder.join(format!("{name}.cpp"));
        let built = build(installed, COMPILERS[0], &[&["-std=c++17"], ENGINE], &[source], &format!("{name}_by_pkg_config"));
        outcome.add(built.and_then(|program| run_example(installed, &program)));
    }
}

fn run_example(installed: &Installed, program: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg(free_address()?);
    installed.run(command, LIMIT)
}

/// Configures and builds a project with the package in `prefix`, and answers the folder of its programs.
fn cmake(project: &Path, prefix: &Path, into: &Path) -> Result<PathBuf, String> {
    println!("-- {} by CMake", project.display());
    let mut configure = Command::new("cmake");
    configure
        .arg("-S")
        .arg(project)
        .arg("-B")
        .arg(into)
        .arg("-DCMAKE_BUILD_TYPE=Release")
        .arg("-DCMAKE_PREFIX_PATH=".to_owned() + &prefix.to_string_lossy());
    run(&mut configure)?;
    run(Command::new("cmake").arg("--build").arg(into))?;
    Ok(into.to_owned())
}

/// An address of loopback that was free a moment ago, for what two servers must know before it is bound.
fn free_address() -> Result<String, String> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.to_string()).map_err(|error| format!("no free port: {error}"))
}

/// For a mixed cluster.
pub(super) fn member(installed: &Installed) -> Result<Member, String> {
    let program =
        build(installed, COMPILERS[0], &[&["-std=c++17", "-O2"], ENGINE], &[root().join("tests/mixed/member.cpp")], "member-in-cpp")?;
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", installed.libraries());
    Ok(Member { name: "in-cpp", command })
}
