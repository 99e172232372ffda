//! Clusters in which others write what Herald writes, too: leftovers of another provider, one that goes on, a second Herald.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use suites::{ADMINISTRATOR, Bed, ELECTION, POOL, POOL_V6, User, on};

/// How long a suite looks on while nothing is to happen.
const LOOK: Duration = Duration::from_secs(10);

/// Writes of one Service's status that are no loop, however long one looks: some tries, each later than the one before.
const FEW: usize = 12;

/// S9, P-ALLOC-9, P-ALLOC-62: an entry that somebody else wrote and that Herald cannot replace is left alone, without haste, and goes
/// when there is an address.
#[test]
fn a_foreign_hostname_makes_no_loop_and_gives_way_to_an_address() {
    on(Bed::bare("hostname"), |bed| {
        bed.service("web", json!({}))?;
        show(bed, "web", &json!([{"hostname": "lb.example.com"}]))?;
        bed.controller(1)?;
        bed.condition("web", "heraldlb.io/Allocated", "False")?;
        look(bed)?;
        let writes = bed.status_writes("herald-controller", "web")?;
        ensure!(writes <= 2, "{writes} writes of a Service that cannot be served");
        let events = events(bed, "web")?;
        ensure!(events <= 2, "{events} events");
        ensure!(ingress(bed, "web")? == json!([{"hostname": "lb.example.com"}]));
        bed.pool("lan", POOL)?;
        shows(bed, "web", &["192.168.1.200"])
    });
}

/// What k3s' ServiceLB leaves behind: every Service shows the addresses of all nodes.
#[test]
fn addresses_of_nodes_that_another_provider_left_are_replaced() {
    on(Bed::bare("leftovers"), |bed| {
        let nodes = bed.lab.nodes();
        let left: Value = nodes
            .iter()
            .map(|node| json!({"ip": node.v4.to_string()}))
            .collect();
        for service in ["traefik", "web"] {
            bed.service(service, json!({}))?;
            show(bed, service, &left)?;
        }
        bed.pool("lan", POOL)?;
        bed.controller(1)?;
        shows(bed, "traefik", &["192.168.1.200"])?;
        shows(bed, "web", &["192.168.1.201"])?;
        bed.condition("traefik", "heraldlb.io/Allocated", "True")?;
        addresses_of_nodes_are_not_given_out(bed)
    });
}

