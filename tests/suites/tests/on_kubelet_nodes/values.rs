//! What values bring about, and that an API server takes what the chart renders.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use suites::{Bed, POOL, on, root};

use crate::chart::prepared;

fn chart() -> Result<String> {
    let chart = root().join("deploy/herald");
    Ok(chart.to_str().context("the chart's path is no UTF-8")?.to_owned())
}

/// Where speakers keep what they know: the nodes of a lab share the machine's file system.
fn state_dir(bed: &Bed) -> String {
    let folder = bed.lab.kubeconfig().with_file_name("speakers");
    format!("--set=speaker.stateDir={}", folder.display())
}

fn helm(bed: &Bed, verb: &[&str], flags: &[&str]) -> Result<String> {
    let (chart, state) = (chart()?, state_dir(bed));
    let common = ["herald", &chart, "--namespace=herald-system", &state];
    bed.lab.helm(&[verb, &common, flags].concat())
}

fn pools(bed: &Bed) -> Result<Vec<String>> {
    let names = bed.lab.kubectl(&["get", "ippools.heraldlb.io", "-o", "name"])?;
    let names = names
        .lines()
        .filter_map(|name| name.strip_prefix("ippool.heraldlb.io/"));
    Ok(names.map(str::to_owned).collect())
}

fn segment_key(bed: &Bed) -> Result<Value> {
    let secret = bed
        .lab
        .kubectl_json(&["get", "secret", "herald-segment", "-n", "herald-system"])?;
    Ok(secret["data"]["key"].clone())
}

/// W-18: pools and advertisements as values; what is no longer listed goes, and what others made is left alone.
#[test]
fn objects_given_as_values_come_and_go_with_them() {
    on(prepared("values", 1), |bed| {
        let install = ["install", "--create-namespace", "--wait", "--timeout=120s"];
        let lan = format!("--set=pools.lan.addresses={{{POOL}}}");
        let old = "--set=pools.old.addresses={192.168.9.0/30}";
        helm(
            bed,
            &install,
            &[&lan, old, "--set=l2Advertisements.lan.ipPools={lan}"],
        )?;
        bed.service("web", serde_json::json!({}))?;
        let ip = bed.address("web")?;
        bed.lab.kubectl(&["get", "l2advertisements.heraldlb.io", "lan"])?;
        ensure!(pools(bed)? == ["lan", "old"]);
        let key = segment_key(bed)?;
        ensure!(key.as_str().is_some_and(|key| key.len() > 40), "no key: {key}");

        let advertised = "--set=l2Advertisements.lan.ipPools={lan}";
        let upgrade = ["upgrade", "--wait", "--timeout=120s"];
        helm(bed, &upgrade, &[&lan, advertised])?;
        ensure!(pools(bed)? == ["lan"], "{:?}", pools(bed)?);
        ensure!(bed.address("web")? == ip && segment_key(bed)? == key);

        // One that somebody else made is no part of the values, and is not made one by its name.
        bed.pool("hand", "192.168.8.0/30")?;
        let upgrade = ["upgrade", "--wait", "--timeout=15s"];
        let by_hand = "--set=pools.hand.addresses={192.168.8.0/29}";
        let refused = helm(bed, &upgrade, &[&lan, advertised, by_hand]);
        ensure!(
            refused.is_err(),
            "the values took over what somebody made by hand"
        );
        let hand = bed.lab.kubectl_json(&["get", "ippools.heraldlb.io", "hand"])?;
        ensure!(hand["spec"]["addresses"][0] == "192.168.8.0/30", "{hand}");
        bed.lab.helm(&[
            "rollback",
            "herald",
            "-n",
            "herald-system",
            "--wait",
            "--timeout=120s",
        ])?;
        ensure!(pools(bed)? == ["hand", "lan"] && bed.address("web")? == ip && segment_key(bed)? == key);
        Ok(())
    });
}

/// P-INSTALL-17: a GitOps tool renders without the cluster, and again and again.
#[test]
fn what_is_rendered_without_the_cluster_is_applied_twice_without_a_difference() {
    on(prepared("gitops", 1), |bed| {
        bed.lab.kubectl(&["create", "namespace", "herald-system"])?;
        let render = || helm(bed, &["template", "--no-hooks"], &[]);
        bed.lab.kubectl_apply(&render()?)?;
        for workload in ["deployment/herald-controller", "daemonset/herald-speaker"] {
            bed.lab.kubectl(&[
                "rollout",
                "status",
                "-n",
                "herald-system",
                workload,
                "--timeout=120s",
            ])?;
        }
        let key = segment_key(bed)?;
        let again = bed.lab.kubectl_apply(&render()?)?;
        let changed: Vec<_> = again
            .lines()
            .filter(|line| !line.ends_with(" unchanged"))
            .collect();
        ensure!(changed.is_empty(), "{changed:?}");
        ensure!(segment_key(bed)? == key, "another key");
        Ok(())
    });
}

/// A kind that a cluster has only with OpenShift or the Prometheus operator; the API server is to know it by name.
fn foreign_kind(group: &str, version: &str, kind: &str, scope: &str) -> String {
    let singular = kind.to_lowercase();
    let plural = match singular.ends_with('s') {
        true => singular.clone(),
        false => format!("{singular}s"),
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": singular},
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
            }]
        }
    })
    .to_string()
}

/// The strictest judge of manifests: every field is one that the API server knows, with a value that it takes.
#[test]
fn the_api_server_takes_everything_that_the_chart_renders() {
    on(Bed::bare("renders"), |bed| {
        for (group, version, kind, scope) in [
            (
                "security.openshift.io",
                "v1",
                "SecurityContextConstraints",
                "Cluster",
            ),
            ("monitoring.coreos.com", "v1", "PodMonitor", "Namespaced"),
            ("monitoring.coreos.com", "v1", "PrometheusRule", "Namespaced"),
        ] {
            bed.lab
                .kubectl_apply(&foreign_kind(group, version, kind, scope))?;
        }
        bed.lab.kubectl(&[
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=30s",
        ])?;
        bed.lab.kubectl(&["create", "namespace", "network"])?;
        let folder = bed.lab.kubeconfig().with_file_name("rendered.yaml");
        let judge = |text: &str| -> Result<()> {
            fs::write(&folder, text)?;
            let file = folder.to_str().context("no UTF-8")?;
            let words = [
                "apply",
                "--server-side",
                "--force-conflicts",
                "--dry-run=server",
                "--validate=strict",
            ];
            bed.lab.kubectl(&[&words[..], &["-f", file]].concat()).map(drop)
        };
        let mut files = vec![root().join("tests/guards/rendered/everything.values.yaml")];
        for entry in fs::read_dir(root().join("deploy/examples"))? {
            files.push(entry?.path());
        }
        files.retain(|file| file.extension().is_some_and(|end| end == "yaml"));
        ensure!(files.len() > 10, "{files:?}");
        for file in files {
            let rendered = helm(
                bed,
                &["template"],
                &["--values", file.to_str().context("no UTF-8")?],
            )?;
            judge(&rendered).with_context(|| file.display().to_string())?;
        }
        for manifest in ["herald.yaml", "herald-bgp-only.yaml"] {
            let text = fs::read_to_string(root().join("deploy").join(manifest))?;
            judge(&text).with_context(|| manifest.to_owned())?;
        }
        let base = root().join("deploy");
        let base = base.to_str().context("no UTF-8")?;
        let words = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "-k",
            base,
        ];
        bed.lab.kubectl(&words).map(drop)
    });
}
