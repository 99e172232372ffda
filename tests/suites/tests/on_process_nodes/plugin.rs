//! What `kubectl herald` says of a real cluster.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use suites::{Bed, POOL, on};

/// Runs the plugin as an administrator would.
fn herald(bed: &Bed, words: &[&str]) -> Result<Output> {
    let mut plugin = Command::new(suites::plugin()?);
    plugin.args(words).env("KUBECONFIG", bed.lab.kubeconfig());
    Ok(plugin.output()?)
}

/// The cause that `why` names, and what it tells to type next.
fn cause(bed: &Bed, service: &str) -> Result<(String, String)> {
    let output = herald(bed, &["why", service, "-o", "json"])?;
    let report: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok((
        word(&report["cause"]["code"]),
        word(&report["cause"]["next"]["command"]),
    ))
}

/// Waits until `why` names this cause; none: nothing is wrong.
fn becomes(bed: &Bed, service: &str, code: &str, command: &str) -> Result<()> {
    bed.wait(&format!("why {service}: {code:?}"), || {
        let (found, next) = cause(bed, service)?;
        ensure!(found == code && next.contains(command), "{found}: {next}");
        Ok(Some(()))
    })
}

/// From a Service without a pool to one that answers, each step by what the plugin says is to be done; a drain and its end; a check of what is not
/// applied yet.
#[test]
fn the_plugin_says_what_is_wrong_until_nothing_is() {
    on(Bed::bare("plugin"), |bed| {
        bed.controller(1)?;
        bed.service("web", json!({}))?;
        becomes(bed, "web", "NoPool", "kubectl get ippools")?;
        ensure!(herald(bed, &["status"])?.status.code() == Some(3));

        let checked = check(bed, POOL)?;
        ensure!(
            checked.contains("default/web would get 192.168.1.200"),
            "{checked}"
        );
        let refused = check(bed, "192.168.1.300")?;
        ensure!(
            refused.contains("NotAccepted") && refused.contains("192.168.1.300"),
            "{refused}"
        );

        bed.pool("lan", POOL)?;
        bed.address("web")?;
        becomes(
            bed,
            "web",
            "NoMatchingAdvertisement",
            "kubectl get l2advertisements",
        )?;
        bed.advertise(
            "lan",
            json!({"ipPools": ["lan"], "nodeSelectors": [{"matchLabels": {"rack": "7"}}]}),
        )?;
        bed.lab
            .set_endpoints("default", "web", &[&bed.lab.backend("echo")?])?;
        becomes(bed, "web", "NoNode", "kubectl get nodes --show-labels")?;
        bed.advertise("lan", json!({"ipPools": ["lan"]}))?;
        becomes(bed, "web", "NoSpeaker", "component=speaker")?;
        for node in bed.lab.nodes() {
            bed.speaker(&node.name)?;
        }
        becomes(bed, "web", "", "")?;
        ensure!(herald(bed, &["why", "192.168.1.200"])?.status.success());
        let unknown = herald(bed, &["why", "wbe"])?;
        let words = String::from_utf8_lossy(&unknown.stderr).into_owned();
        ensure!(
            unknown.status.code() == Some(1) && words.contains("do you mean default/web?"),
            "{words}"
        );
        drained(bed)
    });
}

/// What would come of a pool with these addresses.
fn check(bed: &Bed, addresses: &str) -> Result<String> {
    let pool = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool", "metadata": {"name": "lan"}, "spec": {"addresses": [addresses]},
    });
    let file = bed.lab.logs().join("pool.yaml");
    std::fs::write(&file, pool.to_string())?;
    let file = file.to_str().context("the lab's path is no UTF-8")?;
    Ok(String::from_utf8(herald(bed, &["check", file])?.stdout)?)
}

/// The node that answers hands over, no taint of others is touched, and it may answer again.
fn drained(bed: &Bed) -> Result<()> {
    let holder = bed.holder("192.168.1.200")?;
    let taints = || -> Result<Vec<String>> {
        let node = bed.lab.kubectl_json(&["get", "node", &holder])?;
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        Ok(taints
            .iter()
            .filter_map(|taint| taint["key"].as_str().map(str::to_owned))
            .collect())
    };
    bed.lab
        .kubectl(&["taint", "node", &holder, "dedicated=gpu:PreferNoSchedule"])?;
    let before = taints()?;
    let planned = String::from_utf8(herald(bed, &["drain", &holder, "--dry-run"])?.stdout)?;
    ensure!(
        planned.contains("default/web") && taints()? == before,
        "{planned}"
    );
    let done = herald(bed, &["drain", &holder])?;
    ensure!(done.status.success(), "{done:?}");
    ensure!(bed.holder("192.168.1.200")? != holder, "it still answers");
    let undone = herald(bed, &["undrain", &holder])?;
    ensure!(undone.status.success() && taints()? == before, "{undone:?}");
    Ok(())
}
