//! The documents lead somewhere: every relative link names a file, and the book names all of its pages.

use std::fs;
use std::path::{Path, PathBuf};

const PLACES: &[&str] = &[".", "docs", "src/wire", "godot", "unity", "unreal", "bindings", "bench"];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn relative_links_lead_to_files() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap_or_else(|error| panic!("{document:?}: {error}"));
        for (line, target) in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            let relative = !file.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if relative && !document.parent().unwrap_or(package()).join(file).exists() {
                broken.push(format!("{}:{line}: ({target}) leads nowhere", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_book_names_all_of_its_pages() {
    let book = package().join("docs");
    let summary = fs::read_to_string(book.join("SUMMARY.md")).expect("docs/SUMMARY.md");
    let named: Vec<String> = links(&summary).map(|(_, target)| target).collect();
    for page in documents().into_iter().filter(|page| page.starts_with(&book)) {
        let name = page.strip_prefix(&book).expect("a page of the book").to_string_lossy().replace('\\', "/");
        assert!(name == "SUMMARY.md" || named.contains(&name), "docs/{name} is not in docs/SUMMARY.md, so no reader of the book finds it");
    }
}

#[test]
fn links_are_found() {
    let text = "[a](b.md) and ![c](d.png \"title\")\n```\n[not](code)\n```\n`[nor](this)` [e](<f g.md>)";
    let found: Vec<(usize, String)> = links(text).collect();
    assert_eq!(found, [(1, "b.md".to_owned()), (1, "d.png".to_owned()), (5, "f g.md".to_owned())]);
}

/// The Markdown files in and under the places, the package's own folder without what is under it.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in PLACES {
        collect(&package().join(place), *place != ".", &mut found);
    }
    found.sort();
    found
}

fn collect(folder: &Path, deep: bool, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() && deep {
            collect(&path, deep, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The targets of inline links, with their lines; what stands in code is no link.
fn links(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        for (at, _) in prose.match_indices("](").filter(|_| !fenced) {
            let rest = &prose[at + 2..];
            let target = match rest.strip_prefix('<') {
                Some(rest) => rest.split('>').next(),
                None => rest.split([')', ' ']).next(),
            };
            found.push((index + 1, target.unwrap_or_default().to_owned()));
        }
    }
    found.into_iter()
}
