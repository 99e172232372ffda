//! A thousand addresses on one node, and its cable pulled.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lab::{Heard, Mac, Wire};
use process::clock::now;
use serde_json::{Value, json};
use suites::Bed;

const COUNT: u16 = 1000;
const NODE: &str = "n1";
const NAME: &str = "thousand";

/// Between two questions for the same address.
const ASK: Duration = Duration::from_millis(20);

/// Between two looks whether all addresses are where they belong: answers to one station are limited.
const LOOK: Duration = Duration::from_millis(1500);

const PATIENCE: Duration = Duration::from_secs(60);

/// One value for each cable that was pulled.
#[derive(Debug, Default)]
pub(crate) struct Thousand {
    /// From the cut to the first answer of another node.
    pub(crate) first: Vec<Duration>,
    /// From the first address that is answered for to the last.
    pub(crate) spread: Vec<Duration>,
}

/// Creates the addresses, and waits until the node answers for all of them.
pub(crate) fn prepare(bed: &Bed) -> Result<BTreeSet<IpAddr>> {
    bed.pool(NAME, "198.18.0.0/20")?;
    let preference = json!({"matchLabels": {"kubernetes.io/hostname": NODE}});
    bed.advertise(
        NAME,
        json!({
            "ipPools": [NAME],
            // No interface has an address of their subnet.
            "interfaces": ["eth0"],
            "preferredNodeSelectors": [{"weight": 100, "preference": preference}],
        }),
    )?;
    let addresses: Vec<_> = (0..COUNT).map(address).collect();
    let endpoint = bed.lab.host("echo")?.v4;
    let slices: Vec<_> = (0..COUNT).map(|number| slice(&name(number), endpoint)).collect();
    let services: Vec<_> = (0..COUNT)
        .zip(&addresses)
        .map(|(number, ip)| service(number, *ip))
        .collect();
    bed.lab.kubectl_create(&slices)?;
    bed.lab.kubectl_create(&services)?;
    let all = addresses.into_iter().map(IpAddr::from).collect();
    let wire = bed.lab.wire("onlooker")?;
    wait_until_home(&wire, &all, bed.lab.host(NODE)?.mac.parse()?)?;
    Ok(all)
}

impl Thousand {
    /// Pulls the cable so many times, each when all addresses are on that node again.
    pub(crate) fn measure(&mut self, bed: &Bed, addresses: &BTreeSet<IpAddr>, runs: usize) -> Result<()> {
        let home = bed.lab.host(NODE)?.mac.parse()?;
        let wire = bed.lab.wire("onlooker")?;
        for _ in 0..runs {
            wait_until_home(&wire, addresses, home)?;
            let cut = lab::stamp();
            bed.lab.unplug(NODE)?;
            let answers = ask_until(&wire, addresses, |mac| mac != home)?;
            let first = answers.values().min().context("no address")?;
            let last = answers.values().max().context("no address")?;
            self.first.push(first.duration_since(cut).unwrap_or_default());
            self.spread.push(last.duration_since(*first)?);
            bed.lab.plug(NODE)?;
        }
        Ok(())
    }
}

/// Waits until that node answers for all of the addresses and nobody else for any: for a moment after it was cut off, it may
/// answer beside others.
fn wait_until_home(wire: &Wire, addresses: &BTreeSet<IpAddr>, home: Mac) -> Result<()> {
    let end = now() + PATIENCE;
    let mut answering = BTreeSet::new();
    while now() < end {
        wire.skip()?;
        answering.clear();
        for address in addresses {
            wire.send(&wire.question(*address))?;
        }
        let next = now() + LOOK;
        while now() < next {
            if let Some((_, Heard::Says(said))) = wire.receive()?
                && said.asked
                && addresses.contains(&said.address)
            {
                answering.insert((said.address, said.mac));
            }
        }
        if answering.len() == addresses.len() && answering.iter().all(|(_, mac)| *mac == home) {
            return Ok(());
        }
        ensure!(!lab::interrupted(), "interrupted");
    }
    let at_home = answering.iter().filter(|(_, mac)| *mac == home).count();
    bail!(
        "{at_home} of {} addresses are at home after {PATIENCE:?}",
        addresses.len()
    )
}

/// Asks for each of the addresses until somebody answers of whom `fits` holds; gives when that was.
fn ask_until(
    wire: &Wire,
    addresses: &BTreeSet<IpAddr>,
    fits: impl Fn(Mac) -> bool,
) -> Result<BTreeMap<IpAddr, std::time::SystemTime>> {
    wire.skip()?;
    let mut answers = BTreeMap::new();
    let end = now() + PATIENCE;
    while now() < end {
        for address in addresses {
            if !answers.contains_key(address) {
                wire.send(&wire.question(*address))?;
            }
        }
        let next = now() + ASK;
        while now() < next {
            if let Some((at, Heard::Says(said))) = wire.receive()?
                && said.asked
                && fits(said.mac)
                && addresses.contains(&said.address)
            {
                answers.entry(said.address).or_insert(at);
            }
            if answers.len() == addresses.len() {
                return Ok(answers);
            }
        }
        ensure!(!lab::interrupted(), "interrupted");
    }
    bail!(
        "{} of {} addresses are answered for after {PATIENCE:?}",
        answers.len(),
        addresses.len()
    )
}

fn address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(198, 18, high, low)
}

fn name(number: u16) -> String {
    format!("{NAME}-{number}")
}

fn service(number: u16, address: Ipv4Addr) -> Value {
    let annotations = json!({"heraldlb.io/loadBalancerIPs": address});
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name(number), "annotations": annotations},
        "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 80}]},
    })
}

/// One endpoint of a Service: without any, nobody announces it.
pub(super) fn slice(service: &str, endpoint: Ipv4Addr) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"addresses": [endpoint], "conditions": {"ready": true}}],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    })
}
