//! SPDX licence expressions: `MIT OR (Apache-2.0 WITH LLVM-exception AND ISC)`.

/// Whether somebody who accepts the licences that `allowed` accepts may use what is under `expression`.
///
/// `/` is read as `OR`, as in the manifests of old crates. What is no expression is not accepted.
pub(super) fn is_satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let satisfied = either(&mut words, allowed);
    satisfied == Some(true) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut satisfied = both(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        satisfied |= both(words, allowed)?;
    }
    Some(satisfied)
}

fn both(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut satisfied = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        satisfied &= one(words, allowed)?;
    }
    Some(satisfied)
}

fn one(words: &mut Words<'_>, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    match words.next()? {
        "(" => {
            let satisfied = either(words, allowed);
            words.next_if_eq(&")").and(satisfied)
        }
        ")" | "OR" | "AND" | "WITH" => None,
        licence => match words.next_if_eq(&"WITH") {
            Some(_) => Some(allowed(&format!("{licence} WITH {}", words.next()?))),
            None => Some(allowed(licence)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_understood() {
        let allowed = |licence: &str| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&licence);
        for expression in
            ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "Apache-2.0 / MIT", "MIT AND (GPL-3.0 OR ISC)", "Apache-2.0 WITH LLVM-exception"]
        {
            assert!(is_satisfied(expression, &allowed), "{expression}");
        }
        for expression in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "GPL-3.0 OR ISC AND GPL-2.0", "MIT OR", "(MIT", "MIT)", "MIT MIT"]
        {
            assert!(!is_satisfied(expression, &allowed), "{expression}");
        }
    }
}
