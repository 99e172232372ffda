use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use lab::{Signal, Watch};
use serde_json::{Value, json};
use suites::{ADMINISTRATOR, Bed, on};

use super::{POOL, now};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/herald-system/leases?watch=1";
const SERVICES: &str = "/api/v1/namespaces/default/services?watch=1";

const PATIENCE: Duration = Duration::from_secs(30);

/// The lease duration of the suites' controllers, and what a standby needs beyond it: it looks every half second.
const LEASE: Duration = Duration::from_secs(3);
const MARGIN: Duration = Duration::from_millis(1500);

/// F10: a leader that stops in order hands over at once, whatever the lease duration: here the default of 15 s.
#[test]
fn a_leader_that_is_asked_to_stop_hands_over_within_a_second() {
    on(Bed::bare("hand-over"), |bed| {
        bed.pool("lan", POOL)?;
        let leader = bed.controller_with(1, ADMINISTRATOR, &[])?;
        let leases = bed.lab.watch(LEASES)?;
        held_by(&leases, "controller-1")?;
        bed.controller_with(2, ADMINISTRATOR, &[])?;
        let services = bed.lab.watch(SERVICES)?;
        bed.service("before", json!({}))?;
        served(&services, "before")?;

        let stopped = now();
        leader.kill(Signal::SIGTERM)?;
        bed.service("after", json!({}))?;
        let took = held_by(&leases, "controller-2")?.0 - stopped;
        ensure!(
            took < Duration::from_secs(1),
            "the lease changed hands after {took:?}"
        );
        let took = served(&services, "after")? - stopped;
        ensure!(
            took < Duration::from_secs(1),
            "a Service was served after {took:?}"
        );
        Ok(())
    });
}

/// F9, F10: a leader that is killed is replaced when its lease has run out, not before and not much later.
#[test]
fn a_leader_that_is_killed_is_replaced_when_its_lease_has_run_out() {
    on(Bed::bare("take-over"), |bed| {
        bed.pool("lan", POOL)?;
        let leader = bed.controller(1)?;
        let leases = bed.lab.watch(LEASES)?;
        // A leader that is killed right away has renewed its lease only by taking it.
        let (_, mut renewed) = held_by(&leases, "controller-1")?;
        bed.controller(2)?;
        let services = bed.lab.watch(SERVICES)?;
        bed.service("before", json!({}))?;
        served(&services, "before")?;

        let killed = now();
        leader.kill(Signal::SIGKILL)?;
        bed.service("after", json!({}))?;
        let (taken, acquired) = leases.until("another holder", PATIENCE, |event| {
            if holds(event, "controller-1") {
                renewed = time(event, "renewTime");
            }
            time(event, "acquireTime").filter(|_| holds(event, "controller-2"))
        })?;
        let rested: Duration = acquired
            .duration_since(renewed.context("the leader has never renewed its lease")?)
            .try_into()?;
        ensure!(
            rested >= LEASE,
            "the lease was taken {rested:?} after its renewal"
        );
        let took = taken - killed;
        ensure!(took < LEASE + MARGIN, "the lease changed hands after {took:?}");
        let took = served(&services, "after")? - killed;
        ensure!(took < LEASE + MARGIN, "a Service was served after {took:?}");
        Ok(())
    });
}

/// When a watch showed that a replica holds the lease, and when that one said that it renewed it last.
fn held_by(leases: &Watch, replica: &str) -> Result<(Instant, Option<Timestamp>)> {
    let what = format!("{replica} to hold the lease");
    leases.until(&what, PATIENCE, |event| {
        holds(event, replica).then(|| time(event, "renewTime"))
    })
}

/// When a watch showed the address of a Service.
fn served(services: &Watch, name: &str) -> Result<Instant> {
    let (at, ()) = services.until(&format!("an address of {name}"), PATIENCE, |event| {
        let object = &event["object"];
        let address = &object["status"]["loadBalancer"]["ingress"][0]["ip"];
        (object["metadata"]["name"] == name && address.is_string()).then_some(())
    })?;
    Ok(at)
}

fn holds(lease: &Value, replica: &str) -> bool {
    let holder = lease["object"]["spec"]["holderIdentity"].as_str();
    holder.is_some_and(|holder| holder.starts_with(replica))
}

fn time(lease: &Value, field: &str) -> Option<Timestamp> {
    lease["object"]["spec"][field].as_str()?.parse().ok()
}
