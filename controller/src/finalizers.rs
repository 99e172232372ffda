//! Takes the controller's finalizers away before an uninstallation: nobody would do it afterwards.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use api::client::{self, REQUEST_TIMEOUT, within};
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, IPReservation, L2Advertisement};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{Expression, PartialObjectMeta, Selector};
use kube::{Api, Client};
use process::logging;
use serde_json::json;

use crate::USER_AGENT;

/// What the names of all finalizers of Herald begin with.
const OURS: &str = "heraldlb.io/";

/// How long the pods of the controller may take to end. Those of a node that is dead never do, and put nothing back.
const ENDING: Duration = Duration::from_secs(60);

/// Between two looks at what is to go.
const PAUSE: Duration = Duration::from_millis(500);

/// How many objects one answer lists.
const PAGE: u32 = 500;

/// How often an object may change between a look and the write that follows from it.
const ROUNDS: usize = 20;

/// What `release-finalizers` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// The namespace that Herald runs in.
    #[arg(long, env = "POD_NAMESPACE")]
    namespace: String,

    /// The Deployment of the controller, which would put the finalizers back: it is scaled to nothing first.
    #[arg(long)]
    deployment: Option<String>,

    /// A kubeconfig file; without it, the service account of the pod.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,

    /// What is logged: error, warn, info, debug, trace, or a list of module=level.
    #[arg(long, default_value = "info")]
    pub(crate) log_level: logging::Level,

    /// How it is logged: json or text.
    #[arg(long, default_value = "json")]
    pub(crate) log_format: logging::Format,
}

/// Stops the controller and takes its finalizers off all objects of Herald's kinds. Doing it again is no error, nor is it when there is
/// no controller any more, or no definition of a kind.
pub(crate) async fn release(args: ReleaseArgs) -> anyhow::Result<()> {
    let ReleaseArgs {
        namespace,
        deployment,
        kubeconfig,
        log_level: _,
        log_format: _,
    } = args;
    let client = client::connect(kubeconfig.as_deref(), USER_AGENT).await?;
    if let Some(name) = deployment {
        stop(&client, &namespace, &name).await?;
    }
    for kind in kinds() {
        let released = release_all(&client, &kind)
            .await
            .with_context(|| format!("finalizers of {}.{}", kind.plural, kind.group))?;
        tracing::info!(
            kind = kind.kind,
            released,
            "no finalizer of the controller is left"
        );
    }
    Ok(())
}

/// The kinds that the controller may put finalizers on.
fn kinds() -> [ApiResource; 7] {
    [
        ApiResource::erase::<BFDProfile>(&()),
        ApiResource::erase::<BGPAdvertisement>(&()),
        ApiResource::erase::<BGPPeer>(&()),
        ApiResource::erase::<Community>(&()),
        ApiResource::erase::<IPPool>(&()),
        ApiResource::erase::<IPReservation>(&()),
        ApiResource::erase::<L2Advertisement>(&()),
    ]
}

/// Scales the Deployment to nothing and waits until its pods are gone.
async fn stop(client: &Client, namespace: &str, name: &str) -> anyhow::Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let found = within(REQUEST_TIMEOUT, deployments.get_opt(name)).await?;
    let Some(selector) = found
        .and_then(|deployment| deployment.spec)
        .map(|spec| spec.selector)
    else {
        tracing::info!(deployment = name, "the controller is gone already");
        return Ok(());
    };
    let nothing = Patch::Merge(json!({"spec": {"replicas": 0}}));
    let params = PatchParams::default();
    match within(REQUEST_TIMEOUT, deployments.patch_scale(name, &params, &nothing)).await {
        Err(failure) if failure.is_not_found() => {}
        other => drop(other.with_context(|| format!("scaling Deployment {name} to nothing"))?),
    }
    let mut pods = Selector::default();
    pods.extend(
        selector
            .match_labels
            .unwrap_or_default()
            .into_iter()
            .map(|(key, value)| Expression::Equal(key, value)),
    );
    let pods = ListParams::default().labels_from(&pods);
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let ended = async {
        while !within(REQUEST_TIMEOUT, api.list_metadata(&pods))
            .await?
            .items
            .is_empty()
        {
            tokio::time::sleep(PAUSE).await;
        }
        Ok::<_, client::Failure>(())
    };
    match tokio::time::timeout(ENDING, ended).await {
        Ok(ended) => ended.context("waiting for the pods of the controller to end")?,
        Err(_elapsed) => tracing::warn!("pods of the controller are still there, going on without them"),
    }
    Ok(())
}

/// Takes the finalizers off all objects of a kind, and tells off how many.
async fn release_all(client: &Client, kind: &ApiResource) -> anyhow::Result<usize> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    let mut released = 0;
    for _ in 0..ROUNDS {
        let held = held(&api).await?;
        if held.is_empty() {
            return Ok(released);
        }
        for object in held {
            released += usize::from(release_one(client, kind, &object).await?);
        }
    }
    bail!("somebody puts them back: is a controller running still?")
}

/// The objects that have a finalizer of Herald.
async fn held(api: &Api<DynamicObject>) -> anyhow::Result<Vec<PartialObjectMeta<DynamicObject>>> {
    let mut held = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = match within(REQUEST_TIMEOUT, api.list_metadata(&page)).await {
            // The kind is not defined.
            Err(failure) if failure.is_not_found() => return Ok(held),
            other => other?,
        };
        let ours = |object: &PartialObjectMeta<_>| others(object.metadata.finalizers.as_deref()).is_some();
        held.extend(list.items.into_iter().filter(ours));
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(held),
        }
    }
}

/// Whether the object has been released; else it has changed or gone since it was looked at.
async fn release_one(
    client: &Client,
    kind: &ApiResource,
    object: &PartialObjectMeta<DynamicObject>,
) -> anyhow::Result<bool> {
    let metadata = &object.metadata;
    let name = metadata.name.as_deref().context("an object without a name")?;
    let api: Api<DynamicObject> = match &metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, kind),
        None => Api::all_with(client.clone(), kind),
    };
    let others = others(metadata.finalizers.as_deref()).unwrap_or_default();
    let patch = Patch::Merge(json!({
        "metadata": {"resourceVersion": metadata.resource_version, "finalizers": others},
    }));
    match within(
        REQUEST_TIMEOUT,
        api.patch_metadata(name, &PatchParams::default(), &patch),
    )
    .await
    {
        Ok(_) => Ok(true),
        Err(failure) if failure.is_conflict() || failure.is_not_found() => Ok(false),
        Err(failure) => Err(failure).with_context(|| format!("{} {name}", kind.kind)),
    }
}

/// The finalizers that are not Herald's; none, if none is Herald's.
fn others(finalizers: Option<&[String]>) -> Option<Vec<&String>> {
    let finalizers = finalizers.unwrap_or_default();
    let others: Vec<_> = finalizers
        .iter()
        .filter(|finalizer| !finalizer.starts_with(OURS))
        .collect();
    (others.len() < finalizers.len()).then_some(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finalizers_of_herald_are_taken_off() {
        let both = ["heraldlb.io/in-use".to_owned(), "example.com/keep".to_owned()];
        assert_eq!(others(Some(&both)), Some(vec![&both[1]]));
        assert_eq!(others(Some(&both[1..])), None);
        assert_eq!(others(None), None);
    }
}
