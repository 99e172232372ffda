use anyhow::{Context, Result, ensure};
use lab::Backend;
use serde_json::json;
use suites::{Bed, Watched, on};

use super::health::{Health, end_kube_proxy};
use super::{SERVICE, SILENCE, check, nodes};

/// Three nodes with speakers and a pod each, and a Service whose only endpoint is on the first; nodes take traffic for their own pods
/// alone.
fn bed() -> Result<(Bed, Vec<Backend>)> {
    let bed = Bed::bare("layer2-local")?;
    bed.dual_pool("lan")?;
    bed.advertise("lan", json!({}))?;
    bed.controller(1)?;
    for node in nodes(&bed) {
        bed.speaker(&node)?;
    }
    let pods = nodes(&bed);
    let pods: Result<Vec<_>> = pods
        .iter()
        .map(|node| bed.lab.backend_on(node, &format!("pod-{node}")))
        .collect();
    let pods = pods?;
    bed.lab.load_balancer(SERVICE, &[&pods[0]])?;
    policy(&bed, "Local")?;
    Ok((bed, pods))
}

fn policy(bed: &Bed, policy: &str) -> Result<()> {
    let patch = json!({"spec": {"externalTrafficPolicy": policy}}).to_string();
    bed.lab
        .kubectl(&["patch", "service", SERVICE, "-p", &patch])
        .map(drop)
}

/// F30, S4: an address goes ahead of the last pod behind it, and to a node that serves it already. A client that goes on sending from
/// one port is answered again where its pod was taken away, with either policy.
#[test]
fn an_address_with_policy_local_follows_its_pods_and_costs_clients_nothing() {
    let (bed, pods) = bed().unwrap_or_else(|error| panic!("no bed: {error:#}"));
    on(Ok(bed), |bed| {
        let watched = Watched::start(bed, SERVICE)?;
        watched.wait_until_up(&nodes(bed))?;
        replaced(bed, &watched, &pods[0], &pods[1])?;
        taken_away(bed, &watched, &pods[2])?;
        policy(bed, "Cluster")?;
        taken_away(bed, &watched, &pods[0])?;
        policy(bed, "Local")?;
        waited_for(bed, &watched, &pods[0], &pods[1])
    });
}

/// A rolling update of a Deployment with one replica: the new pod is ready on another node, the old one ends.
fn replaced(bed: &Bed, watched: &Watched<'_>, old: &Backend, new: &Backend) -> Result<()> {
    let holder = watched.holder()?;
    ensure!(Some(&holder) == old.host.behind.as_ref(), "{holder} has no pod");
    let (_, seen) = watched.through(|| {
        bed.lab.retire_endpoints("default", SERVICE, &[new], &[old])?;
        at_pod(bed, watched, new)
    })?;
    check("rolling update", &seen)?;
    let (_, seen) = watched.through(|| {
        bed.lab.set_endpoints("default", SERVICE, &[new])?;
        at_pod(bed, watched, new)
    })?;
    check("the old pod is gone", &seen)
}

/// The pod is taken away, and another one is there at once, elsewhere.
fn taken_away(bed: &Bed, watched: &Watched<'_>, new: &Backend) -> Result<()> {
    let ((), seen) = watched.through(|| bed.lab.set_endpoints("default", SERVICE, &[new]))?;
    #[allow(clippy::print_stdout, reason = "a measurement for who reads the log")]
    for (client, seen) in suites::CLIENTS.iter().zip(&seen) {
        println!(
            "pod taken away: {client} lost {} and waited {:?}",
            seen.lost, seen.silence
        );
    }
    // And it stays so: nobody is stuck to what was there before.
    let ((), seen) = watched.through(|| {
        bed.answer(&watched.addresses[0].to_string())?;
        watched.holder().map(drop)
    })?;
    for (client, seen) in suites::CLIENTS.iter().zip(&seen) {
        ensure!(
            seen.silence < SILENCE,
            "{client} was without an answer for {:?}",
            seen.silence
        );
    }
    Ok(())
}

/// The address stays where its pod ends for as long as kube-proxy says of the other node that it does not serve the new one yet.
fn waited_for(bed: &Bed, watched: &Watched<'_>, old: &Backend, new: &Backend) -> Result<()> {
    at_pod(bed, watched, old)?;
    let service = bed.lab.kubectl_json(&["get", "service", SERVICE])?;
    let port = service["spec"]["healthCheckNodePort"].as_u64();
    let port = u16::try_from(port.context("no healthCheckNodePort")?)?;
    let node = new.host.behind.as_deref().context("no node")?;
    end_kube_proxy(bed, node)?;
    let health = Health::on(bed, node, port)?;
    bed.lab.retire_endpoints("default", SERVICE, &[new], &[old])?;
    bed.wait("kube-proxy to be asked a few times", || {
        Ok((health.times() > 3).then_some(()))
    })?;
    ensure!(
        watched.told_of()? == old.host.behind,
        "the address has gone to where nobody serves it"
    );
    health.is_well();
    at_pod(bed, watched, new)?;
    health.end()
}

fn at_pod(bed: &Bed, watched: &Watched<'_>, pod: &Backend) -> Result<()> {
    bed.wait("the node of the pod to hold the addresses", || {
        Ok(watched
            .told_of()?
            .filter(|node| Some(node) == pod.host.behind.as_ref()))
    })
    .map(drop)
}
