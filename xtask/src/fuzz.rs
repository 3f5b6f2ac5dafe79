//! The fuzz targets of `src/fuzzing.rs` under libFuzzer, which looks at what the code does with the bytes.
//!
//! The stable toolchain does: rustc passes LLVM's coverage pass on (`-C passes`), and libFuzzer brings its own runtime for it.

use crate::files;
use crate::shell::{cargo, expect_success, not_started, output, root, run, target};
use crate::tools::{CC, CXX, ensure};
use std::path::Path;
use std::process::Command;

/// What libFuzzer wants to be told about a run: edges, and what numbers are compared with.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// For each target, unless it is said.
const SECONDS: u32 = 60;

/// Runs one target, or all one after the other: `[TARGET] [--seconds N]`.
pub(crate) fn run_targets(arguments: &[&str]) -> Result<(), String> {
    let source = files::read(&root().join("src/fuzzing.rs"))?;
    let (chosen, seconds) = choose(arguments, &targets(&source))?;
    ensure(&[CC, CXX])?;
    let folder = target()?.join("fuzz");
    let host = output(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("`rustc -vV` names no host")?;
    // Named, although it is this machine: so build scripts and macros are built without.
    let build = ["build", "--package", "sinew-fuzz", "--features", "engine", "--profile", "fuzz", "--target", host];
    run(cargo().args(build).arg("--target-dir").arg(&folder).env("RUSTFLAGS", COVERAGE))?;
    let program = folder.join(host).join("fuzz/sinew-fuzz");
    let broken: Vec<String> = chosen.iter().filter_map(|name| fuzz(&program, &folder, name, seconds).err()).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

/// What is found stays under the target directory: a growing corpus, and the bytes that broke something.
fn fuzz(program: &Path, folder: &Path, name: &str, seconds: u32) -> Result<(), String> {
    let (found, broke) = (folder.join("corpus").join(name), folder.join("broke").join(name));
    for folder in [&found, &broke] {
        files::create(folder)?;
    }
    println!("\n== {name}: {seconds} s");
    let mut command = Command::new(program);
    command.env("SINEW_FUZZ_TARGET", name).current_dir(root()).arg(&found).arg(format!("tests/fuzz/corpus/{name}"));
    command.arg(format!("-artifact_prefix={}/", broke.display())).arg(format!("-max_total_time={seconds}"));
    // One input takes microseconds: ten seconds are for ever.
    command.args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=8192", "-print_final_stats=1", "-verbosity=0"]);
    let status = command.status().map_err(|error| not_started(&command, &error))?;
    expect_success(&command, status).map_err(|_| {
        format!("{name}: broken, see above; the bytes are in {broke:?}: copy them to tests/fuzz/corpus/{name}, and `cargo test fuzzing` fails, too")
    })
}

/// The names in the list of targets.
fn targets(source: &str) -> Vec<&str> {
    source.split("Target { name: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn choose<'a>(arguments: &[&'a str], known: &[&'a str]) -> Result<(Vec<&'a str>, u32), String> {
    let (mut chosen, mut seconds) = (Vec::new(), SECONDS);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--seconds" => {
                let number = arguments.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
                seconds = number.ok_or("--seconds wants a number, at least 1")?;
            }
            name if known.contains(&name) => chosen.push(name),
            other => return Err(format!("`{other}` is no fuzz target; they are: {}", known.join(", "))),
        }
    }
    Ok((if chosen.is_empty() { known.to_vec() } else { chosen }, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_the_list_and_chosen_by_name() {
        let known = targets("[Target { name: \"a\", run: f }, Target { name: \"b-c\" }]");
        assert_eq!(known, ["a", "b-c"]);
        assert_eq!(choose(&[], &known), Ok((vec!["a", "b-c"], SECONDS)));
        assert_eq!(choose(&["b-c", "--seconds", "5"], &known), Ok((vec!["b-c"], 5)));
        assert!(choose(&["d"], &known).is_err() && choose(&["--seconds", "0"], &known).is_err() && choose(&["--seconds"], &known).is_err());
    }

    #[test]
    fn the_list_is_where_it_is_looked_for() {
        let source = files::read(&root().join("src/fuzzing.rs")).expect("src/fuzzing.rs");
        assert!(targets(&source).contains(&"resume"));
    }
}
