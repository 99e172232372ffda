use anyhow::{Result, ensure};
use lab::Signal;
use serde_json::json;
use suites::{Bed, on};

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
