//! Many Services that are created at once: from each one's address to its route, and whether a session suffers.

use std::time::Duration;

use anyhow::Result;

use super::scene::{Scene, service, slice};
use crate::observer::Observer;

const NAME: &str = "burst";

/// What became of them.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    /// From the moment at which a watch shows the address to its UPDATE at the last of the peers.
    pub(super) routes: Vec<Duration>,
    /// Sessions lost meanwhile.
    pub(super) churn: usize,
}

impl Burst {
    pub(super) fn measure(scene: &Scene<'_>, count: usize) -> Result<Self> {
        let sessions = || -> usize {
            let of = scene
                .peers
                .iter()
                .map(|peer| peer.look(|seen| seen.established.len()));
            of.sum()
        };
        let before = sessions();
        let slices: Result<Vec<_>> = (0..count).map(|number| slice(NAME, number)).collect();
        scene.create_all(slices?)?;
        let mut observer = scene.runtime.block_on(Observer::start(&scene.clients[0]))?;
        let services: Result<Vec<_>> = (0..count).map(|number| service(NAME, number)).collect();
        scene.create_all(services?)?;
        let addresses = scene.addresses(NAME, count)?;
        scene.until_routes(count)?;
        let mut routes = Vec::with_capacity(count);
        for (number, address) in addresses.into_iter().enumerate() {
            let name = format!("{NAME}-{number}");
            let shown = scene.runtime.block_on(observer.sighting(&name))?.address;
            let came = scene
                .peers
                .iter()
                .filter_map(|peer| peer.look(|seen| seen.routes.get(&(address, 32)).copied()));
            routes.extend(came.max().map(|came| came.saturating_duration_since(shown)));
        }
        scene.clear()?;
        Ok(Self {
            routes,
            churn: sessions() - before,
        })
    }
}
