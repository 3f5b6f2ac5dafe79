//! What Consul lists under a service, and how one list differs from the next. Pure.

use super::meta;
use crate::id::ServerId;
use crate::registry::store::{Flawed, Found, Name, Record, name};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The check of a node: whether its agent is there.
const NODE_CHECK: &str = "serfHealth";
/// What an operator sets to keep others away; no lease.
const MAINTENANCE: &str = "_service_maintenance";

/// One instance of the service, as `/v1/health/service` shows it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Instance {
    node: Node,
    service: Service,
    checks: Option<Vec<Check>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    node: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    meta: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    #[serde(rename = "CheckID")]
    id: String,
    status: String,
    #[serde(rename = "ServiceID")]
    #[serde(default)]
    service: String,
}

impl Instance {
    /// Its lease has not ended, as far as is known, nor is its agent gone.
    fn is_alive(&self) -> bool {
        let ended = |check: &Check| {
            let lease = check.id == NODE_CHECK || (check.service == self.service.id && !check.id.starts_with(MAINTENANCE));
            lease && check.status == "critical"
        };
        !self.checks.iter().flatten().any(ended)
    }
}

/// Everything under the service at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Directory {
    /// The highest id of each name.
    alive: BTreeMap<Name, Record>,
    /// Whose lease has ended.
    lapsed: BTreeSet<ServerId>,
    flawed: Vec<Flawed>,
}

/// One difference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Set(Found),
    /// Still there, with a lease that has ended.
    Lapsed(Name),
    Vanished(Name, ServerId),
}

impl Directory {
    pub(super) fn new(service: &str, instances: &[Instance]) -> Self {
        let mut directory = Self::default();
        for instance in instances {
            let none = BTreeMap::new();
            let found = meta::read(service, &instance.service.id, &instance.node.node, instance.service.meta.as_ref().unwrap_or(&none));
            let record = match found {
                Ok(record) => record,
                Err(flawed) => {
                    directory.flawed.push(flawed);
                    continue;
                }
            };
            let id = record.registration.id;
            if !instance.is_alive() {
                directory.lapsed.insert(id);
                continue;
            }
            match directory.alive.entry(name(&record.registration)) {
                std::collections::btree_map::Entry::Vacant(free) => drop(free.insert(record)),
                std::collections::btree_map::Entry::Occupied(mut taken) if taken.get().registration.id < id => drop(taken.insert(record)),
                std::collections::btree_map::Entry::Occupied(_) => {}
            }
        }
        directory
    }

    pub(super) fn lists(&self, id: ServerId) -> bool {
        self.alive.values().any(|record| record.registration.id == id)
    }

    pub(super) fn len(&self) -> usize {
        self.alive.len()
    }

    pub(super) fn found(&self) -> Vec<Found> {
        self.alive.values().cloned().map(Ok).chain(self.flawed.iter().cloned().map(Err)).collect()
    }

    pub(super) fn into_found(self) -> Vec<Found> {
        self.alive.into_values().map(Ok).chain(self.flawed.into_iter().map(Err)).collect()
    }

