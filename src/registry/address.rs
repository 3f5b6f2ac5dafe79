//! `host:port` as people write it.

/// Splits `host:port`; an IPv6 address stands in brackets, which are taken off. The port is 1 to 65535.
///
/// Errors: the half sentence that follows the key's name.
pub(crate) fn split(text: &str) -> Result<(String, u16), String> {
    let wrong = |what: &str| format!("`{text}` {what}; write `host:port`, for example `10.0.0.5:4100` or `[fd00::5]:4100`");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").ok_or_else(|| wrong("has no `]:port` after the address"))?,
        None => text.rsplit_once(':').ok_or_else(|| wrong("has no port"))?,
    };
    if host.is_empty() {
        return Err(wrong("has no host"));
    }
    if host.contains(':') && !text.starts_with('[') {
        return Err(wrong("is an IPv6 address without brackets"));
    }
    match port.parse::<u16>() {
        Ok(port) if port != 0 => Ok((host.to_string(), port)),
        _ => Err(wrong("has no port between 1 and 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn hosts_and_ports_of_every_kind() {
        assert_eq!(split("game.example:4100"), Ok(("game.example".into(), 4100)));
        assert_eq!(split("10.0.0.5:1"), Ok(("10.0.0.5".into(), 1)));
        assert_eq!(split("[fd00::5]:65535"), Ok(("fd00::5".into(), 65535)));
    }

    #[test]
    fn a_mistake_is_quoted_with_an_example() {
        for text in ["", "game", ":1", "game:", "game:0", "game:65536", "fd00::5:1", "[fd00::5]", "[fd00::5]4100", "[]:1", "a:-1"] {
            let sentence = split(text).unwrap_err();
            assert!(sentence.contains(&format!("`{text}`")) && sentence.contains("10.0.0.5:4100"), "{sentence}");
        }
    }
}
