//! From the status of a new Service to its first announcement.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use api::client::connect;
use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client};
use lab::{Heard, Wire, stamp};
use process::clock::now;
use suites::Bed;
use tokio::runtime::Runtime;

use super::thousand::slice;
use crate::observer::{Observer, Sighting};
use crate::services::{Giver, create};

const USER_AGENT: &str = concat!("herald-bench/", env!("CARGO_PKG_VERSION"));

/// How long an announcement may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// An address is given up when nobody answers for so long.
const QUIET: Duration = Duration::from_millis(100);

/// One value for each new Service.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    /// From the moment at which a watch shows the address to the announcement.
    pub(crate) announced: Vec<Duration>,
    /// From the call that creates the Service.
    pub(crate) whole: Vec<Duration>,
}

impl Fresh {
    /// Creates Services one after the other, and deletes each when it is announced.
    pub(crate) fn measure(bed: &Bed, runs: usize) -> Result<Self> {
        let endpoint = bed.lab.host("echo")?.v4;
        let names: Vec<_> = (0..runs).map(|number| format!("fresh-{number}")).collect();
        let slices: Vec<_> = names.iter().map(|name| slice(name, endpoint)).collect();
        bed.lab.kubectl_create(&slices)?;
        let wire = bed.lab.wire("onlooker")?;
        let kubeconfig = bed.lab.kubeconfig_for("herald-bench", Some("system:masters"))?;
        bed.lab.inside("cp", || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?;
            let client = runtime.block_on(connect(Some(&kubeconfig), USER_AGENT))?;
            let mut fresh = Self::default();
            for name in &names {
                fresh.one(&runtime, &client, &wire, name)?;
            }
            Ok(fresh)
        })?
    }

    fn one(&mut self, runtime: &Runtime, client: &Client, wire: &Wire, name: &str) -> Result<()> {
        wire.skip()?;
        let created = now();
        let (sighting, address) = runtime.block_on(appear(client, name))?;
        let announced = announcement(wire, address)?;
        // One clock: what the monotonic one showed is carried over to the one that the kernel stamps frames with.
        let wall = |at: std::time::Instant| stamp() - at.elapsed();
        let since = |at: SystemTime| announced.duration_since(at).unwrap_or_default();
        self.announced.push(since(wall(sighting.address)));
        self.whole.push(since(wall(created)));
        let api: Api<Service> = Api::default_namespaced(client.clone());
        runtime.block_on(api.delete(name, &kube::api::DeleteParams::default()))?;
        // The next one gets the same address: what is still said for this one must not be taken for it.
        let end = now() + PATIENCE;
        while !wire.ask(address, QUIET)?.is_empty() {
            ensure!(now() < end, "{address} is still answered for");
        }
        Ok(())
    }
}

/// Creates a Service and gives its address, and when a watch showed it.
async fn appear(client: &Client, name: &str) -> Result<(Sighting, IpAddr)> {
    let mut observer = Observer::start(client).await?;
    create(client, name, 0, Giver::Controller).await?;
    let sighting = observer.sighting(name).await?;
    let api: Api<Service> = Api::default_namespaced(client.clone());
    let status = api.get(name).await?.status;
    let ingress = status.and_then(|status| status.load_balancer?.ingress);
    let address = ingress.and_then(|ingress| ingress.first()?.ip.clone());
    Ok((sighting, address.context("the address is gone again")?.parse()?))
}

/// When the first announcement of an address was heard.
fn announcement(wire: &Wire, address: IpAddr) -> Result<SystemTime> {
    let end = now() + PATIENCE;
    while now() < end {
        if let Some((at, Heard::Says(said))) = wire.receive()?
            && said.address == address
            && !said.asked
        {
            return Ok(at);
        }
    }
    bail!("{address} is not announced after {PATIENCE:?}")
}
