//! What is generated and committed is what the sources say; `cargo xtask headers` writes it anew.

#[path = "../bindings/c/generate.rs"]
mod generate;

use std::fs;
use std::path::Path;

fn committed_header() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/sinew.h"))
        .unwrap_or_else(|error| panic!("include/sinew.h is missing ({error}); run `cargo xtask headers` and commit it"))
}

#[test]
fn the_committed_header_is_what_src_capi_declares() {
    let committed = committed_header();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("sinew.h");
    generate::generate(Path::new(env!("CARGO_MANIFEST_DIR")), &path).unwrap_or_else(|sentence| panic!("{sentence}"));
    let fresh = fs::read_to_string(&path).expect("the header just written");

    let same_lines = committed.lines().zip(fresh.lines()).take_while(|(old, new)| old == new).count();
    assert!(
        committed == fresh,
        "include/sinew.h is not what src/capi declares (they part at line {}); run `cargo xtask headers` and commit it",
        same_lines + 1
    );
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
