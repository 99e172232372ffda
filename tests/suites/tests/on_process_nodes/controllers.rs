//! Replicas that are killed, that hand over, that lack a right, that lose the API server: no address moves, and nothing is
//! written that is there already.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, ensure};
use lab::{AuditEvent, Lab, Story, Version};
use suites::Bed;

mod hand_over;
mod killed;
mod outage;
mod rights;

/// More addresses than any of these suites needs.
const POOL: &str = "198.18.0.0/16";

/// Every Service that stands has an address, which it kept from the moment it got it, which no other had meanwhile, and which
/// took one write of its status.
fn check(story: &Story, standing: usize) -> Result<()> {
    ensure!(story.given_twice().is_empty(), "{:#?}", story.given_twice());
    ensure!(story.moved().is_empty(), "{:#?}", story.moved());
    let last: BTreeMap<_, _> = story
        .versions
        .iter()
        .map(|version| (&version.uid, version))
        .collect();
    let served = last
        .values()
        .filter(|version| !version.gone && !version.addresses.is_empty())
        .count();
    ensure!(
        served == standing,
        "{served} of {standing} Services have an address"
    );
    let mut changes = story.status_changes();
    changes.retain(|_, count| *count > 1);
    let of_those = |version: &&Version| changes.keys().any(|(_, uid)| version.uid == *uid);
    ensure!(
        changes.is_empty(),
        "written more than once: {:#?}",
        story.versions.iter().filter(of_those).collect::<Vec<_>>()
    );
    Ok(())
}

/// Waits until every Service of type LoadBalancer has an address, and gives their number.
fn wait_until_served(bed: &Bed) -> Result<usize> {
    bed.wait("every Service to have an address", || {
        let list =
            bed.lab
                .kubectl_json(&["get", "services", "--field-selector", "spec.type=LoadBalancer"])?;
        let count = list["items"].as_array().map_or(0, Vec::len);
        Ok((bed.addresses()?.len() == count).then_some(count))
    })
}

/// Requests of a user that could change something, other than for the election, whatever came of them.
fn attempts(lab: &Lab, user: &str) -> Result<Vec<AuditEvent>> {
    let mut events = lab.audit()?;
    events.retain(|event| event.user == user && event.is_write() && event.resource != "leases");
    Ok(events)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a suite measures what happened on a real cluster"
)]
fn now() -> Instant {
    Instant::now()
}
