//! Every way users ask for an address, and what they are told.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use lab::Signal;
use serde_json::{Value, json};
use suites::{Bed, on};

/// P-ALLOC-3, P-ALLOC-10: what a Service does besides, and whether anything runs behind it, has no influence.
#[test]
fn services_of_every_kind_get_an_address() {
    on(Bed::bare("kinds"), |bed| {
        pool(
            bed,
            "lan",
            json!({"addresses": ["192.168.1.200-192.168.1.210", "fd00:1::/120"]}),
        )?;
        bed.controller(1)?;
        let ports = |protocols: &[&str]| -> Value {
            let port =
                |protocol: &&str| json!({"name": protocol.to_lowercase(), "protocol": protocol, "port": 53});
            protocols.iter().map(port).collect()
        };
        bed.service("udp", json!({"ports": ports(&["UDP"])}))?;
        bed.service("sctp", json!({"ports": ports(&["SCTP"])}))?;
        bed.service("mixed", json!({"ports": ports(&["TCP", "UDP"])}))?;
        bed.service("node-ports", json!({"allocateLoadBalancerNodePorts": true}))?;
        bed.service(
            "local",
            json!({"externalTrafficPolicy": "Local", "selector": {"app": "nobody"}}),
        )?;
        bed.service(
            "sticky",
            json!({"sessionAffinity": "ClientIP", "loadBalancerSourceRanges": ["10.0.0.0/8"]}),
        )?;
        bed.service("classed", json!({"loadBalancerClass": "heraldlb.io/herald"}))?;
        let names = ["udp", "sctp", "mixed", "node-ports", "local", "sticky", "classed"];
        let addresses = names
            .iter()
            .map(|name| bed.address(name))
            .collect::<Result<BTreeSet<_>>>()?;
        ensure!(addresses.len() == names.len(), "{addresses:?}");
        Ok(())
    });
}

/// P-ALLOC-67, P-ALLOC-70, P-ALLOC-75, P-ALLOC-78: the families of a Service are changed while it stands.
#[test]
fn a_service_that_changes_its_families_keeps_the_address_of_the_family_that_stays() {
    on(Bed::bare("families"), |bed| {
        pool(
            bed,
            "lan",
            json!({"addresses": ["192.168.1.200/29", "fd00:1::/120"]}),
        )?;
        bed.controller(1)?;
        bed.service("web", json!({"ipFamilyPolicy": "SingleStack"}))?;
        showing(bed, "web", &["192.168.1.200"])?;
        bed.lab.kubectl(&[
            "patch",
            "service",
            "web",
            "-p",
            r#"{"spec":{"ipFamilyPolicy":"RequireDualStack"}}"#,
        ])?;
        showing(bed, "web", &["192.168.1.200", "fd00:1::"])?;
        bed.lab.kubectl(&[
            "patch",
            "service",
            "web",
            "-p",
            r#"{"spec":{"ipFamilyPolicy":"SingleStack"}}"#,
        ])?;
        showing(bed, "web", &["192.168.1.200"])
    });
}

/// P-ALLOC-35, P-ALLOC-43
#[test]
fn a_service_that_asks_for_another_address_shows_both_for_a_while() {
    on(Bed::bare("another"), |bed| {
        pool(bed, "lan", json!({"addresses": ["192.168.1.200/29"]}))?;
        bed.controller(1)?;
        bed.service("web", json!({}))?;
        showing(bed, "web", &["192.168.1.200"])?;
        bed.lab.kubectl(&[
            "annotate",
            "service",
            "web",
            "heraldlb.io/loadBalancerIPs=192.168.1.205",
        ])?;
        showing(bed, "web", &["192.168.1.205", "192.168.1.200"])?;
        showing(bed, "web", &["192.168.1.205"])?;
        ensure!(bed.status_writes("herald-controller", "web")? == 3);
        Ok(())
    });
}

