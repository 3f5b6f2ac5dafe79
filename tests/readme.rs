//! The README shows programs that are built and run.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// What stands between ` ```LANGUAGE ` and the end of the fence.
fn block(text: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    let begin = text.find(&fence).unwrap_or_else(|| panic!("the README has no {language} block")) + fence.len();
    let end = text[begin..].find("```").expect("the block ends");
    text[begin..begin + end].to_string()
}

/// `cargo xtask test c` builds and runs that file; the README's Rust block is a doctest of the crate.
#[test]
fn the_c_program_in_the_readme_is_the_one_that_is_tested() {
    assert_eq!(block(&read("README.md"), "c"), read("tests/c/example.c"), "copy tests/c/example.c into the README");
}

#[test]
fn the_readmes_configuration_is_one() {
    let toml = block(&read("README.md"), "toml");
    sinew::ServerConfig::load(&toml, "README.md", std::iter::empty()).unwrap_or_else(|error| panic!("{error}"));
}
