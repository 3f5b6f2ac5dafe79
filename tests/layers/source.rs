//! Reads Rust sources the way the rules want them: code without comments and literals, comments apart, test code marked.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// One source file.
pub(crate) struct Source {
    /// Relative to the package, with `/`.
    pub(crate) path: String,
    pub(crate) lines: Vec<Line>,
}

#[derive(Default)]
pub(crate) struct Line {
    /// What the compiler acts on: comments are gone, what stood in string and character literals is blank.
    pub(crate) code: String,
    /// The text of the comments that touch this line.
    pub(crate) comment: String,
    /// Compiled only for tests.
    pub(crate) test: bool,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut lines = split(text);
        mark_tests(&mut lines, path.starts_with("tests/") || path.contains("/tests/"));
        Source { path: path.to_owned(), lines }
    }

    /// The lines with their numbers.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether the file lies in one of `places`: each a folder, or a file without its `.rs`.
    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')))
    }

    /// Whether the comment on line `number`, or the comment lines directly above it, contain `words`.
    pub(crate) fn says(&self, number: usize, words: &str) -> bool {
        let above = self.lines[..number - 1].iter().rev().take_while(|line| line.code.trim().is_empty() && !line.comment.is_empty());
        std::iter::once(&self.lines[number - 1]).chain(above).any(|line| line.comment.contains(words))
    }

    /// The modules this file declares, each with whether only tests see it. Inline modules do not count.
    pub(crate) fn modules(&self) -> impl Iterator<Item = (&str, bool)> {
        self.lines.iter().filter_map(|line| {
            let declared = line.code.trim().strip_suffix(';')?.rsplit_once("mod ")?;
            let visibility = declared.0.trim();
            (visibility.is_empty() || visibility.contains("pub")).then_some((declared.1.trim(), line.test))
        })
    }
}

/// Every `.rs` file under `places` (folders or files of the package; absent ones are skipped), in order.
pub(crate) fn read(places: &[&str]) -> Vec<Source> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = BTreeSet::new();
    for place in places {
        collect(&package.join(place), &mut paths);
    }
    let mut sources: Vec<Source> = paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            let relative = path.strip_prefix(package).expect("found under the package").to_string_lossy().replace('\\', "/");
            Source::parse(&relative, &text)
        })
        .collect();
    mark_test_files(&mut sources);
    sources
}

fn collect(place: &Path, paths: &mut BTreeSet<std::path::PathBuf>) {
    if place.extension().is_some_and(|extension| extension == "rs") && place.is_file() {
        paths.insert(place.to_owned());
    } else if let Ok(entries) = fs::read_dir(place) {
        for entry in entries.flatten().filter(|entry| entry.file_name() != "target") {
            collect(&entry.path(), paths);
        }
    }
}

/// A file behind `#[cfg(test)] mod name;` is test code from its first line, and so is what lies under it.
fn mark_test_files(sources: &mut [Source]) {
    let mut test_places = Vec::new();
    for source in sources.iter() {
        let stem = source.path.trim_end_matches(".rs");
        let folder = stem.strip_suffix("/mod").or(stem.strip_suffix("/lib")).or(stem.strip_suffix("/main")).unwrap_or(stem);
        test_places.extend(source.modules().filter(|(_, test)| *test).map(|(name, _)| format!("{folder}/{name}")));
    }
    let test_places: Vec<&str> = test_places.iter().map(String::as_str).collect();
    for source in sources.iter_mut().filter(|source| source.is_in(&test_places)) {
        source.lines.iter_mut().for_each(|line| line.test = true);
    }
}

/// Marks what an attribute such as `#[cfg(test)]` belongs to: up to the end of the block that follows, or to the `;`.
fn mark_tests(lines: &mut [Line], whole_file: bool) {
    let (mut inside, mut depth) = (false, 0usize);
    for line in lines {
        let attribute = line.code.find("#[cfg(").map(|start| &line.code[start..]);
        let begins = !inside && attribute.is_some_and(|attribute| has_word(attribute, "test") && !attribute.contains("not(test"));
        inside |= begins;
        line.test = inside || whole_file;
        if inside {
            let code = if begins { line.code.split_once(")]").map_or("", |(_, rest)| rest) } else { line.code.as_str() };
            for character in code.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => {
                        depth = depth.saturating_sub(1);
                        inside &= depth > 0;
                    }
                    ';' if depth == 0 => inside = false,
                    _ => {}
                }
            }
        }
    }
}

/// Whether `code` contains `word` as a whole identifier (`word` may be a path such as `Instant::now`).
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    word_positions(code, word).next().is_some()
}

