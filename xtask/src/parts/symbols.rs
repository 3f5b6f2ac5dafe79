//! What the shared library shows to the loader: the functions of the header, all of them and nothing else.

use crate::outcome::Outcome;
use crate::shell::{build_release, output, root, target};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

pub(super) fn check() -> Outcome {
    let library = match build_release().and_then(|()| target()) {
        Ok(target) => target.join("release/libsinew.so"),
        Err(sentence) => return Err(sentence).into(),
    };
    let mut outcome = Outcome::default();
    outcome.add(exports(&library));
    outcome.add(dynamic_section(&library));
    outcome
}

fn exports(library: &Path) -> Result<(), String> {
    let header = fs::read_to_string(root().join("include/sinew.h")).map_err(|_| "include/sinew.h is missing; run cargo xtask headers")?;
    let declared = declared_functions(&header);
    let listing = output(Command::new("nm").args(["--dynamic", "--defined-only", "--format=posix"]).arg(library))?;
    let exported: BTreeSet<&str> = listing.lines().filter_map(|line| line.split_whitespace().next()).collect();
    println!("{} functions in include/sinew.h, {} symbols in {}", declared.len(), exported.len(), library.display());

    let list = |symbols: Vec<&&str>| symbols.into_iter().copied().collect::<Vec<_>>().join(", ");
    let missing = list(declared.difference(&exported).collect());
    let strange = list(exported.difference(&declared).collect());
    match (declared.is_empty(), missing.as_str(), strange.as_str()) {
        (true, ..) => Err("include/sinew.h declares no functions".to_owned()),
        (false, "", "") => Ok(()),
        (false, "", strange) => Err(format!("the library exports what include/sinew.h does not declare: {strange}")),
        (false, missing, _) => Err(format!("the library does not export what include/sinew.h declares: {missing}")),
    }
}

/// The names before a `(` outside of comments.
pub(super) fn declared_functions(header: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for code in header.split("/*").map(|text| text.split_once("*/").map_or(text, |(_, code)| code)) {
        for (end, _) in code.match_indices('(') {
            let before = &code[..end];
            let name = &before[before.rfind(|character: char| !character.is_alphanumeric() && character != '_').map_or(0, |at| at + 1)..];
            if name.starts_with("sinew_") {
                names.insert(name);
            }
        }
    }
    names
}

/// `build.rs` says why each of these is wanted.
fn dynamic_section(library: &Path) -> Result<(), String> {
    let section = output(Command::new("readelf").args(["--dynamic", "--wide"]).arg(library))?;
    if !section.lines().any(|line| line.contains("(SONAME)") && line.contains("[libsinew.so.0]")) {
        return Err("the library's SONAME is not libsinew.so.0".to_owned());
    }
    if !section.lines().any(|line| line.contains("(FLAGS_1)") && line.contains("NODELETE")) {
        return Err("the library may be unmapped by dlclose: it is not linked with -z nodelete".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_in_a_header() {
        let header = "/* call sinew_no(1) */\n#define SINEW_A 1\nsinew_result sinew_a(struct sinew_server *server,\n  int b);\n/**\n * sinew_not() */\nvoid sinew_c(void);\n";
        assert_eq!(declared_functions(header).into_iter().collect::<Vec<_>>(), ["sinew_a", "sinew_c"]);
    }
}
