//! Many objects, made as fast as the API server takes them.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Services without a cluster address: making the addresses of tens of thousands takes the API server longer than all else.
pub(super) fn other(number: usize) -> Result<Service> {
    let labels =
        json!({"app.kubernetes.io/name": format!("other-{number}"), "app.kubernetes.io/managed-by": "Helm"});
    service(json!({
        "metadata": {"name": format!("other-{number}"), "labels": labels, "annotations": {"meta.helm.sh/release-name": "other"}},
        "spec": {"clusterIP": "None", "selector": {"app.kubernetes.io/name": format!("other-{number}")}, "ports": [{"port": 80}]},
    }))
}

/// What a Service asks for beside an address of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nothing.
    Nothing,
    /// That a reservation of its own keeps its addresses.
    Reservation,
}

/// A Service that prefers two families.
pub(super) fn balanced(prefix: &str, number: usize, asks: Asks) -> Result<Service> {
    let name = format!("{prefix}-{number}");
    let annotations = match asks {
        Asks::Nothing => json!({}),
        Asks::Reservation => json!({config::service::RESERVE: name}),
    };
    service(json!({
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false,
            "ipFamilyPolicy": "PreferDualStack", "ports": [{"port": 80}],
        },
    }))
}

fn service(object: Value) -> Result<Service> {
    serde_json::from_value(object).context("a Service that is none")
}

/// Creates `count` objects in the namespace `default`, from all clients at once.
pub(super) async fn create_many(
    clients: &[Client],
    count: usize,
    object: impl Fn(usize) -> Result<Service> + Send + Sync + 'static,
) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let object = Arc::new(object);
    let writers = clients.iter().cloned().map(|client| {
        let (next, object) = (next.clone(), object.clone());
        let writing = async move {
            let api: Api<Service> = Api::default_namespaced(client);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                api.create(&PostParams::default(), &object(number)?).await?;
            }
        };
        async { tokio::spawn(writing).await.context("a writer has ended badly")? }
    });
    try_join_all(writers).await.map(drop)
}

/// Waits until `count` Services of type LoadBalancer show an address.
pub(super) async fn all_served(client: &Client, count: usize) -> Result<()> {
    let api: Api<Service> = Api::default_namespaced(client.clone());
    loop {
        let mut params = ListParams::default().fields("spec.type=LoadBalancer").limit(1000);
        let mut served = 0;
        loop {
            let page = api.list(&params).await?;
            served += page.items.iter().filter(|service| has_address(service)).count();
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if params.continue_token.is_none() {
                break;
            }
        }
        if served >= count {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

fn has_address(service: &Service) -> bool {
    let status = service.status.as_ref();
    let shown = status.and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    shown.is_some_and(|ingress| !ingress.is_empty())
}

/// Creates nodes `PREFIX-from` to `PREFIX-to` that nobody runs on, and says that they are Ready.
pub(super) async fn create_nodes(client: &Client, from: usize, to: usize) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    for number in from..to {
        let name = format!("standing-{number}");
        let node: Node = read(json!({"metadata": {"name": name}}))?;
        api.create(&PostParams::default(), &node).await?;
        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Bench", "message": ""}]}});
        api.patch_status(&name, &PatchParams::default(), &Patch::Strategic(&ready))
            .await?;
    }
    Ok(())
}

/// Deletes all objects of a kind that are named, one after the other.
pub(super) async fn delete_named<K>(api: &Api<K>, names: impl Iterator<Item = String>) -> Result<()>
where
    K: Resource + Clone + DeserializeOwned + Debug + Serialize,
{
    for name in names {
        api.delete(&name, &DeleteParams::default()).await?;
    }
    Ok(())
}

fn read<K: DeserializeOwned>(object: Value) -> Result<K> {
    serde_json::from_value(object).map_err(|error| anyhow!("an object that is none: {error}"))
}
