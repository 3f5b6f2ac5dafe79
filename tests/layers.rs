//! The invariants of the sources that the compiler does not hold by itself. Each rule says why it is there when it is broken.
//!
//! Most rules look at what is shipped and leave test code alone: inline `#[cfg(test)]` modules and files declared by one.

#[path = "layers/source.rs"]
mod source;

use source::{Source, has_word, read, word_positions};
use std::path::Path;

/// Who may use whom, in flow order: a module of `src/`, and the modules, or single items of them, that it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("buffer", &[]),
    ("error", &["config", "id"]),
    ("config", &["error", "id"]),
    ("message", &["error"]),
    ("wire", &["config", "error", "id", "message"]),
    ("transport", &["config", "error", "id", "wire"]),
    ("registry", &["config", "error", "id", "transport", "wire"]),
    ("cluster", &["config", "error", "id", "registry", "wire"]),
    // Links and events carry the cluster's words and the record of a remote server; neither decides anything with them.
    (
        "link",
        &["buffer", "config", "error", "event", "id", "message", "transport", "wire", "registry::Registration", "server::RemoteServer"],
    ),
    ("link", CLUSTER_WORDS),
    (
        "event",
        &[
            "buffer",
            "config",
            "error",
            "id",
            "message",
            "link::Peer",
            "registry::Registration",
            "server::RemoteServer",
            "server::Reply",
            "server::Request",
        ],
    ),
    ("event", CLUSTER_WORDS),
    ("runtime", &["config", "error", "event"]),
    ("server", &["cluster", "config", "error", "event", "id", "link", "message", "registry", "runtime", "transport", "wire"]),
    ("capi", &["config", "error", "event", "id", "message", "registry::Registration", "server"]),
    ("capi", CLUSTER_WORDS),
    // Compiled only for tests and the feature of its name.
    ("fuzzing", &[]),
];

/// Plain values of the state machine that others pass on.
const CLUSTER_WORDS: &[&str] = &[
    "cluster::Direction",
    "cluster::DisconnectReason",
    "cluster::Goal",
    "cluster::LeaveReason",
    "cluster::LinkEnd",
    "cluster::LinkEndReason",
    "cluster::LinkId",
    "cluster::Passport",
    "cluster::StopReason",
];

/// State machines and encodings: they take bytes and `now` and return what to do.
const PURE: &[&str] =
    &["src/cluster", "src/link/session", "src/link/lanes", "src/link/reassembly", "src/wire", "src/message", "src/config"];

/// `static` items outside `src/capi` that hold state: file, name, and why it is not shared by servers in a way they could notice.
const ALLOWED_STATICS: &[(&str, &str, &str)] =
    &[("src/runtime.rs", "LOG", "one for each IO thread, and an IO thread works for one server and ends with it")];

const MOST_LINES: usize = 600;
const MOST_MEDIAN_LINES: usize = 220;

fn fail_on(broken: Vec<String>) {
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

/// Applies `check` to the code of every line that `applies` to; what it returns is the reason why the line is not allowed.
fn each_line(sources: &[Source], check: impl Fn(&Source, usize, &source::Line) -> Option<String>) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources {
        broken.extend(
            source
                .numbered()
                .filter_map(|(number, line)| check(source, number, line).map(|reason| format!("{}:{number}: {reason}", source.path))),
        );
    }
    broken
}

#[test]
fn unsafe_code_lives_in_capi_and_in_the_prefetch_alone() {
    fail_on(unsafe_code(&read(&["src", "xtask", "build.rs"])));
}

fn unsafe_code(sources: &[Source]) -> Vec<String> {
    each_line(sources, |source, _, line| {
        (has_word(&line.code, "unsafe") && !source.is_in(&["src/capi", "src/buffer/prefetch"]))
            .then(|| "unsafe code lives in src/capi, where every pointer comes in, and in the one instruction of src/buffer/prefetch.rs; do it safely, or there".to_owned())
    })
}

#[test]
fn pure_modules_do_no_io_and_read_no_clock() {
    fail_on(impure(&read(&["src"])));
}

fn impure(sources: &[Source]) -> Vec<String> {
    let names =
        ["tokio", "TcpStream", "TcpListener", "UdpSocket", "Instant::now", "SystemTime", "thread::spawn", "thread::sleep", "Connector"];
    each_line(sources, |source, _, line| {
        let name = names.iter().find(|name| !line.test && source.is_in(PURE) && has_word(&line.code, name))?;
        Some(format!("`{name}` in a module that must stay pure: take `now` and bytes as arguments and return what is to be done"))
    })
}

