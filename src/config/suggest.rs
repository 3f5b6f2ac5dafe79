//! Which known word a mistyped one was meant to be.

/// The nearest of `known`, or `None` when nothing is near enough to be worth saying.
pub(super) fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Nobody mistypes a hundred characters; and the distance costs the product of both lengths.
    if given.len() > 100 {
        return None;
    }
    let given = fold(given);
    known
        .into_iter()
        .filter_map(|word| Some((distance(&given, &fold(word))?, word)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Edits from one to the other, or `None` if that is more than a third of the longer one: then it is another word, not a typo.
fn distance(given: &[char], known: &[char]) -> Option<usize> {
    // `outbox` for `outbox_bytes`: only the unit was forgotten.
    if known.len() > given.len() && known.starts_with(given) && known[given.len()] == '_' {
        return Some(1);
    }
    let edits = edits(given, known);
    (edits <= (given.len().max(known.len()) / 3).max(1)).then_some(edits)
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
pub(super) fn edits(a: &[char], b: &[char]) -> usize {
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

/// Case, and which of `_`, `__` and `-` joins words, are not worth a difference.
pub(super) fn fold(word: &str) -> Vec<char> {
    let mut folded: Vec<char> = word.chars().map(|c| if c == '-' || c == ' ' { '_' } else { c.to_ascii_lowercase() }).collect();
    folded.dedup_by(|a, b| *a == '_' && *b == '_');
    folded
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KEYS: [&str; 4] = ["outbox_bytes", "keep_alive_ms", "handshake_ms", "name"];

    #[test]
    fn a_typo_finds_the_key_that_was_meant() {
        for (given, meant) in [
            ("outbox_byte", "outbox_bytes"),
            ("outbox", "outbox_bytes"),
            ("OutBox-Bytes", "outbox_bytes"),
            ("keepalive_ms", "keep_alive_ms"),
            ("hadnshake_ms", "handshake_ms"),
            ("handshake_s", "handshake_ms"),
            ("nmae", "name"),
        ] {
            assert_eq!(nearest(given, KEYS), Some(meant), "{given}");
        }
    }

    #[test]
    fn another_word_finds_nothing() {
        for given in ["", "x", "visibility", "port", &"outbox_bytes".repeat(1000)] {
            assert_eq!(nearest(given, KEYS), None, "{given}");
        }
    }
}
