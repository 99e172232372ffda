use std::fs;

use anyhow::{Context, Result, ensure};
use lab::{Lab, Learned, NodeKind, Spec};
use serde_json::{Value, json};
use suites::{Bed, Neighbour, Peering, image, on, root};

/// CAP_SYS_NICE alone, as the kernel writes a set of capabilities.
const SYS_NICE_ALONE: &str = "0000000000800000";
const NONE: &str = "0000000000000000";

/// A cluster of kubelet nodes that have Herald's image.
pub(crate) fn prepared(name: &str, nodes: u8) -> Result<Bed> {
    let keep_logs = Some(root().join("target/lab-logs").join(name));
    let lab = Lab::up(Spec {
        keep_logs,
        nodes,
        ..Spec::new(name, NodeKind::Kubelet)
    })?;
    lab.load_image(&image()?)?;
    Ok(Bed::of(lab))
}

/// A cluster of kubelet nodes with Herald installed by Helm, and the demo's pool, Deployment and Service.
pub(crate) fn installed(name: &str, nodes: u8) -> Result<Bed> {
    installed_with(name, nodes, &[])
}

/// The same with values, each as `name=value`.
pub(crate) fn installed_with(name: &str, nodes: u8, values: &[&str]) -> Result<Bed> {
    let bed = prepared(name, nodes)?;
    let lab = &bed.lab;
    lab.install_herald_with(&root().join("deploy/herald"), values)?;
    for file in ["herald.yaml", "web.yaml", "service.yaml"] {
        lab.kubectl_apply(&fs::read_to_string(root().join("tests/lab/demo").join(file))?)?;
    }
    if nodes == 3 {
        lab.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"])?;
    }
    Ok(bed)
}

/// P-INSTALL-1, P-INSTALL-8, P-INSTALL-20: what a user gets, and what the daemons may do.
#[test]
fn the_chart_gives_a_service_an_address_that_answers_and_the_daemons_no_more_than_they_need() {
    on(installed("chart", 3), |bed| {
        let ip = bed.address("web")?;
        ensure!(bed.answer(&ip)?.contains("web-"), "the answer comes from a pod");
        bed.holder(&ip)?;
        bed.condition("web", "heraldlb.io/Allocated", "True")?;
        bed.condition("web", "heraldlb.io/Announced", "True")?;

        for node in bed.lab.nodes() {
            let status =
                status_of(bed, &node.netns, "herald-speaker")?.context("no speaker runs on the node")?;
            is_confined(&status, "speaker")?;
        }
        let controllers = pods(bed, "controller")?;
        ensure!(controllers.len() == 2, "{} controllers", controllers.len());
        for pod in &controllers {
            let context = &pod["spec"]["containers"][0]["securityContext"];
            ensure!(context["readOnlyRootFilesystem"] == true && context["capabilities"]["drop"][0] == "ALL");
        }
        let status = any_status_of("herald-controll")?.context("no controller runs")?;
        is_confined(&status, "controller")?;
        ensure!(field(&status, "CapBnd")? == NONE);

        let requests: Vec<_> = bed
            .lab
            .audit()?
            .into_iter()
            .filter(|event| ours(&event.user))
            .collect();
        ensure!(
            requests.iter().any(|event| event.is_write()),
            "the audit log knows nothing of the daemons"
        );
        let denied: Vec<_> = requests.iter().filter(|event| is_denied(event.code)).collect();
        ensure!(denied.is_empty(), "the roles lack: {denied:?}");
        Ok(())
    });
}

const NODES: u32 = 64512;
const TOR: u32 = 64601;

/// Speakers without layer 2 need no right that the kernel gives, and a router behind which a client is learns the way from all of
/// them.
#[test]
fn without_layer_2_speakers_may_do_nothing_and_speak_bgp() {
    on(installed("bgp-only", 3), |bed| {
        let ip = bed.address("web")?;
        let router = bed.lab.router("tor")?;
        let nodes = bed.lab.nodes();
        let neighbours = nodes.iter().map(|node| Neighbour::v4(node, NODES));
        let frr = router.frr(&Peering::of(&router, TOR, neighbours).frr())?;
        upgrade(bed, "l2.enabled=false")?;
        bed.bgp_advertise("all", json!({}))?;
        bed.peer(
            "tor",
            json!({"myASN": NODES, "peerASN": TOR, "peerAddress": router.host.v4}),
        )?;

        let from_all = |routes: &[Learned]| routes.len() == nodes.len();
        bed.learns(&frr, &format!("{ip}/32"), "a route from each node", from_all)?;
        bed.condition("web", "heraldlb.io/Announced", "True")?;
        let url = format!("http://{ip}/");
        let answer = bed.wait("an answer to the client behind the router", || {
            Ok(bed.lab.curl(&router.client.name, &url, 1).ok())
        })?;
        ensure!(answer.contains("web-"), "the answer comes from a pod: {answer}");

        for node in &nodes {
            let status =
                status_of(bed, &node.netns, "herald-speaker")?.context("no speaker runs on the node")?;
            is_confined(&status, "speaker")?;
            ensure!(field(&status, "CapBnd")? == NONE);
        }
        let denied: Vec<_> = bed
            .lab
            .audit()?
            .into_iter()
            .filter(|event| ours(&event.user) && is_denied(event.code))
            // A controller of before the upgrade that comes to lead would make the keys of layer 2, and may not any more.
            .filter(|event| event.resource != "secrets")
            .collect();
        ensure!(denied.is_empty(), "the roles lack: {denied:?}");

        upgrade(bed, "speaker.realtimeBFD=true")?;
        bed.learns(&frr, &format!("{ip}/32"), "a route from each node", from_all)?;
        for node in &nodes {
            let status =
                status_of(bed, &node.netns, "herald-speaker")?.context("no speaker runs on the node")?;
            let may = field(&status, "CapPrm")?;
            ensure!(may == SYS_NICE_ALONE, "speaker: CapPrm {may}");
        }
        Ok(())
    });
}