/// P-ALLOC-44, P-ALLOC-47, P-ALLOC-51, P-L2-4: two Services on one address, both reachable, from one node.
#[test]
fn services_with_one_sharing_key_answer_on_one_address() {
    on(Bed::up("sharing"), |bed| {
        let backend = bed.lab.backend("web1")?;
        for (name, port) in [("http", 80), ("other", 8080)] {
            let ports = json!([{"name": "http", "port": port, "targetPort": 8080}]);
            bed.service(name, json!({"ports": ports}))?;
            bed.lab.set_endpoints("default", name, &[&backend])?;
            bed.lab
                .kubectl(&["annotate", "service", name, "heraldlb.io/allow-shared-ip=team-a"])?;
        }
        let ip = bed.address("http")?;
        // A key permits sharing, and does not force it; asking for the address does.
        bed.lab.kubectl(&[
            "annotate",
            "service",
            "other",
            &format!("heraldlb.io/loadBalancerIPs={ip}"),
        ])?;
        showing(bed, "other", &[&ip])?;
        for port in [80, 8080] {
            let url = format!("http://{ip}:{port}/");
            let answer = bed.wait(&format!("{url} to answer"), || {
                Ok(bed.lab.curl("client", &url, 1).ok())
            })?;
            ensure!(answer.contains("web1"), "{answer}");
        }
        let holder = bed.holder(&ip)?;
        for name in ["http", "other"] {
            let (_, message) = bed.condition(name, "heraldlb.io/Announced", "True")?;
            ensure!(message.starts_with(&format!("by node {holder}:")), "{message}");
        }

        // With the other's port it may not share, and says by which rule.
        let clash = json!([{"op": "replace", "path": "/spec/ports/0/port", "value": 80}]);
        bed.lab.kubectl(&[
            "patch",
            "service",
            "other",
            "--type=json",
            "-p",
            &clash.to_string(),
        ])?;
        let (reason, message) = bed.condition("other", "heraldlb.io/Allocated", "False")?;
        ensure!(
            reason == "SharingRefused" && message.contains("TCP port 80"),
            "{reason}: {message}"
        );
        ensure!(
            bed.answer(&ip)?.contains("web1"),
            "the other Service is not disturbed"
        );
        Ok(())
    });
}

#[test]
fn a_reservation_keeps_the_address_while_its_service_is_away() {
    on(Bed::bare("reserving"), |bed| {
        pool(bed, "lan", json!({"addresses": ["192.168.1.200-192.168.1.201"]}))?;
        bed.controller(1)?;
        let with_reservation = |name: &str| -> Result<()> {
            let object = json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "annotations": {"heraldlb.io/reserve": "front"}},
                "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
            });
            bed.lab.kubectl_apply(&object.to_string()).map(drop)
        };
        with_reservation("web")?;
        showing(bed, "web", &["192.168.1.200"])?;
        let listed = bed.lab.kubectl(&["get", "ipr", "front"])?;
        ensure!(listed.contains("192.168.1.200"), "{listed}");
        bed.lab.kubectl(&["delete", "service", "web"])?;
        bed.service("a", json!({}))?;
        showing(bed, "a", &["192.168.1.201"])?;
        bed.service("b", json!({}))?;
        let (reason, _) = bed.condition("b", "heraldlb.io/Allocated", "False")?;
        ensure!(reason == "PoolFull", "{reason}");
        with_reservation("web")?;
        showing(bed, "web", &["192.168.1.200"])?;
        bed.lab.kubectl(&["delete", "service", "web"])?;
        bed.lab.kubectl(&["delete", "ipr", "front"])?;
        showing(bed, "b", &["192.168.1.200"])
    });
}

/// DESIGN §7, F11: a pool that Services hold addresses of is deleted when they have left it.
#[test]
fn a_pool_that_is_deleted_waits_for_its_services_or_moves_them() {
    on(Bed::bare("leaving"), |bed| {
        pool(bed, "keep", json!({"addresses": ["192.168.1.200/31"]}))?;
        bed.controller(1)?;
        bed.service("stays", json!({}))?;
        showing(bed, "stays", &["192.168.1.200"])?;
        finalizer(bed, "keep")?;
        bed.lab.kubectl(&["delete", "ippool", "keep", "--wait=false"])?;
        bed.wait("the pool to say that it waits", || {
            let accepted = bed.condition_of("ippool", "keep", "Accepted", "True")?;
            Ok(accepted.filter(|(reason, _)| reason == "Terminating"))
        })?;
        bed.service("late", json!({}))?;
        let (_, message) = bed.condition("late", "heraldlb.io/Allocated", "False")?;
        ensure!(message.contains("is being deleted"), "{message}");

        pool(
            bed,
            "move",
            json!({"addresses": ["192.168.1.210/31"], "reclaimPolicy": "Move"}),
        )?;
        showing(bed, "late", &["192.168.1.210"])?;
        showing(bed, "stays", &["192.168.1.200"])?;
        finalizer(bed, "move")?;
        pool(
            bed,
            "last",
            json!({"addresses": ["192.168.1.220/31"], "autoAssign": true}),
        )?;
        bed.lab.kubectl(&["delete", "ippool", "move", "--wait=false"])?;
        showing(bed, "late", &["192.168.1.220"])?;
        gone(bed, "move")?;
        bed.lab.kubectl(&["delete", "service", "stays"])?;
        gone(bed, "keep")
    });
}

