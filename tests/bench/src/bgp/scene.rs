use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use api::client::connect;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use lab::ScriptedPeer;
use process::clock::now;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use suites::Bed;
use tokio::runtime::Runtime;

use crate::services::WRITERS;

const USER_AGENT: &str = concat!("herald-bench/", env!("CARGO_PKG_VERSION"));
const PEERS: u32 = 4;
const FIRST_ASN: u32 = 64601;
const NODE: &str = "n1";

/// How long anything may take before something is wrong.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at what a peer has.
const LOOK: Duration = Duration::from_millis(1);

/// One node whose speaker has sessions with four peers that note when each route comes.
pub(super) struct Scene<'a> {
    pub(super) bed: &'a Bed,
    pub(super) peers: Vec<ScriptedPeer>,
    pub(super) runtime: Runtime,
    /// One for each writer.
    pub(super) clients: Vec<Client>,
}

impl<'a> Scene<'a> {
    pub(super) fn start(bed: &'a Bed) -> Result<Self> {
        let mut peers = Vec::new();
        for asn in (FIRST_ASN..).take(PEERS as usize) {
            let name = format!("peer-{asn}");
            let host = bed.lab.add_host(&name)?;
            peers.push(bed.lab.scripted_peer(&name, asn)?);
            let spec = json!({"myASN": 64512, "peerASN": asn, "peerAddress": host.v4, "connectTime": "1s"});
            bed.peer(&name, spec)?;
        }
        bed.speaker(NODE)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let kubeconfig = bed.lab.kubeconfig();
        let clients: Result<Vec<_>, _> = (0..WRITERS)
            .map(|_| runtime.block_on(connect(Some(&kubeconfig), USER_AGENT)))
            .collect();
        let scene = Self {
            bed,
            peers,
            runtime,
            clients: clients?,
        };
        scene.until("every session", || {
            Ok(scene.peers.iter().all(|peer| peer.look(|seen| seen.up)))
        })?;
        Ok(scene)
    }

    /// Waits until something holds, looking all the time.
    pub(super) fn until(&self, what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
        let end = now() + PATIENCE;
        while !holds()? {
            ensure!(!lab::interrupted(), "interrupted");
            if now() >= end {
                bail!("waited {PATIENCE:?} for {what}");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Waits until every peer has exactly so many routes.
    pub(super) fn until_routes(&self, count: usize) -> Result<()> {
        self.until(&format!("{count} routes at every peer"), || {
            Ok(self
                .peers
                .iter()
                .all(|peer| peer.look(|seen| seen.up && seen.routes.len() == count)))
        })
    }

    /// Creates all of them, from several clients at once.
    pub(super) fn create_all<K>(&self, objects: Vec<K>) -> Result<()>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope> + Clone + Serialize + DeserializeOwned,
        K: std::fmt::Debug + Send + Sync + 'static,
        K::DynamicType: Default,
    {
        let share = objects.len().div_ceil(self.clients.len()).max(1);
        let work = objects.chunks(share).zip(&self.clients).map(|(objects, client)| {
            let (api, objects) = (Api::<K>::default_namespaced(client.clone()), objects.to_vec());
            async {
                let task = tokio::spawn(async move {
                    for object in &objects {
                        api.create(&PostParams::default(), object).await?;
                    }
                    Ok::<_, kube::Error>(())
                });
                task.await
                    .context("a writer has ended badly")?
                    .context("creating")
            }
        });
        self.runtime.block_on(try_join_all(work)).map(drop)
    }

    /// The addresses of the Services whose names begin so, in the order of their numbers.
    pub(super) fn addresses(&self, prefix: &str, count: usize) -> Result<Vec<IpAddr>> {
        let api: Api<Service> = Api::default_namespaced(self.clients[0].clone());
        let mut addresses = vec![None; count];
        self.until(&format!("{count} addresses"), || {
            let list = self.runtime.block_on(api.list(&ListParams::default()))?;
            for service in list {
                let number = number(service.metadata.name.as_deref(), prefix);
                let ingress = service.status.and_then(|status| status.load_balancer?.ingress);
                let ip = ingress.and_then(|ingress| ingress.first()?.ip.clone());
                if let (Some(number), Some(ip)) = (number, ip) {
                    *addresses.get_mut(number).context("a Service too many")? = Some(ip.parse()?);
                }
            }
            Ok(addresses.iter().all(Option::is_some))
        })?;
        Ok(addresses.into_iter().flatten().collect())
    }

    /// Deletes every LoadBalancer Service and its endpoints, and waits until no peer has a route.
    pub(super) fn clear(&self) -> Result<()> {
        self.runtime
            .block_on(crate::services::delete_all(&self.clients))?;
        let slices: Api<EndpointSlice> = Api::default_namespaced(self.clients[0].clone());
        let chosen = ListParams::default().labels("bench");
        self.runtime
            .block_on(slices.delete_collection(&DeleteParams::default(), &chosen))?;
        self.until_routes(0)
    }

    /// The speaker's resident memory, in millions of octets.
    pub(super) fn resident_mb(&self) -> Result<f64> {
        let octets = self.bed.speaker_process(NODE)?.resident()?;
        #[allow(clippy::cast_precision_loss, reason = "memory is less than 2^53")]
        Ok(octets as f64 / 1e6)
    }
}

fn number(name: Option<&str>, prefix: &str) -> Option<usize> {
    name?.strip_prefix(prefix)?.strip_prefix('-')?.parse().ok()
}

/// A Service that kube-proxy leaves alone: what it does for a thousand of them is not what is measured.
pub(super) fn service(prefix: &str, number: usize) -> Result<Service> {
    Ok(serde_json::from_value(json!({
        "metadata": {"name": format!("{prefix}-{number}"), "labels": labels()},
        "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 80}]},
    }))?)
}

/// Its one endpoint, which is ready.
pub(super) fn slice(prefix: &str, number: usize) -> Result<EndpointSlice> {
    let name = format!("{prefix}-{number}");
    let mut labels = labels();
    labels["kubernetes.io/service-name"] = json!(name);
    Ok(serde_json::from_value(json!({
        "addressType": "IPv4",
        "metadata": {"name": name, "labels": labels},
        "endpoints": [{"addresses": [Ipv4Addr::new(192, 168, 1, 150)], "conditions": {"ready": true}}],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }))?)
}

fn labels() -> Value {
    json!({"service.kubernetes.io/service-proxy-name": "nobody", "bench": "bgp"})
}