/// An ordinary user without a capability, that can gain none, behind the runtime's filter of system calls and Herald's own.
fn is_confined(status: &str, who: &str) -> Result<()> {
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        ensure!(
            field(status, set)? == NONE,
            "{who}: {set} {}",
            field(status, set)?
        );
    }
    for ids in ["Uid", "Gid"] {
        let ids = field(status, ids)?;
        ensure!(ids.split_whitespace().all(|id| id == "65534"), "{who}: {ids}");
    }
    ensure!(
        field(status, "NoNewPrivs")? == "1" && field(status, "Seccomp_filters")? == "2",
        "{who}: {status}"
    );
    Ok(())
}

/// Changes one value of the chart, and waits until the pods are as it says.
fn upgrade(bed: &Bed, value: &str) -> Result<()> {
    let chart = root().join("deploy/herald");
    let chart = chart.to_str().context("the chart's path is no UTF-8")?;
    let words = ["upgrade", "herald", chart, "--namespace", "herald-system"];
    let how = ["--reuse-values", "--set", value, "--wait", "--timeout", "120s"];
    bed.lab.helm(&[&words[..], &how].concat()).map(drop)
}

/// P-ALLOC-54: pods that are replaced, a chart that goes and comes back: no address changes.
#[test]
fn neither_deleted_pods_nor_an_uninstalled_chart_change_an_address() {
    on(installed("uninstall", 3), |bed| {
        let ip = bed.address("web")?;
        bed.answer(&ip)?;
        bed.condition("web", "heraldlb.io/Announced", "True")?;
        for component in ["controller", "speaker"] {
            let selector = format!("app.kubernetes.io/component={component}");
            bed.lab
                .kubectl(&["delete", "pod", "-n", "herald-system", "-l", &selector])?;
        }
        bed.lab.kubectl(&[
            "rollout",
            "status",
            "-n",
            "herald-system",
            "deployment/herald-controller",
            "--timeout=60s",
        ])?;
        bed.lab.kubectl(&[
            "rollout",
            "status",
            "-n",
            "herald-system",
            "daemonset/herald-speaker",
            "--timeout=60s",
        ])?;
        bed.holder(&ip)?;
        bed.answer(&ip)?;
        ensure!(bed.address("web")? == ip);

        bed.lab
            .helm(&["uninstall", "herald", "--namespace", "herald-system", "--wait"])?;
        bed.wait("nobody to answer", || {
            Ok(bed.macs(&ip, 2)?.is_empty().then_some(()))
        })?;
        ensure!(bed.address("web")? == ip, "an address goes with the chart");
        bed.lab
            .kubectl(&["get", "ippool", "lan"])
            .context("the pool goes with the chart")?;

        let writes = || bed.status_writes("system:serviceaccount:herald-system:herald-controller", "web");
        ensure!(writes()? == 1, "the Service was written {} times", writes()?);
        bed.lab.install_herald(&root().join("deploy/herald"))?;
        bed.holder(&ip)?;
        bed.answer(&ip)?;
        // A leader that serves a younger Service has looked at the older one.
        bed.service("later", json!({}))?;
        bed.address("later")?;
        ensure!(bed.address("web")? == ip);
        ensure!(
            writes()? == 1,
            "a controller that finds everything in order writes nothing"
        );
        Ok(())
    });
}

fn pods(bed: &Bed, component: &str) -> Result<Vec<Value>> {
    let selector = format!("app.kubernetes.io/component={component}");
    let list = bed
        .lab
        .kubectl_json(&["get", "pods", "-n", "herald-system", "-l", &selector])?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// By a role, or by a ValidatingAdmissionPolicy.
fn is_denied(code: u16) -> bool {
    matches!(code, 403 | 422)
}

fn ours(user: &str) -> bool {
    user.starts_with("system:serviceaccount:herald-system:")
}

/// The kernel's view of a process of this name in a network namespace.
fn status_of(bed: &Bed, netns: &str, name: &str) -> Result<Option<String>> {
    let pids = bed.lab.exec("cp", &["ip", "netns", "pids", netns])?;
    for pid in pids.split_whitespace() {
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
            continue;
        };
        if status.lines().next() == Some(&format!("Name:\t{name}")) {
            return Ok(Some(status));
        }
    }
    Ok(None)
}

/// The kernel's view of some process of this name.
fn any_status_of(name: &str) -> Result<Option<String>> {
    for entry in fs::read_dir("/proc")? {
        let Ok(status) = fs::read_to_string(entry?.path().join("status")) else {
            continue;
        };
        if status.lines().next() == Some(&format!("Name:\t{name}")) {
            return Ok(Some(status));
        }
    }
    Ok(None)
}

fn field(status: &str, name: &str) -> Result<String> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(line
        .with_context(|| format!("no {name} in the status of the process"))?
        .trim()
        .to_owned())
}
