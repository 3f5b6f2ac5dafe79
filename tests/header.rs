//! Strangers compile the header: in every dialect we promise, with the warnings they may have on, from two files of one program.
#![cfg(unix)]

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Includes the header twice, as programs do by way of their own headers, and so does a second file of the same program:
/// a missing guard, or a definition where there should be a declaration, fails here.
const MAIN: &str = "#include <sinew.h>\n#include <sinew.h>\nint other(void);\nint main(void) { return other(); }\n";
const OTHER: &str = "#include <sinew.h>\nint other(void);\nint other(void) { return SINEW_RESULT_OK; }\n";

#[test]
fn compiles_as_c99() {
    compile("CC", "cc", "gcc", "c", &["-std=c99", "-pedantic"]);
}

#[test]
fn compiles_as_c17() {
    compile("CC", "cc", "gcc", "c", &["-std=c17", "-pedantic", "-Wstrict-prototypes"]);
}

#[test]
fn compiles_as_cpp17() {
    compile("CXX", "c++", "g++", "cpp", &["-std=c++17", "-pedantic", "-fno-exceptions", "-fno-rtti"]);
}

#[test]
fn compiles_as_cpp20() {
    compile("CXX", "c++", "g++", "cpp", &["-std=c++20", "-pedantic", "-fno-exceptions", "-fno-rtti"]);
}

/// Builds and runs a program of two files. The compiler is `$variable`, by default `command`.
fn compile(variable: &str, command: &str, debian_package: &str, extension: &str, dialect: &[&str]) {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    assert!(include.join("sinew.h").exists(), "include/sinew.h is missing; run `cargo xtask headers`");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let sources = [("main", MAIN), ("other", OTHER)].map(|(name, text)| {
        let path = folder.path().join(name).with_extension(extension);
        fs::write(&path, text).expect("writing to the temporary folder");
        path
    });
    let program = folder.path().join("program");
    let compiler = env::var(variable).unwrap_or_else(|_| command.to_owned());
    let output = Command::new(&compiler)
        .args(dialect)
        .args(["-Wall", "-Wextra", "-Werror", "-I"])
        .arg(&include)
        .args(&sources)
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap_or_else(|error| panic!("`{compiler}` cannot be run ({error}); run `sudo apt-get install {debian_package}`"));
    assert!(output.status.success(), "{compiler} {}:\n{}", dialect.join(" "), String::from_utf8_lossy(&output.stderr));

    let ran = Command::new(&program).status().expect("the program just built");
    assert!(ran.success(), "the program built with {} ended with {ran}", dialect.join(" "));
}