/// DESIGN §7, P-L2-1: what a pool does not cover any more is kept, announced also by speakers that start later, and counted.
#[test]
fn an_address_that_its_pool_gives_out_no_more_still_answers() {
    on(Bed::bare("outside"), |bed| {
        bed.pool("lan", suites::POOL)?;
        bed.advertise("lan", json!({}))?;
        bed.controller(1)?;
        let speakers = [bed.speaker("n1")?, bed.speaker("n2")?, bed.speaker("n3")?];
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let ip = bed.address("web")?;
        bed.answer(&ip)?;
        pool(
            bed,
            "lan",
            json!({"addresses": ["192.168.1.200-192.168.1.250"], "exclude": [ip]}),
        )?;
        bed.wait("the pool to count it", || {
            let status = &bed.lab.kubectl_json(&["get", "ippool", "lan"])?["status"];
            Ok((status["outsideIPv4"] == 1 && status["assignedIPv4"] == 0).then_some(()))
        })?;
        let (_, message) = bed.condition("web", "heraldlb.io/Allocated", "True")?;
        ensure!(message.contains("heraldlb.io/reallocate"), "{message}");
        bed.answer(&ip)?;
        for speaker in &speakers {
            bed.kill(speaker, Signal::SIGTERM)?;
        }
        bed.speaker("n2")?;
        bed.wait("the speaker that has just started to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| node == "n2"))
        })?;
        bed.answer(&ip)?;
        bed.lab
            .kubectl(&["annotate", "service", "web", "heraldlb.io/reallocate=true"])?;
        showing(bed, "web", &["192.168.1.201"])?;
        bed.answer("192.168.1.201")?;
        Ok(())
    });
}

/// P-ALLOC-9: what another controller wrote stays.
#[test]
fn the_status_of_a_service_of_another_class_is_left_as_it_is() {
    on(Bed::bare("others"), |bed| {
        bed.service("theirs", json!({"loadBalancerClass": "example.com/other"}))?;
        let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}});
        let patch = status.to_string();
        bed.lab.kubectl(&[
            "patch",
            "service",
            "theirs",
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ])?;
        bed.controller(1)?;
        pool(bed, "lan", json!({"addresses": ["192.168.1.200/29"]}))?;
        bed.service("ours", json!({}))?;
        showing(bed, "ours", &["192.168.1.200"])?;
        bed.lab.kubectl(&["delete", "ippool", "lan", "--wait=false"])?;
        bed.lab.kubectl(&["delete", "service", "ours"])?;
        gone(bed, "lan")?;
        showing(bed, "theirs", &["203.0.113.7"])?;
        ensure!(bed.status_writes("herald-controller", "theirs")? == 0);
        Ok(())
    });
}

fn pool(bed: &Bed, name: &str, spec: Value) -> Result<()> {
    let object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool", "metadata": {"name": name}, "spec": spec,
    });
    bed.lab.kubectl_apply(&object.to_string()).map(drop)
}

/// Waits until the status of a Service shows exactly these addresses, in this order.
fn showing(bed: &Bed, service: &str, addresses: &[&str]) -> Result<()> {
    let shown = || -> Result<Vec<String>> {
        let object = bed.lab.kubectl_json(&["get", "service", service])?;
        let ingress = object["status"]["loadBalancer"]["ingress"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        Ok(ingress
            .iter()
            .filter_map(|entry| Some(entry["ip"].as_str()?.to_owned()))
            .collect())
    };
    let what = format!("Service {service} to show {addresses:?}");
    bed.wait(&what, || Ok((shown()? == addresses).then_some(())))
        .with_context(|| format!("it shows {:?}", shown()))
}

fn finalizer(bed: &Bed, pool: &str) -> Result<()> {
    bed.wait("the pool's finalizer", || {
        let object = bed.lab.kubectl_json(&["get", "ippool", pool])?;
        Ok((object["metadata"]["finalizers"][0] == "heraldlb.io/in-use").then_some(()))
    })
}

fn gone(bed: &Bed, pool: &str) -> Result<()> {
    bed.wait(&format!("IPPool {pool} to be gone"), || {
        let listed = bed.lab.kubectl(&["get", "ippools", "--output=name"])?;
        Ok((!listed.contains(&format!("/{pool}\n")) && !listed.ends_with(&format!("/{pool}"))).then_some(()))
    })
}
