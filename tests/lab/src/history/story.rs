use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What became of every Service.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// Oldest first, of all Services.
    pub versions: Vec<Version>,
    /// Whether it is certain that none is missing.
    pub complete: bool,
}

/// A Service as it was for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// `NAMESPACE/NAME`.
    pub service: String,
    /// Tells a Service from an earlier one of the same name.
    pub uid: String,
    /// The API server's number of this version.
    pub number: u64,
    /// It was deleted, and this is what it was last.
    pub gone: bool,
    /// Its load balancer addresses.
    pub addresses: Vec<String>,
    /// All of its status.
    pub status: Value,
}

impl Default for Story {
    fn default() -> Self {
        Self {
            versions: vec![],
            complete: true,
        }
    }
}

impl Story {
    /// Each time that a Service got an address which another had, as a sentence; Services that share are among them.
    pub fn given_twice(&self) -> Vec<String> {
        let mut holders: BTreeMap<&str, &Version> = BTreeMap::new();
        let mut found = vec![];
        for version in &self.versions {
            holders.retain(|_, holder| holder.uid != version.uid);
            for address in version.addresses.iter().filter(|_| !version.gone) {
                if let Some(holder) = holders.insert(address, version) {
                    found.push(format!(
                        "{address} of {} (version {}) was given to {} (version {})",
                        holder.service, holder.number, version.service, version.number
                    ));
                }
            }
        }
        found
    }

    /// Each time that a Service lost or changed an address while it lived, as a sentence.
    pub fn moved(&self) -> Vec<String> {
        let changes = self.changes().filter_map(|(before, after)| {
            let before = before.filter(|before| !after.gone && !before.addresses.is_empty())?;
            (before.addresses != after.addresses).then(|| {
                format!(
                    "{} had {:?} and then {:?} (version {})",
                    after.service, before.addresses, after.addresses, after.number
                )
            })
        });
        changes.collect()
    }

    /// How often the status of each Service has changed, by name and uid; those whose status never did are left out.
    pub fn status_changes(&self) -> BTreeMap<(&str, &str), usize> {
        let mut count = BTreeMap::new();
        for (before, after) in self.changes() {
            if !after.gone && before.is_some_and(|before| before.status != after.status) {
                *count
                    .entry((after.service.as_str(), after.uid.as_str()))
                    .or_default() += 1;
            }
        }
        count
    }

    /// Every version with the one that it took the place of.
    fn changes(&self) -> impl Iterator<Item = (Option<&Version>, &Version)> {
        let mut last: BTreeMap<&str, &Version> = BTreeMap::new();
        self.versions
            .iter()
            .map(move |version| (last.insert(&version.uid, version), version))
    }

    /// Takes in an event of a watch.
    pub(super) fn on_event(&mut self, object: &Value, gone: bool) {
        self.versions.push(Version::of(object, gone));
    }

    /// Takes in all Services there are: what is known of others ends with it.
    pub(super) fn on_list(&mut self, objects: &[Value]) {
        let mut listed: Vec<_> = objects.iter().map(|object| Version::of(object, false)).collect();
        listed.sort_by_key(|version| version.number);
        let present: BTreeSet<_> = listed.iter().map(|version| version.uid.clone()).collect();
        let latest = self.latest();
        let gone: Vec<_> = latest
            .values()
            .filter(|last| !last.gone && !present.contains(&last.uid))
            .map(|last| Version {
                gone: true,
                ..(*last).clone()
            })
            .collect();
        listed.retain(|version| {
            latest
                .get(version.uid.as_str())
                .is_none_or(|last| last.number < version.number)
        });
        self.versions.extend(gone);
        self.versions.extend(listed);
    }

    /// Whether everything that a list of this version shows, or does not show any more, has been taken in.
    pub(super) fn includes(&self, objects: &[Value], version: u64) -> bool {
        let mut latest = self.latest();
        let seen = objects.iter().all(|object| {
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
            let last = latest.remove(uid);
            last.is_some_and(|last| last.number >= number(object))
        });
        // What the list does not show is gone, or was not there yet.
        seen && latest.values().all(|last| last.gone || last.number > version)
    }

    fn latest(&self) -> BTreeMap<&str, &Version> {
        let latest = self.versions.iter();
        latest.map(|version| (version.uid.as_str(), version)).collect()
    }
}

impl Version {
    fn of(object: &Value, gone: bool) -> Self {
        let metadata = &object["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let status = object["status"].clone();
        let ingress = status["loadBalancer"]["ingress"].as_array();
        Self {
            service: format!("{}/{}", text(&metadata["namespace"]), text(&metadata["name"])),
            uid: text(&metadata["uid"]),
            number: number(object),
            gone,
            addresses: ingress
                .into_iter()
                .flatten()
                .map(|entry| text(&entry["ip"]))
                .collect(),
            status,
        }
    }
}

/// Resource versions are numbers that grow (KEP-5504).
fn number(object: &Value) -> u64 {
    let version = object["metadata"]["resourceVersion"].as_str();
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