    /// What leads from `self` to `next`.
    pub(super) fn steps_to(&self, next: &Self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (name, record) in &self.alive {
            let id = record.registration.id;
            // A lower id in its place is a ghost that shows again; this one is gone all the same.
            if next.alive.get(name).is_none_or(|after| after.registration.id < id) {
                steps.push(if next.lapsed.contains(&id) { Step::Lapsed(name.clone()) } else { Step::Vanished(name.clone(), id) });
            }
        }
        let news = next.alive.iter().filter(|(name, record)| self.alive.get(*name) != Some(*record));
        steps.extend(news.map(|(_, record)| Step::Set(Ok(record.clone()))));
        let flaws = next.flawed.iter().filter(|flawed| !self.flawed.contains(flawed));
        steps.extend(flaws.map(|flawed| Step::Set(Err(flawed.clone()))));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Visibility;
    use crate::registry::Registration;
    use serde_json::{Value, json};

    fn record(name: &str, id: u64) -> Record {
        let (group, host, visibility) = ("world".into(), "::1".into(), Visibility::Internal);
        let id = ServerId::new(id).expect("an id");
        Record::new(Registration { id, group, name: name.into(), host, port: 4000, visibility, properties: BTreeMap::new() })
    }

    fn instance(name: &str, id: u64, status: &str) -> Value {
        let record = record(name, id);
        let service = meta::instance("s", &record.registration);
        json!({
            "Node": { "Node": "n1" },
            "Service": { "ID": service, "Meta": meta::written(&record).expect("room") },
            "Checks": [
                { "CheckID": "serfHealth", "Status": "passing", "ServiceID": "" },
                { "CheckID": meta::check(&service), "Status": status, "ServiceID": service },
            ],
        })
    }

    fn directory(instances: &[Value]) -> Directory {
        Directory::new("s", &serde_json::from_value::<Vec<Instance>>(json!(instances)).expect("as Consul writes it"))
    }

    fn name_of(name: &str) -> Name {
        ("world".into(), name.into())
    }

    #[test]
    fn what_changed_is_told() {
        let before = directory(&[instance("w1", 1, "passing"), instance("w2", 2, "passing"), instance("w3", 3, "passing")]);
        let after = directory(&[instance("w2", 2, "critical"), instance("w3", 3, "passing"), instance("w4", 4, "warning")]);
        let id = ServerId::new(1).expect("an id");
        let told = [Step::Vanished(name_of("w1"), id), Step::Lapsed(name_of("w2")), Step::Set(Ok(record("w4", 4)))];
        assert_eq!(before.steps_to(&after), told);
        assert_eq!(after.steps_to(&after), []);
        // Consul removes what has lapsed: nobody hears of it again.
        assert_eq!(after.steps_to(&directory(&[instance("w3", 3, "passing"), instance("w4", 4, "passing")])), []);
    }

    #[test]
    fn the_higher_id_has_the_name_whatever_the_order() {
        for both in
            [[instance("w1", 1, "passing"), instance("w1", 2, "passing")], [instance("w1", 2, "passing"), instance("w1", 1, "passing")]]
        {
            let both = directory(&both);
            assert_eq!(both.found(), [Ok(record("w1", 2))]);
            assert_eq!(directory(&[instance("w1", 1, "passing")]).steps_to(&both), [Step::Set(Ok(record("w1", 2)))]);
            let ghost = directory(&[instance("w1", 1, "passing"), instance("w1", 2, "critical")]);
            assert_eq!(both.steps_to(&ghost), [Step::Lapsed(name_of("w1")), Step::Set(Ok(record("w1", 1)))]);
        }
    }

    #[test]
    fn an_instance_lives_as_long_as_its_lease_and_its_agent() {
        let mut lost = instance("w1", 1, "passing");
        lost["Checks"][0]["Status"] = "critical".into();
        assert_eq!(directory(&[lost]).len(), 0);
        let mut maintained = instance("w1", 1, "passing");
        maintained["Checks"][0] =
            json!({ "CheckID": "_service_maintenance:s:world:w1:1", "Status": "critical", "ServiceID": "s:world:w1:1" });
        assert_eq!(directory(&[maintained]).len(), 1);
        let mut bare = instance("w1", 1, "passing");
        bare["Checks"] = Value::Null;
        assert_eq!(directory(&[bare]).len(), 1);
    }

    #[test]
    fn a_flaw_is_told_once_and_harms_nobody() {
        let flawed = json!({ "Node": { "Node": "n1" }, "Service": { "ID": "by-hand", "Meta": null }, "Checks": [] });
        let before = directory(&[instance("w1", 1, "passing")]);
        let after = directory(&[flawed, instance("w1", 1, "passing")]);
        assert!(matches!(before.steps_to(&after)[..], [Step::Set(Err(_))]));
        assert_eq!(after.steps_to(&after), []);
        assert_eq!(after.len(), 1);
    }
}
