//! What a user does to the API server, and what the API server does for it when nobody else takes part.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use process::clock::now;
use serde_json::{Value, json};

use crate::distribution::Distribution;
use crate::observer::{Observer, Sighting};

/// Who creates Services at once.
pub(crate) const WRITERS: usize = 8;

/// A class that no controller serves.
const NOBODYS_CLASS: &str = "bench.heraldlb.io/nobodys";

/// Whose work it is to give a created Service its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Giver {
    /// The controller that is measured.
    Controller,
    /// The bench itself, right after the creation, with the same request that the controller sends.
    Bench,
}

/// How long creations took.
#[derive(Debug)]
pub(crate) struct Measured {
    /// From the call that creates the Service until a watch shows its address.
    pub(crate) whole: Distribution,
    /// The part of it that comes after a watch has shown the Service itself.
    pub(crate) once_seen: Distribution,
}

impl Measured {
    fn of(measured: impl Iterator<Item = (Instant, Sighting)> + Clone) -> Self {
        let whole = measured.clone().map(|(began, seen)| seen.address - began);
        let once_seen = measured.map(|(_, seen)| seen.address - seen.created);
        Self {
            whole: Distribution::of(whole),
            once_seen: Distribution::of(once_seen),
        }
    }
}

/// Creates `count` Services, one after the other: each waits for the address of the one before.
pub(crate) async fn one_at_a_time(
    client: &Client,
    prefix: &str,
    count: usize,
    giver: Giver,
) -> Result<Measured> {
    let mut observer = Observer::start(client).await?;
    let mut measured = Vec::with_capacity(count);
    for number in 0..count {
        let name = format!("{prefix}-{number}");
        let began = now();
        create(client, &name, number, giver).await?;
        measured.push((began, observer.sighting(&name).await?));
    }
    Ok(Measured::of(measured.into_iter()))
}

/// Creates `count` Services from several clients, each as fast as it can, and waits until all have their address.
pub(crate) async fn burst(clients: &[Client], prefix: &str, count: usize, giver: Giver) -> Result<Measured> {
    let mut observer = Observer::start(&clients[0]).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let writers = clients.iter().map(|client| {
        let writer = writer(client.clone(), prefix.to_owned(), count, giver, next.clone());
        async { tokio::spawn(writer).await.context("a writer has ended badly")? }
    });
    let created = try_join_all(writers).await?.concat();
    let mut measured = Vec::with_capacity(count);
    for (name, began) in created {
        measured.push((began, observer.sighting(&name).await?));
    }
    Ok(Measured::of(measured.into_iter()))
}

async fn writer(
    client: Client,
    prefix: String,
    count: usize,
    giver: Giver,
    next: Arc<AtomicUsize>,
) -> Result<Vec<(String, Instant)>> {
    let mut created = vec![];
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(created);
        }
        let name = format!("{prefix}-{number}");
        let began = now();
        create(&client, &name, number, giver).await?;
        created.push((name, began));
    }
}

/// Deletes all Services that were created, and waits until they are gone.
pub(crate) async fn delete_all(clients: &[Client]) -> Result<()> {
    let api: Api<Service> = Api::default_namespaced(clients[0].clone());
    let of_type = ListParams::default().fields("spec.type=LoadBalancer");
    let all = api.list_metadata(&of_type).await?;
    let names: Vec<String> = all
        .items
        .into_iter()
        .filter_map(|service| service.metadata.name)
        .collect();
    let share = names.len().div_ceil(clients.len()).max(1);
    try_join_all(
        names
            .chunks(share)
            .zip(clients)
            .map(|(names, client)| async move {
                let api: Api<Service> = Api::default_namespaced(client.clone());
                for name in names {
                    api.delete(name, &DeleteParams::default()).await?;
                }
                anyhow::Ok(())
            }),
    )
    .await
    .map(drop)
}

/// Creates one Service. `number` tells the addresses that the bench gives apart.
pub(crate) async fn create(client: &Client, name: &str, number: usize, giver: Giver) -> Result<()> {
    let api: Api<Service> = Api::default_namespaced(client.clone());
    let mut spec = json!({
        "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 80}],
    });
    if giver == Giver::Bench {
        spec["loadBalancerClass"] = json!(NOBODYS_CLASS);
    }
    let service: Service = serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec}))?;
    let created = api
        .create(&PostParams::default(), &service)
        .await
        .with_context(|| format!("creating {name}"))?;
    if giver == Giver::Bench {
        let params = PatchParams::apply("herald-bench").force();
        api.patch_status(name, &params, &Patch::Apply(status(&created, number)))
            .await
            .with_context(|| format!("writing the status of {name}"))?;
    }
    Ok(())
}

/// What the controller would send: an address and a condition by server-side apply, for the version that it saw.
fn status(service: &Service, number: usize) -> Value {
    let metadata = &service.metadata;
    let address = format!("198.19.{}.{}", number / 256 % 256, number % 256);
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": metadata.name, "namespace": metadata.namespace, "resourceVersion": metadata.resource_version,
        },
        "status": {
            "loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]},
            "conditions": [{
                "type": "bench.heraldlb.io/Allocated", "status": "True", "reason": "Allocated",
                "message": format!("{address} from IPPool lan"), "lastTransitionTime": jiff::Timestamp::now().to_string(),
            }],
        },
    })
}
