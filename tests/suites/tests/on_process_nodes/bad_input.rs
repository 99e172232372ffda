use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use suites::{Bed, on, root};

/// P-CFG-2, P-CFG-3, P-CFG-4, P-CFG-9, P-CFG-13, P-CFG-27: every object of the table is taken or refused by a real API
/// server, with the words that the table expects.
#[test]
fn the_api_server_takes_what_is_good_and_says_of_the_rest_what_to_write() {
    on(Bed::bare("objects"), |bed| {
        for (path, text) in objects("good")? {
            bed.lab
                .kubectl_apply(&text)
                .with_context(|| format!("{}", path.display()))?;
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
    for entry in fs::read_dir(root().join("crds/definitions/tests/objects").join(folder))? {
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
