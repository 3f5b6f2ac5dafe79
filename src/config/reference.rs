//! The table of every key in `docs/configuration.md`.

use super::keys::{About, Fallback, GROUP, SECTIONS, all};
use super::load::{blank, table_of, tree_of};
use super::print::inline;
use super::reload::LIVE;
use super::sections::GroupSection;
use super::tree::find;

/// Every key with its type, unit, range, default and meaning: Markdown, one table per section.
/// `docs/configuration.md` holds exactly this text, and a test compares them.
pub fn reference() -> String {
    let mut page = String::new();
    for section in SECTIONS {
        let title = if section == "groups" { "groups.NAME" } else { section };
        page += &format!("### `[{title}]`\n\n| key | type | unit | range | default | meaning |\n|---|---|---|---|---|---|\n");
        for about in all().filter(|about| about.path.split('.').next() == Some(section)) {
            let About { path, kind, meaning, .. } = about;
            let (name, unit, range) = (kind.name(), kind.unit(), kind.range());
            page += &format!("| `{path}` | {name} | {unit} | {range} | {} | {meaning} |\n", default(about));
        }
        page.push('\n');
    }
    let live = LIVE.iter().map(|key| format!("`{}`", key.strip_suffix('.').map_or((*key).to_owned(), |section| format!("[{section}]"))));
    page += &format!(
        "A running server takes these anew by `reload`: {}. Everything else needs a restart.\n",
        live.collect::<Vec<_>>().join(", ")
    );
    page
}

fn default(about: &About) -> String {
    match about.fallback {
        Fallback::Required => "required".to_owned(),
        Fallback::Words(words) => words.to_owned(),
        Fallback::Field => {
            let value = match about.section() {
                "groups.NAME" => table_of(GROUP, &mut GroupSection::default()).remove(about.name()).map(|entry| entry.node.value),
                section => find(&tree_of(&blank()), &[section, about.name()]).map(|node| node.value.clone()),
            };
            value.map(|value| format!("`{}`", inline(&value))).unwrap_or_default()
        }
    }
}