/// A pool that has the addresses of all nodes gives out what is left, and says which it does not and why.
fn addresses_of_nodes_are_not_given_out(bed: &Bed) -> Result<()> {
    bed.pool("low", "192.168.1.11-192.168.1.14")?;
    bed.service("low", json!({}))?;
    bed.lab.kubectl(&[
        "annotate",
        "service",
        "low",
        "heraldlb.io/address-pool=low",
        "--overwrite",
    ])?;
    shows(bed, "low", &["192.168.1.14"])?;
    bed.wait("the pool to say so", || {
        let pool = bed.lab.kubectl_json(&["get", "ippool", "low"])?;
        let conditions = pool["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let warning = conditions.iter().find(|condition| condition["type"] == "Warning");
        let message = warning.and_then(|warning| warning["message"].as_str());
        Ok(message
            .is_some_and(|message| message.contains("3 of its addresses") && message.contains("Node n1"))
            .then_some(()))
    })
}

/// What a pool covers is adopted: that is how people come from another provider.
#[test]
fn an_address_that_a_pool_covers_is_adopted() {
    on(Bed::bare("adopted"), |bed| {
        bed.service("web", json!({}))?;
        show(bed, "web", &json!([{"ip": "192.168.1.217"}]))?;
        bed.pool("lan", POOL)?;
        bed.controller(1)?;
        bed.condition("web", "heraldlb.io/Allocated", "True")?;
        shows(bed, "web", &["192.168.1.217"])
    });
}

/// Of two releases that serve one class the first goes on, and the second says so and changes nothing, in another namespace or in the same.
#[test]
fn a_second_release_of_one_class_says_so_and_changes_nothing() {
    on(Bed::bare("rivals"), |bed| {
        bed.lab.kubectl(&["create", "namespace", "other-system"])?;
        bed.pool("lan", POOL)?;
        bed.controller(1)?;
        let second = User {
            name: "second-release",
            ..ADMINISTRATOR
        };
        bed.release("other-system", 2, second, ELECTION)?;
        let later = [ELECTION, &["--lease-name", "later"]].concat();
        bed.release("herald-system", 3, second, &later)?;
        for number in [2, 3] {
            bed.wait("the second to say why it is not ready", || {
                let answer = bed.readiness(number)?;
                let says = answer.contains(
                    "the release in namespace herald-system serves Services without a class already",
                );
                ensure!(says && answer.starts_with("HTTP/1.1 503"), "{answer}");
                Ok(Some(()))
            })?;
            ensure!(bed.metric(number, "herald_controller_outranked")? == Some(1.0));
        }
        bed.service("web", json!({}))?;
        shows(bed, "web", &["192.168.1.200"])?;
        look(bed)?;
        ensure!(
            bed.status_writes(second.name, "web")? == 0,
            "the second has written"
        );
        ensure!(
            bed.readiness(1)?.starts_with("HTTP/1.1 200"),
            "the first is ready"
        );
        Ok(())
    });
}

/// A provider that goes on writes its own address back whenever Herald has written: it is named, and answered less and less.
#[test]
fn a_writer_that_insists_is_named_and_answered_ever_more_seldom() {
    on(Bed::bare("contested"), |bed| {
        bed.pool("lan", POOL)?;
        bed.controller(1)?;
        bed.service("web", json!({}))?;
        shows(bed, "web", &["192.168.1.200"])?;
        let theirs = json!([{"ip": "192.168.1.99"}]);
        let began = now();
        let mut answered = 0;
        while now() - began < 2 * LOOK {
            if ingress(bed, "web")? != theirs {
                answered += 1;
                show(bed, "web", &theirs)?;
            }
        }
        let writes = bed.status_writes("herald-controller", "web")?;
        ensure!(
            writes <= FEW,
            "{writes} writes against one that wrote {answered} times"
        );
        let named = bed.wait("the condition to name the other writer", || {
            let service = bed.lab.kubectl_json(&["get", "service", "web"])?;
            let conditions = service["status"]["conditions"].as_array().cloned();
            let conditions = conditions.unwrap_or_default();
            let contested = conditions.iter().find(|one| one["reason"] == "Contested");
            Ok(contested.and_then(|one| Some(one["message"].as_str()?.to_owned())))
        })?;
        ensure!(named.contains("servicelb"), "{named}");
        // It stops, and the address comes back.
        shows(bed, "web", &["192.168.1.200"])
    });
}

/// P-ALLOC-6, P-INSTALL-19: releases of different classes leave each other's Services and pools alone.
#[test]
fn releases_of_two_classes_leave_each_other_alone() {
    on(Bed::bare("two-classes"), |bed| {
        bed.lab.kubectl(&["create", "namespace", "other-system"])?;
        bed.pool("lan", POOL)?;
        let other = User {
            name: "other-controller",
            group: Some("system:masters"),
        };
        let flags = [ELECTION, &["--require-class"]].concat();
        bed.controller_with(1, ADMINISTRATOR, &flags)?;
        let theirs = [&flags[..], &["--load-balancer-class", "example.com/other"]].concat();
        bed.release("other-system", 2, other, &theirs)?;
        bed.service("ours", json!({"loadBalancerClass": "heraldlb.io/herald"}))?;
        bed.service("theirs", json!({"loadBalancerClass": "example.com/other"}))?;
        let addresses = (bed.address("ours")?, bed.address("theirs")?);
        look(bed)?;
        ensure!(addresses == (bed.address("ours")?, bed.address("theirs")?));
        for (user, service, expected) in [
            (ADMINISTRATOR.name, "ours", 1),
            (other.name, "ours", 0),
            (ADMINISTRATOR.name, "theirs", 0),
            (other.name, "theirs", 1),
        ] {
            let writes = bed.status_writes(user, service)?;
            ensure!(
                writes == expected,
                "{user} wrote the status of {service} {writes} times"
            );
        }
        let pools = |user| -> Result<usize> {
            let writes = bed.lab.writes_of(user)?;
            Ok(writes
                .iter()
                .filter(|write| write.resource == "ippools/status")
                .count())
        };
        let (ours, theirs) = (pools(ADMINISTRATOR.name)?, pools(other.name)?);
        ensure!(
            ours + theirs <= FEW,
            "the pool's status was written {ours} and {theirs} times"
        );
        Ok(())
    });
}

/// P-ALLOC-69: one pool for each family.
#[test]
fn two_pools_of_one_family_each_serve_dual_stack() {
    on(Bed::bare("two-pools"), |bed| {
        bed.pool("v4", POOL)?;
        bed.pool("v6", POOL_V6)?;
        bed.controller(1)?;
        bed.service("both", json!({"ipFamilyPolicy": "RequireDualStack"}))?;
        shows(bed, "both", &["192.168.1.200", "fd00:1::200"])?;
        bed.service("prefers", json!({"ipFamilyPolicy": "PreferDualStack"}))?;
        shows(bed, "prefers", &["192.168.1.201", "fd00:1::201"])?;
        bed.service("exact", json!({"ipFamilyPolicy": "RequireDualStack"}))?;
        bed.lab.kubectl(&[
            "annotate",
            "service",
            "exact",
            "heraldlb.io/loadBalancerIPs=192.168.1.210,fd00:1::210",
        ])?;
        shows(bed, "exact", &["192.168.1.210", "fd00:1::210"])
    });
}

/// Writes a status as another provider does, under its own name.
fn show(bed: &Bed, service: &str, ingress: &Value) -> Result<()> {
    let status = json!({"status": {"loadBalancer": {"ingress": ingress}}}).to_string();
    bed.lab
        .kubectl(&[
            "patch",
            "service",
            service,
            "--subresource=status",
            "--type=merge",
            "--field-manager=servicelb",
            "-p",
            &status,
        ])
        .map(drop)
}

fn ingress(bed: &Bed, service: &str) -> Result<Value> {
    let object = bed.lab.kubectl_json(&["get", "service", service])?;
    Ok(object["status"]["loadBalancer"]["ingress"].clone())
}

/// Waits until a Service shows exactly these addresses, whatever else an entry says.
fn shows(bed: &Bed, service: &str, addresses: &[&str]) -> Result<()> {
    bed.wait(&format!("Service {service} to show {addresses:?}"), || {
        let shown = ingress(bed, service)?;
        let entries = shown.as_array().cloned().unwrap_or_default();
        let ips: Vec<_> = entries
            .iter()
            .map(|entry| entry["ip"].as_str().unwrap_or_default())
            .collect();
        Ok((ips == addresses).then_some(()))
    })
}

/// How many events of the controller's there are about a Service.
fn events(bed: &Bed, service: &str) -> Result<usize> {
    let selector = format!("involvedObject.name={service}");
    let events = bed
        .lab
        .kubectl_json(&["get", "events", "--field-selector", &selector])?;
    Ok(events["items"].as_array().map_or(0, Vec::len))
}

/// Looks on for a while: what is counted afterwards is what a loop would have made of it.
fn look(bed: &Bed) -> Result<()> {
    let began = now();
    bed.wait("the time to pass", || Ok((now() - began >= LOOK).then_some(())))
}

#[allow(clippy::disallowed_methods, reason = "a suite looks on in real time")]
fn now() -> Instant {
    Instant::now()
}
