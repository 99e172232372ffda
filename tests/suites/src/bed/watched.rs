use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use lab::{Heard, Probe, Said, Seen, Wire, stamp};

use super::Bed;

/// The clients of a [`Watched`] Service, in order: one that knows the way and one that has to ask for it every 20 ms, in each
/// family.
pub const CLIENTS: [&str; 4] = ["warm_v4", "warm_v6", "cold_v4", "cold_v6"];

const ECHO: u16 = 7777;

/// How long an answer to a question may take. A surrogate's and a holder's both come within it, if both answer.
const ANSWER: Duration = Duration::from_millis(150);

/// A speaker is up when its beacons have come for so long, each before so much time had passed since the last.
const UP: Duration = Duration::from_millis(1500);
const BEACON: Duration = Duration::from_millis(450);

/// A Service with an address of each family that echoes, with clients that use it all the time.
pub struct Watched<'a> {
    bed: &'a Bed,
    /// Its address of each family: IPv4, then IPv6.
    pub addresses: [IpAddr; 2],
    probes: Vec<Probe>,
    onlooker: Wire,
}

impl<'a> Watched<'a> {
    /// Starts the clients, on hosts of their own, once the Service answers all of them.
    ///
    /// # Errors
    /// It does not come to answer.
    pub fn start(bed: &'a Bed, service: &str) -> Result<Self> {
        let addresses = bed.both_addresses(service)?;
        for host in ["cold", "onlooker"] {
            bed.lab.add_host(host)?;
        }
        let to = addresses.map(|ip| SocketAddr::from((ip, ECHO)));
        let warm = to.iter().map(|to| bed.lab.probe("client", *to));
        let cold = to.iter().map(|to| bed.lab.forgetful_probe("cold", *to));
        let probes: Result<Vec<_>> = warm.chain(cold).collect();
        let watched = Self {
            bed,
            addresses,
            probes: probes?,
            onlooker: bed.lab.wire("onlooker")?,
        };
        watched.wait_until_steady(SystemTime::UNIX_EPOCH)?;
        Ok(watched)
    }

    /// The node that says that it has both addresses. It may be a surrogate that says so for it.
    ///
    /// # Errors
    /// It does not come to that in time.
    pub fn holder(&self) -> Result<String> {
        self.bed
            .wait("exactly one node to be told of for both addresses", || {
                self.told_of()
            })
    }

    /// The node that is told of for both addresses, if it is exactly one.
    ///
    /// # Errors
    /// A host that is no node answers.
    pub fn told_of(&self) -> Result<Option<String>> {
        let mut macs = BTreeSet::new();
        for ip in self.addresses {
            let answers = self.answers(ip)?;
            ensure!(!answers.is_empty(), "nobody answers for {ip}");
            macs.extend(answers.into_iter().map(|said| said.mac));
        }
        match macs.into_iter().collect::<Vec<_>>().as_slice() {
            [mac] => self.bed.node_of(&mac.to_string()).map(Some),
            several => bail!("told of are {several:?}"),
        }
    }

    /// Every different answer to a host that asks for an address.
    ///
    /// # Errors
    /// It cannot ask.
    pub fn answers(&self, ip: IpAddr) -> Result<Vec<Said>> {
        self.onlooker.ask(ip, ANSWER)
    }

    /// Does something, waits until all clients are served as before, and gives what each saw from its beginning on.
    ///
    /// # Errors
    /// It fails, or the clients are not served any more.
    pub fn through<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, Vec<Seen>)> {
        let from = stamp();
        let done = work()?;
        self.wait_until_steady(stamp())?;
        let to = stamp();
        let seen: Result<Vec<_>> = self.probes.iter().map(|probe| probe.seen(from, to)).collect();
        Ok((done, seen?))
    }

    /// Waits until the speakers of these nodes have been up for so long that they take part in everything.
    ///
    /// # Errors
    /// They do not come to that in time.
    pub fn wait_until_up(&self, nodes: &[String]) -> Result<()> {
        let macs: Result<Vec<_>> = nodes
            .iter()
            .map(|node| self.bed.lab.host(node)?.mac.parse())
            .collect();
        let (macs, wire) = (macs?, self.bed.lab.wire("onlooker")?);
        let mut heard = BTreeMap::new();
        self.bed.wait(&format!("beacons of {}", nodes.join(", ")), || {
            let now = stamp();
            while let Some((at, what)) = wire.receive()?
                && at < now
            {
                if let Heard::Beacon(mac) = what {
                    let known = heard.get(&mac).filter(|(_, last)| age(at, *last) < BEACON);
                    let since = known.map_or(at, |(since, _)| *since);
                    heard.insert(mac, (since, at));
                }
            }
            let up = |mac| {
                heard
                    .get(mac)
                    .is_some_and(|(since, last)| age(now, *since) > UP && age(now, *last) < BEACON)
            };
            Ok(macs.iter().all(up).then_some(()))
        })
    }

    fn wait_until_steady(&self, moment: SystemTime) -> Result<()> {
        for (client, probe) in CLIENTS.iter().zip(&self.probes) {
            self.bed.wait(&format!("{client} to be served"), || {
                Ok(probe.is_steady_since(moment).then_some(()))
            })?;
        }
        Ok(())
    }
}

impl Bed {
    /// Waits for an address of each family of a Service: IPv4, then IPv6.
    ///
    /// # Errors
    /// It does not get both in time.
    pub fn both_addresses(&self, service: &str) -> Result<[IpAddr; 2]> {
        self.wait(&format!("two addresses for Service {service}"), || {
            let object = self.lab.kubectl_json(&["get", "service", service])?;
            let ingress = object["status"]["loadBalancer"]["ingress"].as_array();
            let shown = ingress.context("no address")?.iter();
            let mut all: Vec<IpAddr> = shown
                .filter_map(|entry| entry["ip"].as_str()?.parse().ok())
                .collect();
            all.sort();
            Ok(all.try_into().ok())
        })
    }
}

fn age(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}
