//! What everybody has when all is quiet.

use std::net::IpAddr;

use config::condition::{find, of_service};
use crds::Stored;
use crds::condition::ALLOCATED;
use k8s_openapi::api::core::v1::Service;
use kube::{Resource, ResourceExt};

use super::facts::{self, Pool};
use super::search::Settled;
use super::{Oracle, Violation};
use crate::object::Kind;
use crate::store::Store;
use allocate::status_updates::IN_USE;

impl Oracle {
    /// Judges the store after a long time in which nobody edited anything and nothing went wrong. `quiet` is where its log
    /// ended when everything should have come to rest.
    pub(crate) fn judge_the_end(&self, store: &Store, quiet: usize) -> Result<(), Violation> {
        let noise = store.log()[quiet..]
            .iter()
            .find(|entry| entry.key.kind != Kind::Leases);
        if let Some(entry) = noise {
            return Err(Violation(format!("S9: {} while nothing changes", entry.words())));
        }
        self.pace.judge_the_sum()?;
        let world = Settled::new(store);
        world
            .services
            .iter()
            .try_for_each(|service| judge_service(&world, service))?;
        world.pools.iter().try_for_each(|pool| judge_pool(&world, *pool))
    }
}

fn judge_service(world: &Settled<'_>, service: &Service) -> Result<(), Violation> {
    let name = config::service::name(service);
    let held = config::service::assigned(service);
    let condition = find(of_service(service), ALLOCATED);
    let fault = |words: String| Err(Violation(format!("in the end {name} {words}")));
    if !facts::is_ours(service) {
        return match condition.is_some() || !held.is_empty() {
            true => fault(format!("is not ours and has {held:?}, {condition:?}")),
            false => Ok(()),
        };
    }
    if let Some((other, address)) = world.rival(service, &held) {
        return fault(format!("has {address} and may not share it with {other}"));
    }
    let Some(condition) = condition else {
        return fault("has not been told anything".to_owned());
    };
    let told = format!("is told {}: {}", condition.status, condition.message);
    if held
        .iter()
        .any(|address| !condition.message.contains(&address.to_string()))
    {
        return fault(format!("has {held:?} and {told}"));
    }
    let request = facts::request(world.store, service);
    match (request, condition.status == "True") {
        (Err(_), false) => Ok(()),
        (Ok(request), true) if world.is_served(&request, service, &held) => {
            match world.second(service, &request, &held) {
                Some(better) => fault(format!("has {held:?} and could have {better:?} besides; {told}")),
                None => Ok(()),
            }
        }
        (_, true) => fault(format!("has {held:?} and {told}")),
        (Ok(request), false) => match world.could_have(service, &request, &held) {
            Some(better) => fault(format!("has {held:?} and could have {better:?}; {told}")),
            None => Ok(()),
        },
    }
}

fn judge_pool(world: &Settled<'_>, pool: Pool<'_>) -> Result<(), Violation> {
    let name = pool.name();
    let status = Stored::Readable(pool.0.clone()).status();
    let kept = |address: &IpAddr| world.keepers(*address).next().is_some();
    let count = |addresses: &[IpAddr]| {
        let v4 = addresses.iter().filter(|address| address.is_ipv4()).count() as i64;
        (v4, addresses.len() as i64 - v4)
    };
    let (assigned, rest): (Vec<IpAddr>, Vec<IpAddr>) = pool
        .addresses()
        .into_iter()
        .partition(|address| world.is_held(*address));
    let (reserved, free): (Vec<IpAddr>, Vec<IpAddr>) = rest.into_iter().partition(kept);
    let outside = world.outside(pool);
    let expected = [count(&assigned), count(&reserved), count(&outside), count(&free)];
    let shown = [
        (status.assigned_ipv4, status.assigned_ipv6),
        (status.reserved_ipv4, status.reserved_ipv6),
        (status.outside_ipv4, status.outside_ipv6),
        (status.available_ipv4, status.available_ipv6),
    ];
    let compared = if pool.is_closed() { 3 } else { 4 };
    if shown[..compared] != expected[..compared] {
        return Err(Violation(format!(
            "in the end pool {name} shows assigned, reserved, outside, available {shown:?}, not {expected:?}"
        )));
    }
    let in_use = !assigned.is_empty() || !outside.is_empty();
    let marked = pool.0.finalizers().iter().any(|finalizer| finalizer == IN_USE);
    let waits = pool.0.meta().deletion_timestamp.is_some();
    if in_use != marked && !waits || waits && !in_use {
        return Err(Violation(format!(
            "in the end pool {name} is in use {in_use}, marked {marked}, waits {waits}"
        )));
    }
    Ok(())
}
