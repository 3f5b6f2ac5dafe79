//! A neighbourhood agreed beforehand: the list in the configuration is the directory.
//!
//! Nobody ever joins or leaves; whether a seat is taken shows when it is dialled. No service, no port, no lease.

use super::{Candidate, Command, Connector, News, Registration, Wires, address};
use crate::config::{ConfigError, FixedServer, GroupSection};
use crate::id::ServerId;
use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;

/// The `fixed` registry: every seat is registered from the start and for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    seats: Vec<Registration>,
    own: usize,
}

impl Fixed {
    /// Checks the whole list, so that a mistake stops the server at its start: each seat's group is one of `groups`, its address is
    /// `host:port`, no seat is named twice, and `own_group` and `own_name` are among them.
    pub fn new(
        servers: &[FixedServer],
        groups: &BTreeMap<String, GroupSection>,
        own_group: &str,
        own_name: &str,
    ) -> Result<Self, ConfigError> {
        let mut seats: Vec<Registration> = Vec::with_capacity(servers.len());
        let mut ids = HashMap::new();
        for (index, FixedServer { group, name, address }) in servers.iter().enumerate() {
            let wrong = |key: &str, reason| ConfigError { key: format!("registry.servers[{index}].{key}"), reason };
            let Some(section) = groups.get(group) else {
                let known = groups.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(wrong("group", format!("no group named `{group}`; the groups are: {known}")));
            };
            if name.is_empty() {
                return Err(wrong("name", "is empty; every seat needs a name of its own".into()));
            }
            let (host, port) = address::split(address).map_err(|reason| wrong("address", reason))?;
            let id = seat_id(group, name);
            if let Some(other) = ids.insert(id, index) {
                let reason = if seats[other].group == *group && seats[other].name == *name {
                    format!("group `{group}`, name `{name}` is listed twice; give one of them another name")
                } else {
                    let Registration { group: other_group, name: other_name, .. } = &seats[other];
                    format!(
                        "group `{group}`, name `{name}` has by chance the same id as group `{other_group}`, name `{other_name}`; rename one"
                    )
                };
                return Err(wrong("name", reason));
            }
            let (group, name, visibility) = (group.clone(), name.clone(), section.visibility);
            seats.push(Registration { id, group, name, host, port, visibility, properties: BTreeMap::new() });
        }
        match seats.iter().position(|seat| seat.group == own_group && seat.name == own_name) {
            Some(own) => Ok(Self { seats, own }),
            None => Err(ConfigError {
                key: "registry.servers".into(),
                reason: format!("has no seat for this server (group `{own_group}`, name `{own_name}`); add one, or correct server.name"),
            }),
        }
    }
}

impl Connector for Fixed {
    /// The seat's address in the list is what the others dial; host and port of `_me` stay unused, like its properties.
    fn run(self: Box<Self>, _me: Candidate, mut wires: Wires) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let own = self.seats[self.own].clone();
            for news in [News::Registered(own), News::Snapshot(self.seats)] {
                if wires.news.send(news).await.is_err() {
                    return;
                }
            }
            while let Some(Command::ReportFailure(_)) = wires.commands.recv().await {}
        })
    }

    fn ids_are_seats(&self) -> bool {
        true
    }
}

/// The id of a seat: 64-bit FNV-1a over group, one byte 0xFF (in no UTF-8 text) and name, its upper 11 bits folded onto the lower 53.
///
/// The same on every machine and in every version, because servers of different versions must agree on it.
fn seat_id(group: &str, name: &str) -> ServerId {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in group.bytes().chain([0xff]).chain(name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let folded = (hash >> 53) ^ (hash & ServerId::MAX);
    ServerId::new(folded.max(1)).expect("between 1 and MAX")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Visibility;

    fn groups() -> BTreeMap<String, GroupSection> {
        let external = GroupSection { visibility: Visibility::External, ..GroupSection::default() };
        [("world".to_string(), external), ("chat".to_string(), GroupSection::default())].into()
    }

    fn seat(group: &str, name: &str, address: &str) -> FixedServer {
        FixedServer { group: group.into(), name: name.into(), address: address.into() }
    }

    #[test]
    fn ids_never_change() {
        // Written down: a change here splits clusters of mixed versions.
        assert_eq!(seat_id("world", "w1").get(), 4496684902156341);
        assert_eq!(seat_id("chat", "c1").get(), 8024533181221194);
        assert_ne!(seat_id("ab", "c"), seat_id("a", "bc"));
    }

    #[test]
    fn seats_carry_their_address_and_visibility() {
        let list = [seat("world", "w1", "10.0.0.1:4000"), seat("chat", "c1", "[fd00::2]:4001")];
        let fixed = Fixed::new(&list, &groups(), "chat", "c1").unwrap();
        assert_eq!(fixed.own, 1);
        assert_eq!((fixed.seats[0].host.as_str(), fixed.seats[0].port), ("10.0.0.1", 4000));
        assert_eq!((fixed.seats[1].host.as_str(), fixed.seats[1].port), ("fd00::2", 4001));
        assert_eq!(fixed.seats[0].visibility, Visibility::External);
        assert_eq!(fixed.seats[1].visibility, Visibility::Internal);
    }

    #[test]
    fn every_mistake_names_the_seat_and_the_cure() {
        let good = seat("world", "w1", "10.0.0.1:4000");
        let check = |list: &[FixedServer]| Fixed::new(list, &groups(), "world", "w1").unwrap_err().to_string();
        let text = check(&[good.clone(), seat("wrold", "w2", "10.0.0.1:4001")]);
        assert_eq!(text, "registry.servers[1].group: no group named `wrold`; the groups are: chat, world");
        let text = check(&[good.clone(), good.clone()]);
        assert_eq!(text, "registry.servers[1].name: group `world`, name `w1` is listed twice; give one of them another name");
        let text = check(&[seat("world", "w1", "10.0.0.1")]);
        assert!(text.starts_with("registry.servers[0].address: `10.0.0.1` has no port"), "{text}");
        assert!(check(&[seat("world", "", "10.0.0.1:1")]).starts_with("registry.servers[0].name: is empty"));
        let text = check(&[seat("world", "w2", "10.0.0.1:4000")]);
        assert!(text.contains("no seat for this server (group `world`, name `w1`)"), "{text}");
    }
}
