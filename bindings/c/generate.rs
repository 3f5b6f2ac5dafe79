//! Writes the C header out of `src/capi`. Both `build.rs` (cargo feature `headers`) and `tests/generated.rs` are built with this
//! file, so that what is compared is what is generated.

use std::path::Path;

/// Where a section of the header begins, and what a reader finds there.
const SECTIONS: &[(&str, &str)] = &[
    ("#define SINEW_ABI_VERSION", "The version"),
    ("#define SINEW_RESULT_OK", "Results: what functions answer. See ERRORS above"),
    ("#define SINEW_MODE_RELIABLE", "Modes: how a message is sent"),
    ("#define SINEW_EVENT_STARTED", "Events: what sinew_server_poll hands over, and which fields of sinew_event each type fills"),
    ("#define SINEW_DISCONNECT_LOST", "Why a link went down"),
    ("#define SINEW_LEAVE_STOPPED", "Why a remote server has left"),
    ("#define SINEW_STOP_REQUESTED", "Why this server has stopped"),
    ("#define SINEW_LOG_ERROR", "How severe a line of the log is"),
    ("#define SINEW_STATE_DISCONNECTED", "How it stands with a remote server"),
    ("#define SINEW_DIRECTION_OUTGOING", "Who dials whom"),
    ("#define SINEW_VISIBILITY_INTERNAL", "Whom a group is for"),
    ("typedef struct sinew_server sinew_server;", "Types"),
    ("#ifdef __cplusplus\nextern", "Functions"),
];

/// Writes to `out` the header of the package in `package`; an error is one sentence saying what is wrong.
///
/// Only `src/capi` is read: a constant or a struct elsewhere in the crate can never slip into the C ABI.
pub(crate) fn generate(package: &Path, out: &Path) -> Result<(), String> {
    let conventions = package.join("bindings/c/conventions.h");
    let conventions = std::fs::read_to_string(&conventions).map_err(|error| format!("{conventions:?} cannot be read: {error}"))?;
    let mut config = cbindgen::Config::from_file(package.join("cbindgen.toml"))?;
    config.header = Some(conventions.trim_end().to_owned());

    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(package.join("src/capi/mod.rs"))
        .generate()
        .map_err(|error| format!("src/capi cannot be turned into a C header: {error}"))?
        .write(&mut text);
    let text = String::from_utf8(text).map_err(|_| "cbindgen wrote a header that is not UTF-8")?;
    let text = for_readers(&text)?;
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
    }
    std::fs::write(out, text).map_err(|error| format!("{out:?} cannot be written: {error}"))
}

/// What cbindgen has no setting for: sections, constants of one kind together, comments of one line on one line, no `//`.
fn for_readers(text: &str) -> Result<String, String> {
    let text =
        text.replace("#endif // __cplusplus", "#endif").replace("#endif  // __cplusplus", "#endif").replace("}  // extern \"C\"", "}");
    let (types, functions) = text.split_once("extern \"C\" {").ok_or("the header has no functions")?;
    // The typedef is enough, and the tag only repeats itself.
    let text = format!("{types}extern \"C\" {{{}", functions.replace("struct sinew_", "sinew_"));

    let mut header = String::new();
    let mut sections = SECTIONS.iter();
    let mut next = sections.next();
    let mut last_family = None;
    for block in text.split("\n\n") {
        let family = block.split("#define SINEW_").nth(1).and_then(|name| name.split('_').next());
        header.push_str(if family.is_some() && family == last_family { "\n" } else { "\n\n" });
        last_family = family;
        if let Some((_, title)) = next.filter(|(begin, _)| block.contains(begin)) {
            header.push_str(&format!("/* ---- {title}. {} */\n\n", "-".repeat(108_usize.saturating_sub(title.len()))));
            next = sections.next();
        }
        header.push_str(&short_comments(block));
    }
    match next {
        None => Ok(header.trim_start().to_owned()),
        Some((begin, _)) => {
            Err(format!("the header has no `{begin}`, where a section of bindings/c/generate.rs begins, or has it too early"))
        }
    }
}

/// `/**`, one line and `*/` become one line.
fn short_comments(block: &str) -> String {
    let lines: Vec<&str> = block.split('\n').collect();
    let mut short = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let three = lines.get(index..index + 3).filter(|three| three[0].trim() == "/**" && three[2].trim() == "*/");
        if let Some(text) = three.and_then(|three| three[1].trim().strip_prefix("* ")) {
            let indent = lines[index].len() - lines[index].trim_start().len();
            short.push(format!("{}/** {text} */", " ".repeat(indent)));
            index += 3;
        } else {
            short.push(lines[index].to_owned());
            index += 1;
        }
    }
    short.join("\n")
}
