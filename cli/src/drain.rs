use anyhow::{Context, bail};
use config::node::DRAIN_TAINT;
use crds::Speaker;
use explain::{HeldRow, Study};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams};
use model::NodeName;
use process::clock::now;
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::{Common, Drain, Undrain};
use crate::fetch::Reader;
use crate::output::{Column, Output, print, table};

/// Between two looks at what the node holds.
const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

pub(crate) async fn drain(
    reader: &Reader,
    common: &Common,
    drain: &Drain,
    out: &Output,
) -> anyhow::Result<Outcome> {
    let (cluster, installation) = (reader.cluster().await?, common.installation());
    let study = Study::of(&cluster, &installation);
    let node = &drain.node;
    if !study.nodes().any(|known| known == node) {
        bail!("there is no node {node}: kubectl get nodes");
    }
    let held = study.held_by(&NodeName(node.clone()));
    show(&held, out)?;
    let stuck = held.iter().filter(|row| row.may_go_to.is_empty()).count();
    if stuck > 0 && !drain.force {
        bail!("{stuck} of them could go nowhere and would not answer any more: --force drains all the same");
    }
    if drain.dry_run {
        return Ok(Outcome::Fine);
    }
    let taint = json!({"spec": {"taints": [{"key": DRAIN_TAINT, "effect": "PreferNoSchedule"}]}});
    patch(reader, node, &taint).await?;
    print(&format!(
        "node/{node} is to be drained; `kubectl herald undrain {node}` takes that back"
    ));
    wait(reader, drain).await
}

pub(crate) async fn undrain(reader: &Reader, undrain: &Undrain, _: &Output) -> anyhow::Result<Outcome> {
    let taint = json!({"spec": {"taints": [{"$patch": "delete", "key": DRAIN_TAINT}]}});
    patch(reader, &undrain.node, &taint).await?;
    print(&format!("node/{} undrained", undrain.node));
    Ok(Outcome::Fine)
}

fn show(held: &[HeldRow], out: &Output) -> anyhow::Result<()> {
    let columns = [
        Column {
            title: "SERVICE",
            wide: false,
            cell: |row: &HeldRow| row.service.clone(),
        },
        Column {
            title: "MAY-GO-TO",
            wide: false,
            cell: |row| match row.may_go_to.is_empty() {
                true => "NO CANDIDATE".to_owned(),
                false => row.may_go_to.join(","),
            },
        },
    ];
    if !held.is_empty() {
        print(&table(held, &columns, out.is_wide()));
    }
    Ok(())
}

/// Taints merge by their keys.
async fn patch(reader: &Reader, node: &str, patch: &Value) -> anyhow::Result<()> {
    let api: Api<Node> = Api::all(reader.client.clone());
    let patched = api
        .patch(node, &PatchParams::default(), &Patch::Strategic(patch))
        .await;
    patched.with_context(|| format!("changing the taints of node {node}"))?;
    Ok(())
}

/// Waits until nothing is held, announced or marked on the node, and tells each change.
async fn wait(reader: &Reader, drain: &Drain) -> anyhow::Result<Outcome> {
    let api: Api<Speaker> = Api::all(reader.client.clone());
    let (node, end) = (&drain.node, now() + drain.timeout);
    let mut told = None;
    loop {
        let Some(speaker) = api.get_opt(node).await? else {
            print(&format!("node/{node} drained: it runs no speaker"));
            return Ok(Outcome::Fine);
        };
        let left = left(&speaker);
        if left == Left::default() {
            print(&format!("node/{node} drained"));
            return Ok(Outcome::Fine);
        }
        if told != Some(left) {
            print(&format!(
                "node/{node} still answers for {} addresses and has {} routes at routers",
                left.addresses, left.routes
            ));
            told = Some(left);
        }
        if now() >= end {
            print(&format!(
                "node/{node} is not drained after {:?}: kubectl describe speakers.heraldlb.io {node}",
                drain.timeout
            ));
            return Ok(Outcome::TimedOut);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a node has not given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    addresses: i64,
    routes: i64,
}

fn left(speaker: &Speaker) -> Left {
    let status = speaker.status.as_ref();
    Left {
        addresses: status.map_or(0, |status| status.count),
        routes: status.map_or(0, |status| {
            status
                .bgp_sessions
                .iter()
                .map(|session| session.routes_sent)
                .sum()
        }),
    }
}
