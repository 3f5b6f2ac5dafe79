//! Which groups exist, and who connects to whom.

use crate::config::GroupSection;
use crate::id::ServerId;
use crate::wire::control::LinkTopology;
use std::collections::BTreeMap;

/// The groups of the cluster, as this server has them configured.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    groups: BTreeMap<String, GroupSection>,
}

/// Which side of a link dials, seen from this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// This server dials the other.
    Outgoing,
    /// The other server dials this one.
    Incoming,
}

impl Topology {
    pub(crate) fn new(groups: BTreeMap<String, GroupSection>) -> Self {
        Self { groups }
    }

    pub(crate) fn groups(&self) -> &BTreeMap<String, GroupSection> {
        &self.groups
    }

    /// Who dials between `me` and `other`; `None` when the groups are not connected and so cannot see each other.
    ///
    /// When both groups name each other, or a group names itself, the lower id dials.
    pub(crate) fn direction(&self, me: (&str, ServerId), other: (&str, ServerId)) -> Option<Direction> {
        match (self.connects(me.0, other.0), self.connects(other.0, me.0)) {
            (true, true) if me.1 < other.1 => Some(Direction::Outgoing),
            (true, true) => Some(Direction::Incoming),
            (true, false) => Some(Direction::Outgoing),
            (false, true) => Some(Direction::Incoming),
            (false, false) => None,
        }
    }

    /// Whether servers of the two groups see each other at all.
    pub(crate) fn related(&self, a: &str, b: &str) -> bool {
        self.connects(a, b) || self.connects(b, a)
    }

    /// What both ends of a link from `dialer` to `acceptor` must have configured alike.
    pub(crate) fn of_link(&self, dialer: &str, acceptor: &str) -> LinkTopology {
        LinkTopology {
            dialer_visibility: self.groups.get(dialer).map(|group| group.visibility),
            acceptor_visibility: self.groups.get(acceptor).map(|group| group.visibility),
            dialer_connects_to_acceptor: self.connects(dialer, acceptor),
            acceptor_connects_to_dialer: self.connects(acceptor, dialer),
        }
    }

    pub(crate) fn connects(&self, from: &str, to: &str) -> bool {
        self.groups.get(from).is_some_and(|group| group.connects_to.iter().any(|name| name == to))
    }
}

/// One sentence on the first thing in which the two views of a link differ, the same on both servers; `None` when they agree.
pub(crate) fn difference(dialer: &str, acceptor: &str, dialing: LinkTopology, accepting: LinkTopology) -> Option<String> {
    let connects = |from: &str, to: &str, dialing: bool, accepting: bool| {
        let (yes, no) = if dialing { ("dialing", "accepting") } else { ("accepting", "dialing") };
        (dialing != accepting).then(|| {
            format!(
                "group `{from}`: connects_to names `{to}` on the {yes} server but not on the {no} one; give both the same [groups.{from}]"
            )
        })
    };
    let visible = |group: &str, dialing: Option<_>, accepting: Option<_>| {
        let says = |visibility| match visibility {
            Some(crate::config::Visibility::Internal) => "internal",
            Some(crate::config::Visibility::External) => "external",
            None => "unknown",
        };
        let (ours, theirs) = (says(dialing), says(accepting));
        (dialing != accepting).then(|| {
            format!("group `{group}`: {ours} on the dialing server, {theirs} on the accepting one; give both the same [groups.{group}]")
        })
    };
    connects(dialer, acceptor, dialing.dialer_connects_to_acceptor, accepting.dialer_connects_to_acceptor)
        .or_else(|| connects(acceptor, dialer, dialing.acceptor_connects_to_dialer, accepting.acceptor_connects_to_dialer))
        .or_else(|| visible(dialer, dialing.dialer_visibility, accepting.dialer_visibility))
        .or_else(|| visible(acceptor, dialing.acceptor_visibility, accepting.acceptor_visibility))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Visibility;

    fn topology(groups: &[(&str, &[&str])]) -> Topology {
        Topology::new(
            groups
                .iter()
                .map(|(name, to)| {
                    let connects_to = to.iter().map(|name| name.to_string()).collect();
                    (name.to_string(), GroupSection { connects_to, ..GroupSection::default() })
                })
                .collect(),
        )
    }

    fn id(raw: u64) -> ServerId {
        ServerId::new(raw).expect("not zero")
    }

    #[test]
    fn the_group_that_names_the_other_dials() {
        let topology = topology(&[("lobby", &["world"]), ("world", &[]), ("chat", &[])]);
        assert_eq!(topology.direction(("lobby", id(9)), ("world", id(1))), Some(Direction::Outgoing));
        assert_eq!(topology.direction(("world", id(1)), ("lobby", id(9))), Some(Direction::Incoming));
        assert_eq!(topology.direction(("world", id(1)), ("chat", id(9))), None);
        assert_eq!(topology.direction(("world", id(1)), ("world", id(9))), None, "own group is invisible unless it names itself");
    }

    #[test]
    fn the_lower_id_dials_when_both_name_each_other() {
        let both = topology(&[("a", &["b"]), ("b", &["a"]), ("mesh", &["mesh"])]);
        assert_eq!(both.direction(("a", id(1)), ("b", id(2))), Some(Direction::Outgoing));
        assert_eq!(both.direction(("b", id(2)), ("a", id(1))), Some(Direction::Incoming));
        assert_eq!(both.direction(("mesh", id(1)), ("mesh", id(2))), Some(Direction::Outgoing));
        assert_eq!(both.direction(("mesh", id(2)), ("mesh", id(1))), Some(Direction::Incoming));
    }

    #[test]
    fn a_difference_names_the_group_and_both_values() {
        let ours = topology(&[("lobby", &["world"]), ("world", &[])]);
        let mut theirs = topology(&[("lobby", &[]), ("world", &[])]);
        let text = difference("lobby", "world", ours.of_link("lobby", "world"), theirs.of_link("lobby", "world"));
        assert!(text.is_some_and(|text| {
            text.contains("group `lobby`: connects_to names `world` on the dialing server but not on the accepting one")
        }));

        theirs = ours.clone();
        assert_eq!(difference("lobby", "world", ours.of_link("lobby", "world"), theirs.of_link("lobby", "world")), None);
        theirs.groups.entry("world".into()).or_default().visibility = Visibility::External;
        let text = difference("lobby", "world", ours.of_link("lobby", "world"), theirs.of_link("lobby", "world"));
        assert!(text.is_some_and(|text| text.contains("group `world`: internal on the dialing server, external on the accepting one")));
    }
}
