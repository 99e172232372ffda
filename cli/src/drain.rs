use anyhow::{anyhow, bail};
use config::node::DRAIN_TAINT;
use crds::Speaker;
use explain::{HeldRow, Study};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject};
use model::NodeName;
use process::clock::now;
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::{Common, Drain, Undrain};
use crate::fetch::Reader;
use crate::output::{Column, Output, print, table};

/// Between two looks at what the node holds.
const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

/// So often others may be faster.
const ATTEMPTS: usize = 5;

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
    change(reader, node, Taint::Set).await?;
    print(&format!(
        "node/{node} is to be drained; `kubectl herald undrain {node}` takes that back"
    ));
    wait(reader, drain).await
}

pub(crate) async fn undrain(reader: &Reader, undrain: &Undrain, _: &Output) -> anyhow::Result<Outcome> {
    change(reader, &undrain.node, Taint::Remove).await?;
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

/// What becomes of the taint that asks a node to hand over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taint {
    Set,
    Remove,
}

/// Changes the taint and no other. The list of taints is written as a whole, so it is written only at the version that was read.
async fn change(reader: &Reader, node: &str, taint: Taint) -> anyhow::Result<()> {
    let api: Api<DynamicObject> = Api::all_with(reader.client.clone(), &ApiResource::erase::<Node>(&()));
    for _ in 0..ATTEMPTS {
        let object = api.get(node).await.map_err(|error| refusal(node, &error))?;
        let before = object.data["spec"]["taints"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let after = with(before.clone(), taint);
        if after == before {
            return Ok(());
        }
        let patch = json!({
            "metadata": {"resourceVersion": object.metadata.resource_version},
            "spec": {"taints": after},
        });
        match api
            .patch(node, &PatchParams::default(), &Patch::Merge(patch))
            .await
        {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(refusal(node, &error)),
        }
    }
    bail!("node {node} was changed by others each time that its taints were read: try again")
}

fn with(mut taints: Vec<Value>, taint: Taint) -> Vec<Value> {
    let is_set = taints.iter().any(|taint| taint["key"] == DRAIN_TAINT);
    match taint {
        Taint::Set if is_set => {}
        Taint::Set => taints.push(json!({"key": DRAIN_TAINT, "effect": "PreferNoSchedule"})),
        Taint::Remove => taints.retain(|taint| taint["key"] != DRAIN_TAINT),
    }
    taints
}

/// What the API server says to people, without what it says to programs.
fn refusal(node: &str, error: &kube::Error) -> anyhow::Error {
    if let kube::Error::Api(status) = error {
        anyhow!("node {node}: {}", status.message)
    } else {
        anyhow!("node {node}: {error}")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_taint_of_others_is_touched() {
        let others = vec![json!({"key": "dedicated", "value": "gpu", "effect": "NoSchedule"})];
        let drained = with(others.clone(), Taint::Set);
        assert_eq!((drained.len(), &drained[0]), (2, &others[0]));
        assert_eq!(with(drained.clone(), Taint::Set), drained);
        assert_eq!(with(drained, Taint::Remove), others);
    }
}
