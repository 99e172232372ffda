//! Carries out what [`StatusUpdates`] wants written about the custom resources.

use allocate::REQUEST_TIMEOUT;
use std::fmt::Debug;

use api::client::{Failure, within};
use api::events::{Event, EventType, Events};
use config::{Kind, ObjectName};
use crds::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, IPReservation, L2Advertisement, Stored,
};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use lease::Leadership;
use process::clock::{now, until, wall_clock};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::writer::FIELD_MANAGER;
use allocate::reconciler::Publication;
use allocate::status_updates::{Content, Outcome, StatusUpdate, StatusUpdates};

/// Writes what differs from every publication that arrives, the newest alone when several wait, until the sender is gone
/// or this replica leads no more.
pub(crate) async fn run(
    client: Client,
    events: Events,
    leading: watch::Receiver<Leadership>,
    mut publications: watch::Receiver<Publication>,
    metrics: Metrics,
) {
    let mut updates = StatusUpdates::default();
    loop {
        tokio::select! {
            changed = publications.changed() => {
                if changed.is_err() {
                    return;
                }
                let publication = publications.borrow_and_update().clone();
                metrics.publish(&publication);
                updates.handle_publication(publication);
            }
            () = until(updates.poll_timeout()) => {}
        }
        while let Some(update) = updates.poll_update(now(), wall_clock()) {
            if !leading.borrow().leads(now()) {
                // The end of the term ends this too.
                return std::future::pending().await;
            }
            let outcome = carry_out(&client, &update).await;
            if outcome == Outcome::Refused {
                tell(&events, &update);
            }
            updates.handle_outcome(now(), update, outcome);
        }
    }
}

async fn carry_out(client: &Client, update: &StatusUpdate) -> Outcome {
    let object = &update.object;
    let sent = match (object.kind, &object.namespace) {
        (Kind::BFDProfile, _) => send::<BFDProfile>(Api::all(client.clone()), update).await,
        (Kind::BGPAdvertisement, _) => send::<BGPAdvertisement>(Api::all(client.clone()), update).await,
        (Kind::BGPPeer, _) => send::<BGPPeer>(Api::all(client.clone()), update).await,
        (Kind::Community, _) => send::<Community>(Api::all(client.clone()), update).await,
        (Kind::IPPool, _) => send::<IPPool>(Api::all(client.clone()), update).await,
        (Kind::L2Advertisement, _) => send::<L2Advertisement>(Api::all(client.clone()), update).await,
        (Kind::IPReservation, namespace) => {
            let namespace = namespace.as_deref().unwrap_or_default();
            send::<IPReservation>(namespaced(client, namespace), update).await
        }
    };
    match sent {
        Ok(version) => Outcome::Written(version),
        Err(error) if update.is_malformed() && is_refusal(&error) => {
            tracing::warn!(%object, %error, "status of a malformed object not taken");
            Outcome::Refused
        }
        Err(error) if error.is_not_found() => Outcome::Missing,
        Err(error) if error.is_conflict() => {
            tracing::debug!(%object, "changed meanwhile, trying again");
            Outcome::Failed
        }
        Err(error) => {
            tracing::warn!(%object, %error, "status not written, trying again");
            Outcome::Failed
        }
    }
}

/// An object that takes no status is told of its fault by an event.
fn tell(events: &Events, update: &StatusUpdate) {
    let ObjectName {
        kind,
        namespace,
        name,
    } = &update.object;
    let object = ObjectReference {
        api_version: Some(IPPool::api_version(&()).into_owned()),
        kind: Some(kind.to_string()),
        namespace: namespace.clone(),
        name: Some(name.clone()),
        ..ObjectReference::default()
    };
    let note = update.fault.as_ref().map(ToString::to_string).unwrap_or_default();
    let event = Event {
        type_: EventType::Warning,
        reason: "Malformed",
        action: "ReadConfiguration",
        note: &note,
    };
    events.tell(&object, event);
}

fn namespaced<K>(client: &Client, namespace: &str) -> Api<Stored<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(client.clone(), namespace)
}

/// The API server has looked at the write and does not take it: 422 from its validation, 500 from server-side apply where the
/// object that is there does not fit its schema.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Kube(kube::Error::Api(status)) if matches!(status.code, 400 | 422 | 500))
}

/// The version of the object after the write. The answer is the whole object, which is malformed again where it was before.
async fn send<K>(api: Api<Stored<K>>, update: &StatusUpdate) -> Result<Option<String>, Failure>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let name = &update.object.name;
    let request = async {
        match &update.content {
            Content::Finalizers { list, version } => {
                let metadata = json!({"metadata": {"finalizers": list, "resourceVersion": version}});
                api.patch(name, &PatchParams::default(), &Patch::Merge(&metadata))
                    .await
            }
            // Server-side apply needs an object that fits its schema, a merge does not.
            Content::Status(status) if update.is_malformed() => {
                let object = with_status::<K>(name, status);
                api.patch_status(name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(&object))
                    .await
            }
            Content::Status(status) => {
                let object = with_status::<K>(name, status);
                let params = PatchParams::apply(FIELD_MANAGER).force();
                api.patch_status(name, &params, &Patch::Apply(&object)).await
            }
        }
    };
    Ok(within(REQUEST_TIMEOUT, request).await?.resource_version())
}

fn with_status<K: Resource<DynamicType = ()>>(name: &str, status: &Value) -> Value {
    json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": name},
        "status": status,
    })
}