#[test]
fn bincode_is_behind_wire_and_message() {
    fail_on(bincode(&read(&["src"])));
}

fn bincode(sources: &[Source]) -> Vec<String> {
    each_line(sources, |source, _, line| {
        (!line.test && has_word(&line.code, "bincode") && !source.is_in(&["src/wire", "src/message"]))
            .then(|| "bincode is no longer developed (RUSTSEC-2025-0141) and stays replaceable behind src/wire and src/message".to_owned())
    })
}

#[test]
fn every_module_uses_only_the_layers_below() {
    fail_on(layering(&read(&["src"])));
}

fn layering(sources: &[Source]) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources.iter().filter(|source| !source.is_in(&["src/lib", "src/bin"])) {
        let module = source.path["src/".len()..].split(['/', '.']).next().unwrap_or_default();
        let rows = || LAYERS.iter().filter(|(name, _)| *name == module);
        if rows().next().is_none() {
            broken.push(format!("{}:1: `{module}` has no row in LAYERS of tests/layers.rs; say there what it may use", source.path));
            continue;
        }
        for (number, path) in paths_used(source) {
            let used = path.split("::").next().unwrap_or_default();
            // A name at the crate's root would hide where it comes from; only the C ABI is built on the public API.
            let public = module == "capi" && used.starts_with(char::is_uppercase);
            let allowed =
                used == module || public || rows().any(|(_, allowed)| allowed.contains(&used) || allowed.contains(&path.as_str()));
            if !allowed {
                broken.push(format!("{}:{number}: `{module}` may not use `{path}`: see LAYERS in tests/layers.rs", source.path));
            }
        }
    }
    broken
}

/// What shipped code of this file names of the crate, as `module`, `module::Item` or a bare `Item` of the root, with the lines.
fn paths_used(source: &Source) -> Vec<(usize, String)> {
    let code: String = source.lines.iter().map(|line| if line.test { "\n".to_owned() } else { format!("{}\n", line.code) }).collect();
    // `super::` leads to the root of the crate from the files right below it.
    let depth = source.path.trim_end_matches("/mod.rs").matches('/').count();
    let roots: &[&str] = if depth == 1 { &["crate::", "super::"] } else { &["crate::", "super::super::"] };
    let is_module = |name: &str| LAYERS.iter().any(|(module, _)| *module == name);
    let is_item = |root: &str, name: &str| root == "crate::" && name.starts_with(char::is_uppercase);
    let mut used = Vec::new();
    for root in roots {
        for start in word_positions(&code, root) {
            let line = code[..start].matches('\n').count() + 1;
            for (name, rest) in branches(&code[start + root.len()..]) {
                let items = rest.filter(|_| is_module(name)).map(branches).unwrap_or_default();
                if items.is_empty() && (is_module(name) || is_item(root, name)) {
                    used.push((line, name.to_owned()));
                }
                used.extend(items.into_iter().map(|(item, _)| (line, format!("{name}::{item}"))));
            }
        }
    }
    used
}

