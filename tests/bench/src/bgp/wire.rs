//! From a Service that becomes ready to the UPDATE, and from one that is not any more to the withdrawal.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use process::clock::now;

use super::scene::{Scene, service, slice};

const NAME: &str = "wire";
const COUNT: usize = 200;

/// The first requests of everyone are made and not counted.
const WARM_UP: usize = 10;

/// One value for each Service.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// From the request that makes a Service ready to its UPDATE, at the last of the peers.
    pub(super) ready: Vec<Duration>,
    /// From the request that takes the only endpoint away to the withdrawal.
    pub(super) gone: Vec<Duration>,
}

impl Wire {
    pub(super) fn measure(scene: &Scene<'_>) -> Result<Self> {
        let services: Result<Vec<_>> = (0..COUNT).map(|number| service(NAME, number)).collect();
        scene.create_all(services?)?;
        let addresses = scene.addresses(NAME, COUNT)?;
        let mut wire = Self::default();
        for (number, address) in addresses.iter().enumerate() {
            let (ready, gone) = one(scene, number, (*address, 32))?;
            if number >= WARM_UP {
                wire.ready.push(ready);
                wire.gone.push(gone);
            }
        }
        scene.clear()?;
        Ok(wire)
    }
}

fn one(scene: &Scene<'_>, number: usize, prefix: (IpAddr, u8)) -> Result<(Duration, Duration)> {
    let api: Api<EndpointSlice> = Api::default_namespaced(scene.clients[0].clone());
    let object = slice(NAME, number)?;
    let began = now();
    scene
        .runtime
        .block_on(api.create(&PostParams::default(), &object))?;
    let came = || -> Option<Instant> {
        let moments = scene
            .peers
            .iter()
            .map(|peer| peer.look(|seen| seen.routes.get(&prefix).copied()));
        moments.collect::<Option<Vec<_>>>()?.into_iter().max()
    };
    scene.until("an UPDATE", || Ok(came().is_some()))?;
    let ready = came()
        .context("the route is gone again")?
        .saturating_duration_since(began);

    let began = now();
    let name = object.metadata.name.unwrap_or_default();
    scene
        .runtime
        .block_on(api.delete(&name, &DeleteParams::default()))?;
    let withdrawn = || -> Option<Instant> {
        let moments = scene.peers.iter().map(|peer| {
            peer.look(|seen| {
                seen.updates
                    .last()
                    .copied()
                    .filter(|_| !seen.routes.contains_key(&prefix))
            })
        });
        moments.collect::<Option<Vec<_>>>()?.into_iter().max()
    };
    scene.until("a withdrawal", || Ok(withdrawn().is_some()))?;
    let gone = withdrawn()
        .context("the route is back")?
        .saturating_duration_since(began);
    Ok((ready, gone))
}