/// Where `word` begins in `code` as a whole identifier. A lifetime of that name is another thing.
pub(crate) fn word_positions<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let of_name = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).map(|(start, _)| start).filter(move |&start| {
        let longer_before = code[..start].chars().next_back().is_some_and(|before| of_name(before) || before == '\'');
        let longer_after = word.ends_with(of_name) && code[start + word.len()..].starts_with(of_name);
        !longer_before && !longer_after
    })
}

/// What the reader of a file is inside of.
enum Inside {
    Code,
    LineComment,
    BlockComment(usize),
    /// A string that ends with a quote and this many `#`; `None` where a backslash escapes (not raw).
    Text(Option<usize>),
}

/// Splits the text into lines, comments apart from code.
fn split(text: &str) -> Vec<Line> {
    let characters: Vec<char> = text.chars().collect();
    let (mut lines, mut line, mut inside, mut at) = (Vec::new(), Line::default(), Inside::Code, 0);
    while let Some(&character) = characters.get(at) {
        let rest = &characters[at..];
        let next = rest.get(1).copied();
        let mut width = 1;
        if character == '\n' {
            lines.push(std::mem::take(&mut line));
            if matches!(inside, Inside::LineComment) {
                inside = Inside::Code;
            }
        } else {
            match inside {
                Inside::Code if character == '/' && next == Some('/') => inside = Inside::LineComment,
                Inside::Code if character == '/' && next == Some('*') => (inside, width) = (Inside::BlockComment(1), 2),
                Inside::Code if character == '"' => {
                    inside = Inside::Text(raw_marks(&line.code));
                    line.code.push('"');
                }
                Inside::Code if character == '\'' && character_width(rest).is_some() => {
                    width = character_width(rest).unwrap_or(1);
                    line.code.push_str("' '");
                }
                Inside::Code => line.code.push(character),
                Inside::LineComment => line.comment.push(character),
                Inside::BlockComment(depth) => match (character, next) {
                    ('*', Some('/')) => (inside, width) = (if depth == 1 { Inside::Code } else { Inside::BlockComment(depth - 1) }, 2),
                    ('/', Some('*')) => (inside, width) = (Inside::BlockComment(depth + 1), 2),
                    _ => line.comment.push(character),
                },
                Inside::Text(None) if character == '\\' => width = if next == Some('\n') { 1 } else { 2 },
                Inside::Text(marks)
                    if character == '"' && rest[1..].iter().take_while(|&&mark| mark == '#').count() >= marks.unwrap_or(0) =>
                {
                    line.code.push('"');
                    (inside, width) = (Inside::Code, 1 + marks.unwrap_or(0));
                }
                Inside::Text(_) => {}
            }
        }
        at += width;
    }
    lines.push(line);
    lines
}

/// Whether the string that begins after `code` is raw, and with how many `#`.
fn raw_marks(code: &str) -> Option<usize> {
    let prefix = code.trim_end_matches('#');
    prefix.ends_with('r').then(|| code.len() - prefix.len())
}

/// How many characters the character literal at the start of `rest` takes; `None` for a lifetime.
fn character_width(rest: &[char]) -> Option<usize> {
    match rest {
        ['\'', '\\', _, tail @ ..] => tail.iter().position(|&character| character == '\'').map(|position| position + 4),
        ['\'', _, '\'', ..] => Some(3),
        _ => None,
    }
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = "let a = \"unsafe \\\" // no\"; // why unsafe\nlet b = r#\"x \" unsafe\"#; /* one /* two */ unsafe */ c('\"', '\\'', 'static);\n\"over\nlines\" d";
    let source = Source::parse("src/a.rs", text);
    let code: Vec<&str> = source.lines.iter().map(|line| line.code.as_str()).collect();
    assert_eq!(code, ["let a = \"\"; ", "let b = r#\"\";  c(' ', ' ', 'static);", "\"", "\" d"]);
    assert_eq!(source.lines[0].comment, "/ why unsafe");
    assert!(source.says(2, "unsafe") && !source.says(3, "unsafe"));
    assert!(has_word("a.unwrap()", "unwrap") && !has_word("unwrap_or()", "unwrap") && !has_word("&'static str", "static"));
}

#[test]
fn test_code_is_known() {
    let source = Source::parse("src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n#[cfg(test)]\nmod c;\nmod d;\n");
    let marks: Vec<bool> = source.lines.iter().map(|line| line.test).collect();
    assert_eq!(marks, [false, true, true, true, true, true, true, false, false]);
    assert_eq!(source.modules().collect::<Vec<_>>(), [("c", true), ("d", false)]);

    let mut sources = [source, Source::parse("src/a/c.rs", "x"), Source::parse("src/a/d.rs", "x")];
    mark_test_files(&mut sources);
    assert!(sources[1].lines[0].test && !sources[2].lines[0].test);
}
