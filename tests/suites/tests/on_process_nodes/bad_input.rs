use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use suites::{Bed, on, root};

/// P-CFG-2, P-CFG-3, P-CFG-4, P-CFG-6, P-CFG-8, P-CFG-9, P-CFG-13, P-CFG-14, P-CFG-19, P-CFG-20, P-CFG-21, P-CFG-22, P-CFG-23,
/// P-CFG-24, P-CFG-27, P-CFG-30, P-CFG-32, P-CFG-34, P-CFG-35, P-CFG-36: every object of the table is taken or refused by a real API
/// server, with the words that the table expects; and it takes what documents say to write.
#[test]
fn the_api_server_takes_what_is_good_and_says_of_the_rest_what_to_write() {
    on(Bed::bare("objects"), |bed| {
        for (path, text) in objects("good")? {
            bed.lab
                .kubectl_apply(&text)
                .with_context(|| format!("{}", path.display()))?;
        }
        for block in guards::documents::yaml() {
            // Values of the chart stand in documents too.
            if block.text.contains("apiVersion:") {
                bed.lab.kubectl_apply(&block.text).with_context(|| block.place)?;
            }
        }
        let mut wrong = Vec::new();
        for (path, text) in objects("bad")? {
            let expected = text
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("# expect: "));
            let expected = expected.with_context(|| format!("{}: no line `# expect: …`", path.display()))?;
            match bed.lab.kubectl_apply(&text) {
                Ok(_) => wrong.push(format!("{} was accepted", path.display())),
                Err(refusal) if !refusal.to_string().contains(expected) => {
                    wrong.push(format!(
                        "{}: expected {expected:?}, got {refusal}",
                        path.display()
                    ));
                }
                Err(_) => {}
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    });
}

fn objects(folder: &str) -> Result<Vec<(PathBuf, String)>> {
    let mut objects = Vec::new();
    for entry in fs::read_dir(root().join("crates/crds/definitions/tests/objects").join(folder))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        objects.push((path, text));
    }
    ensure!(!objects.is_empty(), "no objects in {folder}");
    Ok(objects)
}

/// P-CFG-1, P-CFG-39, F12, F34
#[test]
fn a_pool_that_overlaps_another_is_named_and_harms_nobody() {
    on(Bed::bare("overlap"), |bed| {
        bed.pool("lan", "192.168.1.200-192.168.1.210")?;
        bed.controller(1)?;
        bed.service("web", json!({}))?;
        ensure!(bed.address("web")? == "192.168.1.200");
        bed.pool("other", "192.168.1.208/28")?;
        let verdict = |name: &str, status: &str| {
            bed.wait(&format!("Accepted={status} on IPPool {name}"), || {
                bed.condition_of("ippool", name, "Accepted", status)
            })
        };
        let (reason, message) = verdict("other", "False")?;
        ensure!(
            reason == "Overlap" && message.contains("of IPPool lan"),
            "{reason}: {message}"
        );
        verdict("lan", "True")?;

        // An edit that overlaps leaves the last good form in force.
        bed.pool("other", "192.168.1.240-192.168.1.250")?;
        verdict("other", "True")?;
        bed.pool("other", "192.168.1.205-192.168.1.250")?;
        let (_, message) = verdict("other", "False")?;
        ensure!(
            message.contains("the form it had before stays in force"),
            "{message}"
        );
        bed.lab
            .kubectl(&["annotate", "service", "web", "heraldlb.io/address-pool=other"])?;
        bed.wait("the Service to move to the pool that it names", || {
            Ok((bed.addresses()?.get("web").map(String::as_str) == Some("192.168.1.240")).then_some(()))
        })?;
        Ok(())
    });
}

/// P-ALLOC-34, P-ALLOC-38, P-ALLOC-42: a request that cannot be honoured is told on its own Service and harms nobody.
#[test]
fn a_service_that_asks_for_the_impossible_is_told_what_to_write() {
    on(Bed::bare("requests"), |bed| {
        bed.pool("lan", suites::POOL)?;
        bed.controller(1)?;
        bed.service("web", json!({}))?;
        ensure!(bed.address("web")? == "192.168.1.200");
        let cases = [
            (
                "taken",
                "192.168.1.200",
                "AddressTaken",
                "192.168.1.200 is held by Service default/web",
            ),
            (
                "outside",
                "10.9.8.7",
                "AddressNotInPool",
                "10.9.8.7 is in no IPPool",
            ),
            (
                "unreadable",
                "example.com",
                "InvalidRequest",
                "\"example.com\" is not an IP address",
            ),
            (
                "twice",
                "192.168.1.201,192.168.1.202",
                "InvalidRequest",
                "are of one family",
            ),
        ];
        for (name, ips, expected, text) in cases {
            let object = json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "annotations": {"heraldlb.io/loadBalancerIPs": ips}},
                "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 80}]},
            });
            bed.lab.kubectl_apply(&object.to_string())?;
            let (reason, message) = bed.condition(name, "heraldlb.io/Allocated", "False")?;
            ensure!(
                reason == expected && message.contains(text),
                "{name}: {reason}: {message}"
            );
        }
        bed.lab.kubectl(&["delete", "service", "web"])?;
        ensure!(bed.address("taken")? == "192.168.1.200");
        Ok(())
    });
}

/// What the condition `Accepted` of an object says, once it has that status.
fn judged(bed: &Bed, kind: &str, name: &str, status: &str) -> Result<String> {
    let what = format!("Accepted={status} on {kind} {name}");
    let (reason, message) = bed.wait(&what, || bed.condition_of(kind, name, "Accepted", status))?;
    Ok(format!("{reason}: {message}"))
}

