//! docs/cpp.md: its first project is built and run as it stands there, and every other block is compiled. And what docs/c.md says of CMake.

use super::{COMPILERS, LIMIT, build, cmake, free_address};
use crate::files::{copy, create, read, write};
use crate::parts::installed::Installed;
use crate::shell::{root, run};
use std::process::Command;
use std::thread;

/// One fenced block of the page.
struct Block {
    line: usize,
    language: String,
    /// The line before it says so: "`main.cpp`:".
    file: Option<String>,
    text: String,
}

/// What a block that is no whole program may use.
const AROUND: &str = "\
#include <sinew.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

constexpr std::uint16_t HELLO = 1, MAY_INVITE = 30, START_MATCH = 40;
inline void log(std::string_view) {}
inline void handle(const sinew::Event &) {}
";

const PARAMETERS: &str = "[[maybe_unused]] sinew::Server &server, [[maybe_unused]] const sinew::Event &event, \
    [[maybe_unused]] sinew::RemoteServer world, [[maybe_unused]] const std::vector<std::uint8_t> &bytes, \
    [[maybe_unused]] sinew::RequestId &invitation, [[maybe_unused]] int matches";

pub(super) fn blocks_compile(installed: &Installed) -> Result<(), String> {
    let mut text = AROUND.to_owned();
    let blocks: Vec<Block> = page("docs/cpp.md")?.into_iter().filter(|block| block.language == "cpp" && block.file.is_none()).collect();
    if blocks.is_empty() {
        return Err("docs/cpp.md shows nothing besides its first project".to_owned());
    }
    for block in blocks {
        let line = block.line;
        text += &format!(
            "\nvoid block_{line}({PARAMETERS});\nvoid block_{line}({PARAMETERS})\n{{\n#line {} \"docs/cpp.md\"\n{}}}\n",
            line + 1,
            block.text
        );
    }
    text += "\nint main() {}\n";
    let file = installed.folder().join("docs_cpp_md.cpp");
    write(&file, &text)?;
    // What an example leaves unused is not its point.
    let lenient: &[&str] = &["-std=c++17", "-Wno-unused-variable", "-Wno-unused-but-set-variable"];
    build(installed, COMPILERS[0], &[lenient], &[file], "docs_cpp_md").map(|_| ())
}

/// The four files of the page, in a folder; two servers that are started as the page says both hear of each other and end well.
///
/// The library is found where it was not installed: its folder has been moved.
pub(super) fn first_steps_work(installed: &Installed) -> Result<(), String> {
    let project = installed.folder().join("first_steps");
    let moved = installed.folder().join("moved");
    create(&moved)?;
    run(Command::new("cp").arg("-r").arg(installed.folder().join("include")).arg(installed.libraries()).arg(&moved))?;
    let files: Vec<(String, String)> = page("docs/cpp.md")?.into_iter().filter_map(|block| Some((block.file?, block.text))).collect();
    for (name, text) in &files {
        write(&project.join(name), text)?;
    }
    let program = cmake(&project, &moved, &project.join("build"))?.join("game");

    let address = free_address()?;
    let start = |config: &str| {
        let mut command = Command::new(&program);
        command.arg(project.join(config)).env("SINEW_LOG__TO", "none");
        command
    };
    let mut world = start("world.toml");
    world.env("SINEW_REGISTRY__LISTEN", &address);
    let mut lobby = start("lobby.toml");
    lobby.env("SINEW_REGISTRY__ADDRESSES", &address);
    // Whichever does not end is killed.
    thread::scope(|scope| {
        let world = scope.spawn(|| installed.run(world, LIMIT));
        installed.run(lobby, LIMIT)?;
        world.join().map_err(|_| "the world of docs/cpp.md could not be waited for")?
    })
}

/// The README's program as docs/c.md has CMake build it, for who has no C++ compiler.
pub(super) fn c_by_cmake_works(installed: &Installed) -> Result<(), String> {
    let project = installed.folder().join("c_by_cmake");
    let cmake_lists = page("docs/c.md")?.into_iter().find(|block| block.file.as_deref() == Some("CMakeLists.txt"));
    write(&project.join("CMakeLists.txt"), &cmake_lists.ok_or("docs/c.md shows no CMakeLists.txt")?.text)?;
    copy(&root().join("tests/c/example.c"), &project.join("game.c"))?;
    let built = cmake(&project, installed.folder(), &project.join("build"))?;
    installed.run(Command::new(built.join("game")), LIMIT)
}

fn page(name: &str) -> Result<Vec<Block>, String> {
    read(&root().join(name)).map(|text| blocks(&text))
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    let mut before = "";
    for (index, line) in text.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            if !open {
                let file = before.strip_prefix('`').and_then(|rest| rest.strip_suffix("`:")).map(str::to_owned);
                found.push(Block { line: index + 1, language: language.to_owned(), file, text: String::new() });
            }
            open = !open;
            before = "";
        } else if let Some(block) = found.last_mut().filter(|_| open) {
            block.text.push_str(line);
            block.text.push('\n');
        } else if !line.is_empty() {
            before = line;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_the_files_they_are() {
        let found = blocks("# Page\n\n`main.cpp`:\n\n```cpp\nint x;\n\nint y;\n```\n\n```sh\nls\n```\n");
        let shown: Vec<_> = found.iter().map(|it| (it.line, it.language.as_str(), it.file.as_deref(), it.text.as_str())).collect();
        assert_eq!(shown, [(5, "cpp", Some("main.cpp"), "int x;\n\nint y;\n"), (11, "sh", None, "ls\n")]);
    }
}
