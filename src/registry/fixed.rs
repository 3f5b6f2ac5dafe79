//! A neighbourhood agreed beforehand: the list in the configuration is the directory.
//!
//! Nobody ever joins or leaves; whether a seat is taken shows when it is dialled. No service, no port, no lease.

use super::{Candidate, Command, Connector, News, Registration, Wires};
use crate::config::{ConfigError, HostPort, ServerConfig};
use crate::id::ServerId;
use std::collections::BTreeMap;
use std::pin::Pin;

/// The `fixed` registry: every seat is registered from the start and for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    own: Registration,
    seats: Vec<Registration>,
}

impl Fixed {
    /// Every seat of `[[registry.servers]]`. Errors: whatever [`ServerConfig::validate`] finds in the list.
    pub fn new(config: &ServerConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut seats = Vec::new();
        for seat in &config.registry.servers {
            // Both have been checked: the address has a port, the group exists.
            let Ok(HostPort { host, port: Some(port) }) = seat.address.parse() else { continue };
            let Some(section) = config.groups.get(&seat.group) else { continue };
            seats.push(Registration {
                id: seat_id(&seat.group, &seat.name),
                group: seat.group.clone(),
                name: seat.name.clone(),
                host,
                port,
                visibility: section.visibility,
                properties: BTreeMap::new(),
            });
        }
        let own = seat_id(&config.server.group, &config.server.name);
        let own = seats
            .iter()
            .find(|seat| seat.id == own)
            .cloned()
            .ok_or_else(|| ConfigError::whole("registry.servers", "without a seat for this server", "one with its group and name"))?;
        Ok(Self { own, seats })
    }

    /// The whole list.
    pub(super) fn into_seats(self) -> Vec<Registration> {
        self.seats
    }
}

impl Connector for Fixed {
    /// The seat's address in the list is what the others dial; host and port of `_me` stay unused, like its properties.
    fn run(self: Box<Self>, _me: Candidate, mut wires: Wires) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            for news in [News::Registered(self.own), News::Snapshot(self.seats)] {
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
    // cannot fail: folded is at most MAX
    ServerId::new(folded.max(1)).expect("an id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Visibility;

    #[test]
    fn ids_never_change() {
        // Written down: a change here splits clusters of mixed versions.
        assert_eq!(seat_id("world", "w1").get(), 4496684902156341);
        assert_eq!(seat_id("chat", "c1").get(), 8024533181221194);
        assert_ne!(seat_id("ab", "c"), seat_id("a", "bc"));
    }

    #[test]
    fn seats_carry_their_address_and_visibility() {
        let text = r#"
            [server]
            group = "chat"
            name = "c1"
            listen = "127.0.0.1:4001"
            [groups.world]
            visibility = "external"
            [groups.chat]
            connects_to = ["world"]
            [registry]
            kind = "fixed"
            servers = [
                { group = "world", name = "w1", address = "10.0.0.1:4000" },
                { group = "chat", name = "c1", address = "[fd00::2]:4001" },
            ]
        "#;
        let config = ServerConfig::load(text, "text", std::iter::empty()).expect("a good configuration");
        let fixed = Fixed::new(&config).expect("a good list");
        assert_eq!(fixed.own.name, "c1");
        assert_eq!((fixed.seats[0].host.as_str(), fixed.seats[0].port), ("10.0.0.1", 4000));
        assert_eq!((fixed.seats[1].host.as_str(), fixed.seats[1].port), ("fd00::2", 4001));
        assert_eq!(fixed.seats[0].visibility, Visibility::External);
        assert_eq!(fixed.seats[1].visibility, Visibility::Internal);
    }
}
