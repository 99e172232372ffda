use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lab::Signal;
use serde_json::json;
use suites::{Bed, ELECTION, on};

/// P-ALLOC-54, P-ALLOC-56, S9
#[test]
fn a_service_costs_one_write_and_a_restart_none() {
    on(Bed::bare("one-write"), |bed| {
        bed.pool("lan", suites::POOL)?;
        let controller = bed.controller(1)?;
        bed.service("web", json!({}))?;
        ensure!(bed.address("web")? == "192.168.1.200");
        bed.condition("web", "heraldlb.io/Allocated", "True")?;
        bed.kill(&controller, Signal::SIGTERM)?;
        bed.controller(2)?;
        // Once the new leader has served a younger Service, it has looked at the older one.
        bed.service("api", json!({}))?;
        ensure!(bed.address("api")? == "192.168.1.201");
        ensure!(bed.address("web")? == "192.168.1.200");
        ensure!(bed.status_writes("herald-controller", "web")? == 1);
        ensure!(bed.status_writes("herald-controller", "api")? == 1);
        Ok(())
    });
}

/// P-ALLOC-24 of the events: one for the assignment, with address and pool.
#[test]
fn without_a_pool_a_service_waits_and_says_why_and_a_pool_serves_it() {
    on(Bed::bare("no-pool"), |bed| {
        bed.controller(1)?;
        bed.service("web", json!({}))?;
        let (reason, message) = bed.condition("web", "heraldlb.io/Allocated", "False")?;
        ensure!(
            reason == "NoPool" && message.starts_with("there is no IPPool: create one"),
            "{reason}: {message}"
        );
        event(bed, "web", "AllocationFailed", "there is no IPPool")?;
        bed.pool("lan", "192.168.1.240/32")?;
        ensure!(bed.address("web")? == "192.168.1.240");
        event(bed, "web", "IPAllocated", "192.168.1.240 from IPPool lan")?;

        // P-ALLOC-18: the pool shows what is in use.
        bed.wait(
            "the pool's status to show one address in use and none free",
            || {
                let pool = bed.lab.kubectl_json(&["get", "ippool", "lan"])?;
                let status = &pool["status"];
                Ok((status["assignedIPv4"] == 1 && status["availableIPv4"] == 0).then_some(()))
            },
        )?;

        // P-ALLOC-3: the next in line gets an address that becomes free.
        bed.service("next", json!({}))?;
        let (reason, message) = bed.condition("next", "heraldlb.io/Allocated", "False")?;
        ensure!(
            reason == "PoolFull" && message.contains("lan has no free IPv4 address left"),
            "{reason}: {message}"
        );
        bed.lab.kubectl(&["delete", "service", "web"])?;
        ensure!(bed.address("next")? == "192.168.1.240");

        // P-ALLOC-2: a Service that is a LoadBalancer no more gives its address up and shows nothing of it.
        bed.lab.kubectl(&[
            "patch",
            "service",
            "next",
            "-p",
            r#"{"spec":{"type":"ClusterIP"}}"#,
        ])?;
        bed.wait("the status of the former LoadBalancer to be clear", || {
            let service = bed.lab.kubectl_json(&["get", "service", "next"])?;
            let status = &service["status"];
            let clear = status["loadBalancer"]["ingress"].is_null() && status["conditions"].is_null();
            Ok(clear.then_some(()))
        })?;
        bed.service("third", json!({}))?;
        ensure!(bed.address("third")? == "192.168.1.240");
        Ok(())
    });
}

/// F9, F10, S1, S2: whichever replica is killed, and whenever, no address is given twice and none changes.
#[test]
fn no_address_moves_while_controllers_are_killed() {
    on(Bed::bare("killed"), |bed| {
        bed.pool("lan", suites::POOL)?;
        let mut replicas = [bed.controller(1)?, bed.controller(2)?];
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for round in 0..6u8 {
            for service in 0..5 {
                bed.service(&format!("web-{round}-{service}"), json!({}))?;
            }
            let number = round % 2;
            let victim = &mut replicas[usize::from(number)];
            bed.kill(victim, Signal::SIGKILL)?;
            *victim = bed.controller(number + 1)?;
            compare(&mut seen, bed.addresses()?)?;
        }
        bed.wait("every Service to have an address", || {
            compare(&mut seen, bed.addresses()?)?;
            Ok((seen.len() == 30).then_some(()))
        })?;
        for service in seen.keys() {
            let writes = bed.status_writes("herald-controller", service)?;
            ensure!(writes == 1, "{service} was written {writes} times");
        }
        Ok(())
    });
}

/// The election: a leader that stops in order hands over without waiting for its lease to run out.
#[test]
fn a_standby_takes_over_from_a_leader_that_stops() {
    on(Bed::bare("hand-over"), |bed| {
        bed.pool("lan", suites::POOL)?;
        let first = bed.controller(1)?;
        let leader = bed.leader()?;
        ensure!(leader.starts_with("controller-1"), "{leader} leads");
        bed.controller(2)?;
        let lease = Duration::from_secs(3);
        ensure!(
            ELECTION.contains(&"3s"),
            "the lease duration that this test measures against"
        );
        let stopped = now();
        bed.kill(&first, Signal::SIGTERM)?;
        bed.wait("the other replica to lead", || {
            Ok(bed.leader()?.starts_with("controller-2").then_some(()))
        })?;
        let took = now() - stopped;
        ensure!(
            took < lease,
            "it took {took:?}, as long as if the leader had been killed"
        );
        bed.service("web", json!({}))?;
        bed.address("web")?;
        Ok(())
    });
}

/// Takes note of addresses: none may differ from before, none may be given twice.
fn compare(seen: &mut BTreeMap<String, String>, now: BTreeMap<String, String>) -> Result<()> {
    for (service, before) in &*seen {
        let after = now.get(service);
        ensure!(
            after == Some(before),
            "{service} had {before} and now has {after:?}"
        );
    }
    let distinct: BTreeSet<_> = now.values().collect();
    ensure!(distinct.len() == now.len(), "an address was given twice: {now:?}");
    *seen = now;
    Ok(())
}

fn event(bed: &Bed, service: &str, reason: &str, text: &str) -> Result<()> {
    bed.wait(
        &format!("an event {reason} on {service} that says {text:?}"),
        || {
            let selector = format!("involvedObject.name={service},reason={reason}");
            let events = bed
                .lab
                .kubectl_json(&["get", "events", "--field-selector", &selector])?;
            let messages = events["items"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|event| event["message"].as_str());
            Ok(messages
                .filter(|message| message.contains(text))
                .count()
                .checked_sub(1)
                .map(drop))
        },
    )
}

#[allow(
    clippy::disallowed_methods,
    reason = "a suite measures what happened on a real cluster"
)]
fn now() -> Instant {
    Instant::now()
}
