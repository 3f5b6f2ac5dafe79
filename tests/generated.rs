//! What is generated and committed is what the sources say; `cargo xtask headers` writes it anew.

#[path = "../bindings/c/generate.rs"]
mod generate;
#[path = "../bindings/csharp/generate.rs"]
mod generate_csharp;

use std::fs;
use std::path::Path;

const HEADER: &str = "include/sinew.h";
const CSHARP: &str = "unity/Runtime/Core/Native/NativeMethods.cs";

fn committed(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path} is missing ({error}); run `cargo xtask headers` and commit it"))
}

fn committed_header() -> String {
    committed(HEADER)
}

fn compare(path: &str, generate: fn(&Path, &Path) -> Result<(), String>) {
    let committed = committed(path);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("generated");
    generate(Path::new(env!("CARGO_MANIFEST_DIR")), &out).unwrap_or_else(|sentence| panic!("{sentence}"));
    let fresh = fs::read_to_string(&out).expect("the file just written");

    let same_lines = committed.lines().zip(fresh.lines()).take_while(|(old, new)| old == new).count();
    assert!(
        committed == fresh,
        "{path} is not what src/capi declares (they part at line {}); run `cargo xtask headers` and commit it",
        same_lines + 1
    );
}

#[test]
fn the_committed_header_is_what_src_capi_declares() {
    compare(HEADER, generate::generate);
}

#[test]
fn the_committed_csharp_declarations_are_what_src_capi_declares() {
    compare(CSHARP, generate_csharp::generate);
}

/// Two generators read the same source; neither may pass over something the other sees.
#[test]
fn csharp_declares_all_that_the_header_does() {
    let csharp = committed(CSHARP);
    let header = committed_header();
    let mut seen = 0;
    for line in header.lines() {
        let constant = line.strip_prefix("#define SINEW_").and_then(|rest| rest.split_once(' '));
        if let Some((name, value)) = constant {
            assert!(csharp.contains(&format!(" SINEW_{name} = {value};")), "{CSHARP} has no SINEW_{name} = {value}");
            seen += 1;
        }
        let function = line.split_once('(').and_then(|(before, _)| before.rsplit([' ', '*']).next());
        if let Some(name) = function.filter(|name| name.starts_with("sinew_") && !line.starts_with([' ', '/'])) {
            assert!(csharp.contains(&format!(" {name}(")), "{CSHARP} has no {name}");
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} names were found in the header: this test no longer reads it right");
}

/// The header's readers do not know rustdoc.
#[test]
fn the_committed_header_has_no_rustdoc_links() {
    for (index, line) in committed_header().lines().enumerate() {
        assert!(
            !line.contains("[`") && !line.contains("`]") && !line.contains("crate::"),
            "include/sinew.h:{}: `{}` is a link only rustdoc understands; write the C name in plain backticks",
            index + 1,
            line.trim()
        );
    }
}
