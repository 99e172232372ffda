//! Keeps the status of the custom resources in step with the decision.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use config::{Kind, ObjectName, Verdict};
use crds::condition::ACCEPTED;
use crds::{Condition, IPPool, IPPoolStatus, L2Advertisement, L2AdvertisementStatus};
use ipam::Usage;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use process::client::within;
use process::condition::Statement;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::metrics::{Metrics, saturate};
use crate::reconciler::Publication;
use crate::writer::FIELD_MANAGER;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after a write that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Writes every publication that arrives, the newest alone when several wait, until the sender is gone.
pub(crate) async fn run(client: Client, mut publications: watch::Receiver<Publication>, metrics: Metrics) {
    let mut written = BTreeMap::new();
    while publications.changed().await.is_ok() {
        let publication = publications.borrow_and_update().clone();
        metrics.publish(&publication);
        if !write_all(&client, &publication, &mut written).await {
            tokio::time::sleep(RETRY).await;
            publications.mark_changed();
        }
    }
}

/// Writes what differs; whether every write succeeded. `written` remembers what was written and not yet seen in a watch.
async fn write_all(
    client: &Client,
    publication: &Publication,
    written: &mut BTreeMap<ObjectName, Value>,
) -> bool {
    let mut complete = true;
    for (object_name, verdict) in publication.snapshot.verdicts() {
        let ObjectName { kind, name } = object_name;
        let wanted = match kind {
            Kind::IPPool => publication
                .pools
                .get(name)
                .and_then(|object| pool_status(object, verdict, publication)),
            Kind::L2Advertisement => publication
                .l2_advertisements
                .get(name)
                .and_then(|object| l2_status(object, verdict)),
        };
        let Some(status) = wanted.filter(|status| written.get(object_name) != Some(status)) else {
            continue;
        };
        let outcome = match kind {
            Kind::IPPool => patch::<IPPool>(client, name, &status).await,
            Kind::L2Advertisement => patch::<L2Advertisement>(client, name, &status).await,
        };
        match outcome {
            Ok(()) => drop(written.insert(object_name.clone(), status)),
            Err(error) => {
                tracing::warn!(object = %object_name, %error, "status not written, trying again");
                complete = false;
            }
        }
    }
    written.retain(|name, _| publication.snapshot.verdicts().contains_key(name));
    complete
}

/// The status that a pool is to have; none when it has it already.
fn pool_status(object: &IPPool, verdict: &Verdict, publication: &Publication) -> Option<Value> {
    let shown = object.status.clone().unwrap_or_default();
    let usage = object
        .metadata
        .name
        .clone()
        .and_then(|name| publication.usage.get(&model::PoolName(name)).copied());
    let Usage {
        assigned_v4,
        assigned_v6,
        available_v4,
        available_v6,
    } = usage.unwrap_or_default();
    let wanted = IPPoolStatus {
        assigned_ipv4: saturate(assigned_v4),
        assigned_ipv6: saturate(assigned_v6),
        available_ipv4: saturate(available_v4),
        available_ipv6: saturate(available_v6),
        conditions: vec![condition(verdict, &shown.conditions)],
    };
    (wanted != shown).then(|| json!(wanted))
}

fn l2_status(object: &L2Advertisement, verdict: &Verdict) -> Option<Value> {
    let shown = object.status.clone().unwrap_or_default();
    let wanted = L2AdvertisementStatus {
        conditions: vec![condition(verdict, &shown.conditions)],
    };
    (wanted != shown).then(|| json!(wanted))
}

fn condition(verdict: &Verdict, shown: &[Condition]) -> Condition {
    let (holds, reason, message) = match &verdict.fault {
        None => (true, "Accepted", "in force".to_owned()),
        Some(fault) if verdict.previous_in_force => (
            false,
            fault.reason(),
            format!("{fault}; the form it had before stays in force"),
        ),
        Some(fault) => (false, fault.reason(), format!("{fault}; not in force")),
    };
    let statement = Statement {
        kind: ACCEPTED,
        holds,
        reason,
        message: &message,
    };
    statement.condition(shown, Some(verdict.generation), jiff::Timestamp::now())
}

async fn patch<K>(
    client: &Client,
    name: &str,
    status: &impl Serialize,
) -> Result<(), process::client::Failure>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>
        + Clone
        + DeserializeOwned
        + Debug,
{
    let object = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": name},
        "status": status,
    });
    let api: Api<K> = Api::all(client.clone());
    let params = PatchParams::apply(FIELD_MANAGER).force();
    within(
        REQUEST_TIMEOUT,
        api.patch_status(name, &params, &Patch::Apply(&object)),
    )
    .await
    .map(drop)
}
