//! Addresses as people write them: what is bound, and what is dialled.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// `host` or `host:port` to dial: a host name, an IPv4 address, or an IPv6 address in brackets.
///
/// ```
/// let dialled: sinew::config::HostPort = "[::1]:4100".parse().unwrap();
/// assert_eq!((dialled.host.as_str(), dialled.port), ("::1", Some(4100)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A host name or an address, without brackets.
    pub host: String,
    /// As written; 0 is possible.
    pub port: Option<u16>,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Why a text is no address. Reads after "expected": what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(&'static str);

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.contains("://") || text.contains('/') {
            return Err(AddressError("a host and a port alone, without a scheme or a path, such as 10.0.0.5:4100"));
        }
        if let Some(bracketed) = text.strip_prefix('[') {
            let (inside, after) = bracketed.split_once(']').ok_or(AddressError("a `]` after the IPv6 address, such as [::1]:4100"))?;
            // A scope (`%1`) means something on this machine only, but link-local addresses need it.
            let address = inside.split_once('%').map_or(inside, |(address, _)| address);
            address.parse::<Ipv6Addr>().map_err(|_| AddressError("an IPv6 address between the brackets, such as [::1]:4100"))?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(parse_port(port)?),
                None if after.is_empty() => None,
                None => return Err(AddressError("`:` and a port after the `]`, such as [::1]:4100")),
            };
            return Ok(Self { host: inside.to_owned(), port });
        }
        let (host, port) = match text.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return Err(AddressError("an IPv6 address in brackets, such as [::1]:4100"));
            }
            Some((host, port)) => (host, Some(parse_port(port)?)),
            None => (text, None),
        };
        check_host(host)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

/// Reads an address to bind, or says what to write instead.
pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse().map_err(|_| {
        let written: Option<HostPort> = text.parse().ok();
        AddressError(match written {
            _ if text.parse::<u16>().is_ok() => {
                "an address before the port: 127.0.0.1:PORT for this machine only, 0.0.0.0:PORT for every network"
            }
            _ if text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()) => "a port after the address; port 0 takes any free one",
            _ if text.parse::<IpAddr>().is_ok() => "the IPv6 address in brackets and a port, such as [::]:4100",
            Some(HostPort { port: None, .. }) => "an address of this machine and a port, such as 127.0.0.1:4100",
            Some(HostPort { host, .. }) if host.parse::<IpAddr>().is_err() => {
                "an address of this machine, not a host name: listen on 0.0.0.0:PORT (or 127.0.0.1:PORT) and put the host name into server.advertise"
            }
            _ => "an address of this machine and a port, such as 127.0.0.1:4100, 0.0.0.0:4100 or [::]:4100",
        })
    })
}

/// Whether this is an address of no machine in particular (`0.0.0.0`, `::`): to be bound, never to be dialled.
pub(super) fn is_unspecified(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or(AddressError("a port from 0 to 65535 after the `:`"))
}

/// RFC 1123 §2.1, and `_`, which container networks use.
fn check_host(host: &str) -> Result<(), AddressError> {
    let label_ok =
        |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if host.is_empty() {
        return Err(AddressError("a host before the port, such as 10.0.0.5:4100"));
    }
    if host.len() > 253 || !host.strip_suffix('.').unwrap_or(host).split('.').all(label_ok) {
        return Err(AddressError(
            "a host name of letters, digits, `-` and `.`, or an address, such as world.example.net:4100 or 10.0.0.5:4100",
        ));
    }
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') && host.parse::<Ipv4Addr>().is_err() {
        return Err(AddressError("four numbers from 0 to 255, such as 10.0.0.5:4100"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dialled_is_read_and_printed_alike() {
        for text in ["world.example.net:4100", "world", "10.0.0.5", "10.0.0.5:0", "[::1]:4100", "[fe80::1%eth0]", "a_b-c."] {
            assert_eq!(text.parse::<HostPort>().map(|parsed| parsed.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_the_cure() {
        for (text, cure) in [
            ("", "a host before the port"),
            (":4100", "a host before the port"),
            ("tcp://a:1", "without a scheme"),
            ("::1", "in brackets"),
            ("[::1", "a `]`"),
            ("[a]:1", "an IPv6 address between"),
            ("[::1]4100", "`:` and a port"),
            ("a:", "a port from 0"),
            ("a:+1", "a port from 0"),
            ("a:65536", "a port from 0"),
            ("a..b:1", "a host name of letters"),
            ("a b:1", "a host name of letters"),
            ("10.0.0:1", "four numbers"),
            ("4100", "four numbers"),
        ] {
            let error = text.parse::<HostPort>().expect_err(text);
            assert!(error.to_string().contains(cure), "{text}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_bound_is_refused_with_the_cure() {
        for (text, cure) in [
            ("4100", "an address before the port"),
            ("127.0.0.1", "a port after the address"),
            ("::", "in brackets and a port"),
            ("localhost:4100", "not a host name"),
            ("localhost", "and a port"),
            ("0.0.0.0:70000", "such as 127.0.0.1:4100"),
            ("", "such as 127.0.0.1:4100"),
        ] {
            let error = parse_listen(text).expect_err(text);
            assert!(error.to_string().contains(cure), "{text}: {error}");
        }
    }
}
