use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use suites::{Bed, on};

use crate::chart::installed_with;
use crate::rights::{PodStatus, Thief};

/// The pods of a node whose cable is pulled are marked long before Kubernetes gives the node up, and every new connection is answered from then on; they
/// are ready again when it is back. A node that lives, and that only its kubelet can vouch for, is put right by it and left alone from then on. Of a pod the
/// controller may change nothing else.
#[test]
fn the_pods_of_a_node_that_is_cut_off_are_marked_and_new_connections_go_elsewhere() {
    on(
        installed_with("dead-nodes", 3, &["deadNodes.markEndpoints=true"]),
        |bed| {
            let ip = bed.address("web")?;
            bed.answer(&ip)?;
            wait_for_ready(bed, 3)?;
            let victim = bed.holder(&ip)?;
            the_controller_may_mark_and_nothing_else(bed, &victim)?;
            wait_for_ready(bed, 3)?;

            bed.lab.unplug(&victim)?;
            bed.wait("the pod of the dead node to be marked", || {
                let pod = pod_on(bed, &victim)?;
                let ready = condition(&pod, "Ready").context("a pod has the condition Ready")?;
                Ok((ready["status"] == "False" && ready["reason"] == "NodeDead").then_some(()))
            })?;
            let node = bed.lab.kubectl_json(&["get", "node", &victim])?;
            let ready = condition(&node, "Ready").context("a node has the condition Ready")?;
            ensure!(ready["status"] == "True", "Kubernetes was faster: {ready}");
            wait_for_ready(bed, 2)?;
            // A third of all connections would go to the dead pod: that thirty miss it is no chance.
            let url = format!("http://{ip}/");
            bed.wait("kube-proxies to know it", || {
                Ok(bed.lab.curl("client", &url, 1).ok())
            })?;
            bed.wait("thirty connections in a row to be answered", || {
                let answered = (0..30)
                    .take_while(|_| bed.lab.curl("client", &url, 1).is_ok())
                    .count();
                Ok((answered == 30).then_some(()))
            })?;
            bed.wait("the event of the node", || {
                let described = bed.lab.kubectl(&["describe", "node", &victim])?;
                Ok(described.contains("EndpointsMarked").then_some(()))
            })?;

            bed.lab.plug(&victim)?;
            wait_for_ready(bed, 3)
        },
    );
}

/// Until so many endpoints of the Service are ready.
fn wait_for_ready(bed: &Bed, wanted: usize) -> Result<()> {
    let selector = "kubernetes.io/service-name=web";
    bed.wait(&format!("{wanted} ready endpoints"), || {
        let slices = bed.lab.kubectl_json(&["get", "endpointslices", "-l", selector])?;
        let slices = slices["items"].as_array().cloned().unwrap_or_default();
        let endpoints = slices.iter().filter_map(|slice| slice["endpoints"].as_array());
        let ready = endpoints
            .flatten()
            .filter(|endpoint| endpoint["conditions"]["ready"] == true);
        Ok((ready.count() == wanted).then_some(()))
    })
}

fn pod_on(bed: &Bed, node: &str) -> Result<Value> {
    let selector = format!("spec.nodeName={node}");
    let pods = bed
        .lab
        .kubectl_json(&["get", "pods", "-l", "app=web", "--field-selector", &selector])?;
    let pod = pods["items"][0].clone();
    ensure!(pod.is_object(), "no pod of the demo is on {node}");
    Ok(pod)
}

fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let mut conditions = object["status"]["conditions"].as_array()?.iter();
    conditions.find(|condition| condition["type"] == type_)
}

fn the_controller_may_mark_and_nothing_else(bed: &Bed, node: &str) -> Result<()> {
    let controller = Thief::with_token_of(bed, "herald-controller", None)?;
    let pod = pod_on(bed, node)?;
    let name = pod["metadata"]["name"].as_str().context("a pod has a name")?;
    let patch = |status: Value| PodStatus { name, status };
    let ready = |status: &str, reason: &str| json!({"conditions": [{"type": "Ready", "status": status, "reason": reason}]});
    controller.may_not_patch(
        &patch(ready("True", "NodeDead")),
        "only that it is not ready because its node is dead",
    )?;
    controller.may_not_patch(
        &patch(ready("False", "Tired")),
        "only that it is not ready because its node is dead",
    )?;
    let mut others = ready("False", "NodeDead");
    others["conditions"] = json!([
        {"type": "Ready", "status": "False", "reason": "NodeDead"},
        {"type": "ContainersReady", "status": "False"},
    ]);
    controller.may_not_patch(&patch(others), "no condition of a pod but Ready")?;
    let mut failed = ready("False", "NodeDead");
    failed["phase"] = json!("Failed");
    controller.may_not_patch(&patch(failed), "but for its condition Ready")?;
    controller.may_patch(&patch(ready("False", "NodeDead")))
}