fn apply(bed: &Bed, kind: &str, name: &str, spec: &serde_json::Value) -> Result<()> {
    let object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec,
    });
    bed.lab.kubectl_apply(&object.to_string()).map(drop)
}

/// P-BGP-33, P-CFG-11, P-CFG-15, P-CFG-16, P-CFG-33, P-CFG-34, P-CFG-36, P-CFG-42, P-OBS-11, P-OBS-12: what two objects of BGP get wrong together is
/// told on one of them, by the labels that the nodes have now, and ends with its cause.
#[test]
fn objects_of_bgp_that_stand_in_each_others_way_are_told_which_is_the_other() {
    on(Bed::bare("bgp-objects"), |bed| {
        bed.pool("lan", suites::POOL)?;
        bed.controller(1)?;
        bed.lab.kubectl(&["label", "node", "n1", "rack=a"])?;
        bed.lab.kubectl(&["label", "node", "n2", "rack=b"])?;
        let peer = |rack: &str| {
            json!({
                "myASN": 64512, "peerASN": 64513, "peerAddress": "192.168.1.1",
                "nodeSelectors": [{"matchLabels": {"rack": rack}}],
            })
        };
        apply(bed, "BGPPeer", "tor-a", &peer("a"))?;
        apply(bed, "BGPPeer", "tor-b", &peer("b"))?;
        judged(bed, "bgppeer", "tor-a", "True")?;
        judged(bed, "bgppeer", "tor-b", "True")?;
        apply(bed, "BGPPeer", "tor-c", &peer("b"))?;
        let told = judged(bed, "bgppeer", "tor-c", "False")?;
        ensure!(
            told.starts_with("Conflict: BGPPeer tor-b is 192.168.1.1 too"),
            "{told}"
        );
        bed.lab.kubectl(&["delete", "bgppeer", "tor-b"])?;
        judged(bed, "bgppeer", "tor-c", "True")?;

        apply(bed, "BGPAdvertisement", "all", &json!({"localPref": 200}))?;
        judged(bed, "bgpadvertisement", "all", "True")?;
        apply(
            bed,
            "BGPAdvertisement",
            "more",
            &json!({"communities": ["no-transit"]}),
        )?;
        let told = judged(bed, "bgpadvertisement", "more", "False")?;
        ensure!(
            told.starts_with("MissingReference: communities[0]: no Community has the name"),
            "{told}"
        );
        let names = json!({"communities": [{"name": "no-transit", "value": "65000:100"}]});
        apply(bed, "Community", "names", &names)?;
        for value in ["65000:65536", "large:1:2"] {
            let malformed = json!({"communities": [{"name": "no-transit", "value": value}]});
            ensure!(
                apply(bed, "Community", "names", &malformed).is_err(),
                "{value} was taken"
            );
        }
        apply(bed, "Community", "other-names", &names)?;
        let told = judged(bed, "community", "other-names", "False")?;
        ensure!(
            told.contains("Community names has the name \"no-transit\" too"),
            "{told}"
        );
        bed.wait("the conflict on BGPAdvertisement more", || {
            let told = bed.condition_of("bgpadvertisement", "more", "Accepted", "False")?;
            Ok(told
                .filter(|(reason, message)| reason == "Conflict" && message.contains("BGPAdvertisement all")))
        })?;
        apply(bed, "BGPAdvertisement", "all", &json!({}))?;
        judged(bed, "bgpadvertisement", "more", "True")?;
        Ok(())
    });
}

/// P-CFG-29, P-CFG-37, P-OBS-8
#[test]
fn a_profile_is_asked_for_and_then_held_while_a_peer_names_it() {
    on(Bed::bare("bfd-profile"), |bed| {
        bed.controller(1)?;
        let peer = |fields: serde_json::Value| {
            let mut spec = json!({"myASN": 64512, "peerASN": 64513, "peerAddress": "192.168.1.1"});
            spec.as_object_mut()
                .into_iter()
                .for_each(|spec| spec.extend(fields.as_object().cloned().unwrap_or_default()));
            apply(bed, "BGPPeer", "tor", &spec)
        };
        peer(json!({"bfdProfile": "fast", "holdTime": "0s"}))?;
        let told = judged(bed, "bgppeer", "tor", "False")?;
        ensure!(told.contains("there is no BFDProfile fast"), "{told}");
        apply(bed, "BFDProfile", "fast", &json!({"echoMode": true}))?;
        judged(bed, "bgppeer", "tor", "True")?;
        bed.wait("the warning of echoMode", || {
            let told = bed.condition_of("bfdprofile", "fast", "Warning", "True")?;
            Ok(told.filter(|(reason, _)| reason == "NoEcho"))
        })?;
        bed.wait("the profile to be in use", || {
            let object = bed.lab.kubectl_json(&["get", "bfdprofile", "fast"])?;
            Ok((object["metadata"]["finalizers"] == json!(["heraldlb.io/in-use"])).then_some(()))
        })?;
        bed.lab
            .kubectl(&["delete", "bfdprofile", "fast", "--wait=false"])?;
        bed.wait("the profile to say why it is still there", || {
            let told = bed.condition_of("bfdprofile", "fast", "Accepted", "True")?;
            Ok(told.filter(|(reason, message)| reason == "Terminating" && message.contains("(tor now)")))
        })?;
        peer(json!({"holdTime": "0s"}))?;
        bed.wait("the profile to go", || {
            let gone = bed.lab.kubectl(&["get", "bfdprofile", "--no-headers"])?;
            Ok(gone.trim().is_empty().then_some(()))
        })?;
        bed.wait("the warning of a session that never expires", || {
            let told = bed.condition_of("bgppeer", "tor", "Warning", "True")?;
            Ok(told.filter(|(reason, _)| reason == "NeverExpires"))
        })?;
        Ok(())
    });
}
