use anyhow::ensure;
use lab::Signal;
use serde_json::json;
use suites::{Bed, on};

/// P-L2-1, P-L2-12, P-L2-43, P-L2-51: the address answers from one node with that node's own hardware address, and traffic for
/// it reaches an endpoint, though no interface of the node has it. Then the cable is pulled.
#[test]
fn an_address_answers_and_another_node_takes_over_when_the_cable_is_pulled() {
    on(Bed::up("cable"), |bed| {
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let ip = bed.address("web")?;
        let first = bed.holder(&ip)?;
        ensure!(bed.answer(&ip)?.contains("web1"));
        let neighbour = bed
            .lab
            .neighbour("client", ip.parse()?)?
            .and_then(|entry| entry.mac)
            .unwrap_or_default();
        ensure!(bed.node_of(&neighbour)? == first);
        ensure!(
            !bed.lab.ip(&first, &["address", "show"])?.contains(&ip),
            "the address is on an interface of {first}"
        );
        let (_, message) = bed.condition("web", "heraldlb.io/Announced", "True")?;
        ensure!(message == format!("by node {first}: {ip} on eth0"), "{message}");

        bed.lab.unplug(&first)?;
        let second = bed.wait("another node to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| *node != first))
        })?;
        bed.answer(&ip)?;
        bed.wait("the condition to name the other node", || {
            let condition = bed.condition_of("service", "web", "heraldlb.io/Announced", "True")?;
            Ok(condition.filter(|(_, message)| message.contains(&format!("by node {second}:"))))
        })?;

        bed.lab.plug(&first)?;
        bed.holder(&ip)?;
        bed.answer(&ip)?;
        ensure!(bed.address("web")? == ip);
        Ok(())
    });
}

/// P-L2-17, P-L2-19, P-L2-9, P-L2-11, P-L2-45, P-OBS-5
#[test]
fn selectors_labels_and_interfaces_decide_where_an_address_answers_and_why_not() {
    on(Bed::up("selectors"), |bed| {
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let ip = bed.address("web")?;
        let holder = bed.holder(&ip)?;
        let other = if holder == "n1" { "n2" } else { "n1" };
        let on = |node: &str| json!({"nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": node}}]});
        bed.advertise("lan", on(other))?;
        bed.wait("the selected node to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| node == other))
        })?;

        bed.lab.kubectl(&[
            "label",
            "node",
            other,
            "node.kubernetes.io/exclude-from-external-load-balancers=",
        ])?;
        let (reason, message) = bed.condition("web", "heraldlb.io/Announced", "False")?;
        ensure!(
            reason == "NoNode" && message.contains(&format!("{other} carries the label")),
            "{reason}: {message}"
        );
        bed.wait("nobody to answer", || {
            Ok(bed.macs(&ip, 2)?.is_empty().then_some(()))
        })?;

        bed.lab.kubectl(&[
            "label",
            "node",
            other,
            "node.kubernetes.io/exclude-from-external-load-balancers-",
        ])?;
        bed.wait("the selected node to answer again", || {
            Ok(bed.answering(&ip)?.filter(|node| node == other))
        })?;

        let mut elsewhere = on(other);
        elsewhere["interfaces"] = json!(["eth7"]);
        bed.advertise("lan", elsewhere)?;
        bed.wait("the condition to say that there is no such interface", || {
            let condition = bed.condition_of("service", "web", "heraldlb.io/Announced", "False")?;
            Ok(condition.filter(|(reason, _)| reason == "NoInterface"))
        })?;

        bed.lab.kubectl(&["delete", "l2advertisement", "lan"])?;
        bed.wait("the condition to say that there is no advertisement", || {
            let condition = bed.condition_of("service", "web", "heraldlb.io/Announced", "False")?;
            Ok(condition.filter(|(reason, _)| reason == "NoMatchingAdvertisement"))
        })?;
        Ok(())
    });
}

/// P-L2-2, P-L2-5, P-L2-13
#[test]
fn with_local_policy_the_node_of_the_endpoint_answers_and_without_endpoints_nobody() {
    on(Bed::up("endpoints"), |bed| {
        let first = bed.lab.backend_on("n1", "pod1")?;
        let second = bed.lab.backend_on("n2", "pod2")?;
        bed.service(
            "web",
            json!({
                "externalTrafficPolicy": "Local",
                "ports": [
                    {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080},
                    {"name": "echo", "protocol": "UDP", "port": 7777, "targetPort": 7777},
                ],
            }),
        )?;
        let ip = bed.address("web")?;
        let (reason, _) = bed.condition("web", "heraldlb.io/Announced", "False")?;
        ensure!(reason == "NoEndpoints", "{reason}");
        bed.lab.set_endpoints("default", "web", &[&first])?;
        ensure!(bed.holder(&ip)? == "n1");
        ensure!(bed.answer(&ip)?.contains("pod1"));
        bed.lab.set_endpoints("default", "web", &[&second])?;
        bed.wait("the node of the other endpoint to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| node == "n2"))
        })?;
        ensure!(bed.answer(&ip)?.contains("pod2"));
        bed.lab.set_endpoints("default", "web", &[])?;
        bed.wait("nobody to answer", || {
            Ok(bed.macs(&ip, 2)?.is_empty().then_some(()))
        })?;
        Ok(())
    });
}

/// P-L2-36: a speaker that is told to stop hands over before it goes.
#[test]
fn a_speaker_that_stops_hands_its_address_over() {
    on(Bed::bare("leave"), |bed| {
        bed.pool("lan", suites::POOL)?;
        bed.advertise("lan", json!({}))?;
        bed.controller(1)?;
        let speakers = [bed.speaker("n1")?, bed.speaker("n2")?];
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let ip = bed.address("web")?;
        let holder = bed.holder(&ip)?;
        let leaving = speakers.iter().find(|speaker| speaker.host == holder);
        let leaving = leaving.ok_or_else(|| anyhow::anyhow!("no speaker runs on {holder}"))?;
        bed.kill(leaving, Signal::SIGTERM)?;
        let next = bed.holder(&ip)?;
        ensure!(next != holder);
        bed.answer(&ip)?;
        Ok(())
    });
}