/// The first names of a path or of a group of paths, each with what follows its `::`. `{a, b::{c, d}}` is `a` and `b`, `{c, d}}`.
fn branches(path: &str) -> Vec<(&str, Option<&str>)> {
    let Some(group) = path.strip_prefix('{') else { return vec![first_name(path)] };
    let (mut found, mut depth, mut begins) = (Vec::new(), 1, true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' => begins |= depth == 1,
            _ if begins && depth == 1 && !character.is_whitespace() => {
                found.push(first_name(&group[at..]));
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

fn first_name(path: &str) -> (&str, Option<&str>) {
    let end = path.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(path.len());
    (&path[..end], path[end..].strip_prefix("::"))
}

#[test]
fn no_state_is_shared_by_the_servers_of_a_process() {
    fail_on(shared_state(&read(&["src"])));
}

fn shared_state(sources: &[Source]) -> Vec<String> {
    let holders = ["Runtime", "Once", "OnceLock", "OnceCell", "LazyLock", "Lazy", "Mutex", "RwLock", "RefCell", "Cell"];
    let process_wide = ["lazy_static", "set_global_default", "install_default", "set_hook"];
    each_line(sources, |source, _, line| {
        if line.test || source.is_in(&["src/capi", "src/bin"]) {
            return None;
        }
        let name = process_wide.iter().find(|name| has_word(&line.code, name)).map(|name| (*name).to_owned()).or_else(|| {
            let item = &line.code[word_positions(&line.code, "static").next()?..];
            let holds = item.contains("static mut ") || item.contains("Atomic") || holders.iter().any(|holder| has_word(item, holder));
            let name = item.trim_start_matches("static ").trim_start_matches("mut ").split(':').next()?.trim().to_owned();
            let allowed = ALLOWED_STATICS.iter().any(|(file, allowed, _)| *file == source.path && *allowed == name);
            (holds && !allowed).then_some(name)
        })?;
        Some(format!("`{name}` belongs to the whole process, but servers in one process share nothing; keep it in the server"))
    })
}

#[test]
fn shipped_code_does_not_unwrap() {
    fail_on(unwraps(&read(&["src"])));
}

fn unwraps(sources: &[Source]) -> Vec<String> {
    each_line(sources, |source, number, line| {
        let call = [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err("].into_iter().find(|call| line.code.contains(call))?;
        (!line.test && !source.says(number, "cannot fail:")).then(|| {
            format!("`{call}` ends the game's server when it is wrong; return an error, or write `// cannot fail: <why>` beside it")
        })
    })
}

#[test]
fn files_stay_readable() {
    fail_on(sizes(&read(&["src", "tests", "xtask"])));
}

fn sizes(sources: &[Source]) -> Vec<String> {
    let length = |source: &Source| source.lines.len() - 1;
    let mut broken: Vec<String> = sources
        .iter()
        .filter(|source| length(source) > MOST_LINES)
        .map(|source| format!("{}:{}: over {MOST_LINES} lines; which second thing moved in?", source.path, length(source)))
        .collect();
    let mut shipped: Vec<usize> = sources.iter().filter(|source| source.path.starts_with("src/")).map(length).collect();
    shipped.sort_unstable();
    let median = shipped.get(shipped.len() / 2).copied().unwrap_or(0);
    if median > MOST_MEDIAN_LINES {
        broken.push(format!("src: the median file has {median} lines, over {MOST_MEDIAN_LINES}; split the longest"));
    }
    broken
}

#[test]
fn what_is_left_for_later_says_why() {
    fail_on(left_for_later(&read(&["src", "tests", "xtask", "build.rs", "godot", "bench", "bindings"])));
}

fn left_for_later(sources: &[Source]) -> Vec<String> {
    each_line(sources, |_, _, line| {
        let mark = ["TODO", "FIXME", "XXX"].into_iter().find(|mark| has_word(&line.comment, mark))?;
        let reason = line.comment.split(mark).nth(1).and_then(|rest| rest.strip_prefix(": ")).unwrap_or_default();
        (reason.split_whitespace().count() < 4)
            .then(|| format!("write `{mark}: ` and a sentence: what is missing, and why it can wait (or what it waits for)"))
    })
}

#[test]
fn tests_do_not_sleep() {
    fail_on(sleeps(&read(&["src", "tests", "xtask", "godot", "bench"])));
}

fn sleeps(sources: &[Source]) -> Vec<String> {
    each_line(sources, |source, number, line| {
        let sleeps = word_positions(&line.code, "sleep").any(|start| line.code[start..].starts_with("sleep("));
        (line.test && sleeps && !source.says(number, "bounded wait:")).then(|| {
            "a test that sleeps is slow when it passes and fails when the machine is busy; wait for the condition, \
             with a limit, and write `// bounded wait: <for what>`"
                .to_owned()
        })
    })
}

#[test]
fn every_folder_says_what_it_is_for() {
    let mut sources = read(&["src"]);
    sources.retain(|source| source.path.ends_with("/mod.rs") || source.path == "src/lib.rs");
    fail_on(unexplained(&sources));
}

fn unexplained(sources: &[Source]) -> Vec<String> {
    let explained = |source: &Source| source.lines[0].comment.starts_with("/!") && source.lines[0].code.is_empty();
    let broken = sources.iter().filter(|source| !explained(source));
    broken.map(|source| format!("{}:1: begin with `//!`: what it is for, what it may use, what it must never know", source.path)).collect()
}

/// A rule about a folder that has moved would pass for ever.
#[test]
fn the_rules_are_about_modules_that_exist() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = read(&["src/lib.rs"]);
    let declared: Vec<&str> = root[0].modules().map(|(name, _)| name).collect();
    assert!(declared.contains(&"error"), "src/lib.rs declares {declared:?}: its modules are not found");
    for place in PURE.iter().chain(&["src/capi"]) {
        let module = place["src/".len()..].split('/').next().unwrap_or_default();
        let exists = package.join(place).exists() || package.join(place).with_extension("rs").exists();
        assert!(
            exists || !declared.contains(&module),
            "src/lib.rs declares `{module}`, but {place} is gone: mend the rules in tests/layers.rs"
        );
    }
    for (module, _) in LAYERS {
        let exists = package.join("src").join(module).exists() || package.join("src").join(module).with_extension("rs").exists();
        assert!(exists == declared.contains(module), "src/{module} and the `mod` lines of src/lib.rs do not agree");
    }
}

/// Every rule, seen failing.
#[test]
fn the_rules_bite() {
    let bites = |rule: fn(&[Source]) -> Vec<String>, path: &str, text: &str| {
        let broken = rule(&[Source::parse(path, text)]);
        assert!(!broken.is_empty() && broken[0].starts_with(path), "{path}: {text:?} passes");
    };
    let passes = |rule: fn(&[Source]) -> Vec<String>, path: &str, text: &str| {
        assert_eq!(rule(&[Source::parse(path, text)]), Vec::<String>::new(), "{path}: {text:?}");
    };
    bites(unsafe_code, "src/link/mod.rs", "unsafe { f() }");
    passes(unsafe_code, "src/capi/mod.rs", "unsafe { f() }");
    passes(unsafe_code, "src/link/mod.rs", "// unsafe\nlet a = \"unsafe\";");
    bites(impure, "src/link/session.rs", "let now = std::time::Instant::now();");
    bites(impure, "src/cluster/topology.rs", "use tokio::sync::mpsc;");
    passes(impure, "src/link/outbox.rs", "use tokio::sync::mpsc;");
    passes(impure, "src/cluster/topology.rs", "#[cfg(test)]\nmod tests {\n    let now = Instant::now();\n}");
    bites(bincode, "src/link/mod.rs", "bincode::serde::encode_to_vec(a);");
    bites(layering, "src/config/mod.rs", "use super::server::Server;");
    bites(layering, "src/cluster/mod.rs", "use crate::{\n    id::ServerId,\n    link::Link,\n};");
    bites(layering, "src/link/dial.rs", "let a = super::super::cluster::A;");
    bites(layering, "src/novel.rs", "fn f() {}");
    bites(layering, "src/link/dial.rs", "use crate::cluster::{Goal, Membership};");
    bites(layering, "src/link/dial.rs", "use crate::cluster;");
    bites(layering, "src/link/dial.rs", "use crate::{RemoteServer, id};");
    passes(layering, "src/capi/server.rs", "use crate::{RemoteServer, id};");
    passes(layering, "src/link/dial.rs", "use crate::cluster::{Goal, LinkEnd::{self, Lost}};\nfn f(a: &crate::server::RemoteServer) {}");
    passes(layering, "src/cluster/mod.rs", "use crate::{id::{self, server}, wire::Frame};\nuse crate::cluster::topology;");
    bites(shared_state, "src/runtime.rs", "pub static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();");
    bites(shared_state, "src/link/mod.rs", "static NEXT: AtomicU64 = AtomicU64::new(1);");
    bites(shared_state, "src/link/mod.rs", "static mut NEXT: u64 = 1;");
    passes(shared_state, "src/link/mod.rs", "static NAMES: [&str; 1] = [\"a\"];\nfn f(a: &'static Mutex<u8>) {}");
    bites(unwraps, "src/server/mod.rs", "f().unwrap();");
    bites(unwraps, "src/server/mod.rs", "// cannot fail: said too early\nlet a = 1;\nf().expect(\"b\");");
    passes(unwraps, "src/server/mod.rs", "// cannot fail: four bytes were just checked\nf().expect(\"b\");");
    bites(sizes, "src/server/mod.rs", &"a\n".repeat(MOST_LINES + 1));
    bites(left_for_later, "src/server/mod.rs", "fn f() {} // TODO later");
    passes(left_for_later, "src/server/mod.rs", "// TODO: datagrams, once the handshake carries the port");
    bites(sleeps, "tests/link.rs", "std::thread::sleep(second);");
    passes(sleeps, "tests/link.rs", "// bounded wait: until the socket is closed, 5 s\nsleep(tick).await;");
    passes(sleeps, "src/link/dial.rs", "tokio::time::sleep(back_off).await;");
    bites(unexplained, "src/link/mod.rs", "use crate::id;");
}
