//! `cargo xtask …`: the few commands a person needs. Each does its own set-up, or says in one line what to install.
//!
//! No dependencies: these commands must start within seconds on a machine that has built nothing yet.

mod bench;
mod debian;
mod files;
mod fuzz;
mod outcome;
mod parts;
mod shell;
mod stage;
mod test;
mod tools;
mod watchdog;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["test", chosen @ ..] => return test::run(&test::TEST, chosen),
        ["soak", chosen @ ..] => return test::run(&test::SOAK, chosen),
        ["bench", arguments @ ..] => bench::measure(arguments),
        ["fuzz", arguments @ ..] => fuzz::run_targets(arguments),
        ["godot"] => parts::godot::build_into_the_project(),
        ["headers"] => parts::headers::write(),
        ["godot-notices"] => parts::godot::notices::write(),
        ["unreal"] => parts::unreal::package(),
        ["unity"] => parts::unity::write(),
        ["deny"] => parts::deny::run_cargo_deny(),
        [] | ["help" | "--help" | "-h"] => {
            println!("{}", help());
            Ok(())
        }
        [unknown, ..] => Err(format!("`cargo xtask {unknown}` is not a command, or takes no arguments\n\n{}", help())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let list = |parts: &[parts::Part]| parts.iter().map(|part| format!("      {:<9}{}\n", part.name, part.what)).collect::<String>();
    let (test, soak) = (list(parts::TEST), list(parts::SOAK));
    format!(
        "\
cargo xtask test             check everything; exit code 1 if anything failed or was skipped
cargo xtask test PART...     check some parts only:
{test}cargo xtask soak [PART...]   check what takes longer:
{soak}cargo xtask godot            build the library of the addon into the project in godot/
cargo xtask godot-notices    write godot/addons/sinew/THIRDPARTY.md anew, from what its library links
cargo xtask headers          write include/sinew.h and the C# declarations anew from src/capi
cargo xtask unreal           put the library of this machine into unreal/Sinew, so that the folder is a whole plugin
cargo xtask unity            write the .meta files of unity/ anew, put the native library there, and make the package's archive
cargo xtask bench [ARG...]   measure beside other libraries, see bench/README.md (installs them first; a quarter of an hour)
cargo xtask fuzz [TARGET] [--seconds N]
                             fuzz one target of src/fuzzing.rs, or all, for a minute each or for N seconds (builds libFuzzer first: minutes)
cargo xtask deny             ask cargo-deny for advisories too (installs it first: minutes; needs the network)
cargo xtask help             this text

What is built goes to `target`, or to $CARGO_TARGET_DIR."
    )
}
