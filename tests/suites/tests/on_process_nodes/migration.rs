//! A cluster that another provider of addresses has served, and the plan that moves it.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use suites::{Bed, on};

/// What MetalLB has, as far as a plan reads it.
const KINDS: &[(&str, &str)] = &[
    ("IPAddressPool", "ipaddresspools"),
    ("L2Advertisement", "l2advertisements"),
    ("ServiceL2Status", "servicel2statuses"),
];

fn herald(bed: &Bed, words: &[&str]) -> Result<Output> {
    let mut plugin = Command::new(suites::plugin()?);
    plugin.args(words).env("KUBECONFIG", bed.lab.kubeconfig());
    Ok(plugin.output()?)
}

/// A definition that takes any object of a kind.
fn definition(kind: &str, plural: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.metallb.io")},
        "spec": {
            "group": "metallb.io", "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "listKind": format!("{kind}List")},
            "versions": [{
                "name": "v1beta1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

fn object(kind: &str, name: &str, body: (&str, Value)) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, body.0: body.1,
    })
}

/// What MetalLB writes into the Services that it serves.
fn served(bed: &Bed, service: &str, address: &str, port: u16, annotations: &[&str]) -> Result<()> {
    bed.service(service, json!({"ports": [{"port": port}]}))?;
    let mut words = vec!["annotate", "service", service];
    words.extend(annotations);
    bed.lab.kubectl(&words)?;
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}).to_string();
    bed.lab.kubectl(&[
        "patch",
        "service",
        service,
        "--subresource",
        "status",
        "--type",
        "merge",
        "-p",
        &status,
    ])?;
    Ok(())
}

fn plan(bed: &Bed) -> Result<Value> {
    let output = herald(bed, &["migrate", "--from", "metallb", "-o", "json"])?;
    ensure!(output.status.success(), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The addresses are not those that Herald would give first; the plan's objects and annotations are applied, and Herald starts: every Service keeps
/// its address, and the plan that is made then has nothing left to create.
#[test]
fn services_of_another_provider_keep_their_addresses_by_the_plan() {
    on(Bed::bare("migration"), |bed| {
        let definitions: Vec<_> = KINDS
            .iter()
            .map(|(kind, plural)| definition(kind, plural))
            .collect();
        bed.lab.kubectl_create(&definitions)?;
        let workload = json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "speaker", "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": {"app": "metallb"}},
                "template": {
                    "metadata": {"labels": {"app": "metallb"}},
                    "spec": {"containers": [{"name": "speaker", "image": "quay.io/metallb/speaker:v0.15.2"}]},
                },
            },
        });
        let objects = [
            object(
                "IPAddressPool",
                "lan",
                ("spec", json!({"addresses": ["192.168.1.200-192.168.1.209"]})),
            ),
            object(
                "L2Advertisement",
                "lan",
                ("spec", json!({"ipAddressPools": ["lan"]})),
            ),
            object(
                "ServiceL2Status",
                "l2-1",
                (
                    "status",
                    json!({"node": "n1", "serviceName": "web", "serviceNamespace": "default"}),
                ),
            ),
            workload,
        ];
        bed.wait("MetalLB's objects", || {
            let all: Vec<_> = objects.iter().map(ToString::to_string).collect();
            Ok(bed.lab.kubectl_apply(&all.join("\n---\n")).ok())
        })?;
        served(bed, "web", "192.168.1.205", 80, &["metallb.io/address-pool=lan"])?;
        served(
            bed,
            "dns",
            "192.168.1.206",
            53,
            &["metallb.universe.tf/allow-shared-ip=dns"],
        )?;
        served(
            bed,
            "more",
            "192.168.1.206",
            54,
            &["metallb.universe.tf/allow-shared-ip=dns"],
        )?;

        let planned = plan(bed)?;
        ensure!(planned["verdict"] == "Ready", "{planned}");
        let services = planned["services"].as_array().context("no Services")?;
        ensure!(
            services.len() == 3
                && services
                    .iter()
                    .all(|service| service["before"] == service["after"]),
            "{planned}"
        );
        let web = services
            .iter()
            .find(|service| service["service"] == "default/web")
            .context("no web")?;
        ensure!(
            web["hint"] == "n1" && web["add"] == json!({"heraldlb.io/address-pool": "lan"}),
            "{web}"
        );

        for service in services {
            let name = service["service"]
                .as_str()
                .and_then(|name| name.split_once('/'))
                .context("no name")?
                .1;
            for (key, value) in service["add"].as_object().into_iter().flatten() {
                let word = format!("{key}={}", value.as_str().unwrap_or_default());
                bed.lab.kubectl(&["annotate", "service", name, &word])?;
            }
        }
        let objects: Vec<_> = planned["objects"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|planned| planned["object"].clone())
            .collect();
        bed.lab.kubectl_create(&objects)?;
        bed.controller(1)?;
        for name in ["web", "dns", "more"] {
            bed.condition(name, "heraldlb.io/Allocated", "True")?;
        }
        let addresses = bed.addresses()?;
        let of = |name: &str| addresses.get(name).map(String::as_str);
        ensure!(
            of("web") == Some("192.168.1.205")
                && of("dns") == Some("192.168.1.206")
                && of("more") == Some("192.168.1.206"),
            "{addresses:?}"
        );
        let again = plan(bed)?;
        let mut objects = again["objects"].as_array().into_iter().flatten();
        ensure!(objects.all(|planned| planned["exists"] == true), "{again}");
        reported(bed)
    });
}

/// An archive has what there is, and names of Services only if they are not to be replaced.
fn reported(bed: &Bed) -> Result<()> {
    let file = bed.lab.logs().join("report.tar.gz");
    let file = file.to_str().context("the lab's path is no UTF-8")?;
    let output = herald(bed, &["report", "--file", file, "--anonymize"])?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success() && told.contains("objects/ippools.yaml"),
        "{output:?}"
    );
    let unpacked = Command::new("tar").args(["-xzOf", file]).output()?;
    let text = String::from_utf8_lossy(&unpacked.stdout).into_owned();
    ensure!(
        unpacked.status.success() && text.contains("192.168.1.205"),
        "{unpacked:?}"
    );
    ensure!(!text.contains("kind: Secret"), "a Secret is in the archive");
    ensure!(!text.contains("name: web\n"), "a name is in the archive");
    Ok(())
}
