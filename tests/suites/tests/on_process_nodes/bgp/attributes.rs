use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::{Result, ensure};
use lab::{Bird, Frr, Learned};
use serde_json::{Value, json};
use suites::{Bed, Learns, Neighbour, Peering, on};

use super::selection::selected;
use super::{NODES, SERVICE, SPINE, bed, in_bird, in_frr, peers_of, prefixes, start_speakers, words};

/// Two nodes; an internal router, FRR, and an external one, BIRD.
pub(super) struct Fabric<'a> {
    pub(super) bed: &'a Bed,
    pub(super) frr: &'a Frr<'a>,
    pub(super) bird: &'a Bird<'a>,
    /// Of the Service's address of each family.
    pub(super) prefixes: [String; 2],
}

/// P-BGP-52, P-BGP-53, P-BGP-54, P-BGP-55, P-BGP-56, P-BGP-57, P-BGP-59, P-BGP-60, P-BGP-61, P-BGP-62, P-BGP-63, P-BGP-65: an
/// internal router and an external one get the attributes that are theirs, of both families, and edits change routes in place. Then
/// what is chosen: P-BGP-6, P-BGP-7, P-BGP-12, P-BGP-22, P-BGP-23, P-BGP-58, P-BGP-64, P-BGP-66 to P-BGP-74. U2, U3.
#[test]
fn routes_carry_what_their_advertisement_says_to_exactly_those_whom_it_concerns() {
    on(bed("bgp-choice", 2), |bed| {
        let (tor, spine) = (bed.lab.router("tor")?, bed.lab.router("spine")?);
        let nodes = bed.lab.nodes();
        let both = |node| [Neighbour::v4(node, NODES), Neighbour::v6(node, NODES)];
        let frr = tor.frr(&Peering::of(&tor, NODES, nodes.iter().flat_map(both)).frr())?;
        let bird = spine.bird(&Peering::of(&spine, SPINE, nodes.iter().flat_map(both)).bird())?;
        peers_of(bed, &tor, NODES, &json!({}))?;
        peers_of(bed, &spine, SPINE, &json!({}))?;
        bed.bgp_advertise("all", json!({}))?;
        start_speakers(bed)?;
        let backend = bed.lab.backend("echo")?;
        bed.lab.load_balancer(SERVICE, &[&backend])?;
        let fabric = Fabric {
            bed,
            frr: &frr,
            bird: &bird,
            prefixes: prefixes(bed.both_addresses(SERVICE)?),
        };
        attributes(&fabric)?;
        aggregated(&fabric)?;
        to_each_its_own(&fabric)?;
        weighted(&fabric)?;
        selected(&fabric)?;

        let all = [in_frr(&nodes, false), in_frr(&nodes, true)].concat();
        let count = super::establishments(&frr, &all)?;
        ensure!(
            count.iter().all(|count| *count == 1),
            "a session was disturbed: {count:?}"
        );
        Ok(())
    });
}

impl Fabric<'_> {
    /// The advertisement that everything is announced by, with these fields.
    pub(super) fn advertise(&self, spec: Value) -> Result<()> {
        self.bed.bgp_advertise("all", spec)
    }

    /// Waits until every route of the Service at both routers satisfies this, on so many nodes.
    fn everywhere(&self, what: &str, wanted: impl Fn(&Learned, bool) -> bool) -> Result<()> {
        for prefix in &self.prefixes {
            self.bed.learns(self.frr, prefix, what, |routes| {
                routes.len() == 2 && routes.iter().all(|route| wanted(route, true))
            })?;
            self.bed.learns(self.bird, prefix, what, |routes| {
                routes.len() == 2 && routes.iter().all(|route| wanted(route, false))
            })?;
        }
        Ok(())
    }

    /// Waits until the routers have routes of both families from exactly these nodes.
    pub(super) fn from(&self, at_frr: &[&str], at_bird: &[&str]) -> Result<()> {
        let all = self.bed.lab.nodes();
        let of = |names: &[&str]| {
            let chosen = all.iter().filter(|node| names.contains(&node.name.as_str()));
            chosen.cloned().collect::<Vec<_>>()
        };
        for (prefix, v6) in self.prefixes.iter().zip([false, true]) {
            let (frr, bird) = (of(at_frr), of(at_bird));
            self.bed
                .learns_from(self.frr, prefix, &words(&in_frr(&frr, v6)))?;
            let family = if v6 { '6' } else { '4' };
            self.bed
                .learns_from(self.bird, prefix, &words(&in_bird(&bird, family)))?;
        }
        Ok(())
    }
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn attributes(fabric: &Fabric<'_>) -> Result<()> {
    fabric.everywhere("nothing is said", |route, internal| {
        let path: &[u32] = if internal { &[] } else { &[NODES] };
        route.as_path == path && route.local_pref == Some(100) && route.communities.is_empty()
    })?;
    fabric.bed.object(
        "Community",
        "names",
        json!({"communities": [{"name": "gold", "value": "64512:999"}, {"name": "big", "value": "large:64512:3:4"}]}),
    )?;
    fabric.advertise(json!({
        "localPref": 300,
        "communities": ["64512:100", "gold", "large:64512:1:2", "big"],
        "med": 7,
        "asPathPrepend": 2,
    }))?;
    fabric.everywhere("everything is said", |route, internal| {
        // A router of the nodes' own AS would take a path with that AS for a loop.
        let path: &[u32] = if internal { &[] } else { &[NODES; 3] };
        route.as_path == path
            && route.local_pref == Some(if internal { 300 } else { 100 })
            && route.med == Some(7)
            && route.communities == set(&["64512:100", "64512:999"])
            && route.large_communities == set(&["64512:1:2", "64512:3:4"])
    })?;
    fabric.advertise(json!({"localPref": 400, "communities": ["64512:200"]}))?;
    fabric.everywhere("it is edited", |route, internal| {
        route.local_pref == Some(if internal { 400 } else { 100 })
            && route.med.unwrap_or_default() == 0
            && route.communities == set(&["64512:200"])
            && route.large_communities.is_empty()
    })?;
    // Two that announce one prefix: one route with the communities of both.
    fabric
        .bed
        .bgp_advertise("more", json!({"localPref": 400, "communities": ["64512:300"]}))?;
    fabric.everywhere("both are said", |route, _| {
        route.communities == set(&["64512:200", "64512:300"])
    })?;
    fabric.bed.delete("bgpadvertisement", "more")?;
    fabric.everywhere("one is taken back", |route, _| {
        route.communities == set(&["64512:200"])
    })
}

fn aggregated(fabric: &Fabric<'_>) -> Result<()> {
    let spec = |lengths: (u8, u8)| json!({"aggregationLength": lengths.0, "aggregationLengthV6": lengths.1, "communities": ["64512:24"]});
    fabric.bed.bgp_advertise("aggregate", spec((24, 120)))?;
    let aggregates = ["198.51.100.0/24", "2001:db8:100::/120"];
    let has = |prefix: &str| {
        let marked = |routes: &[Learned]| {
            routes.len() == 2 && routes.iter().all(|route| route.communities == set(&["64512:24"]))
        };
        fabric.bed.learns(fabric.frr, prefix, "an aggregate", marked)?;
        fabric
            .bed
            .learns(fabric.bird, prefix, "an aggregate", marked)
            .map(drop)
    };
    aggregates.iter().try_for_each(|prefix| has(prefix))?;
    fabric.everywhere("beside it", |route, _| route.communities == set(&["64512:200"]))?;
    fabric.bed.bgp_advertise("aggregate", spec((28, 124)))?;
    has("198.51.100.0/28")?;
    fabric.bed.learns_from(fabric.frr, aggregates[0], &[])?;
    fabric.bed.delete("bgpadvertisement", "aggregate")?;
    fabric
        .bed
        .learns_from(fabric.bird, "198.51.100.0/28", &[])
        .map(drop)
}

fn to_each_its_own(fabric: &Fabric<'_>) -> Result<()> {
    let to = |router: &str, community: &str| json!({"peers": [format!("{router}-v4"), format!("{router}-v6")], "communities": [community]});
    fabric.advertise(to("tor", "64512:1"))?;
    fabric.bed.bgp_advertise("other", to("spine", "64512:2"))?;
    fabric.everywhere("to each its own", |route, internal| {
        route.communities == set(&[if internal { "64512:1" } else { "64512:2" }])
    })?;
    fabric.bed.delete("bgpadvertisement", "other")?;
    fabric.from(&["n1", "n2"], &[])?;
    fabric.advertise(json!({}))?;
    fabric.from(&["n1", "n2"], &["n1", "n2"])
}

/// Link bandwidth says how many endpoints a node has: FRR shows it as such.
fn weighted(fabric: &Fabric<'_>) -> Result<()> {
    let bed = fabric.bed;
    let names = [("n1", "pod1"), ("n1", "pod2"), ("n2", "pod3")];
    let pods: Vec<_> = names
        .into_iter()
        .map(|(node, pod)| bed.lab.backend_on(node, pod))
        .collect::<Result<_>>()?;
    bed.lab
        .set_endpoints("default", SERVICE, &pods.iter().collect::<Vec<_>>())?;
    let policy = |policy: &str| {
        let patch = json!({"spec": {"externalTrafficPolicy": policy}}).to_string();
        bed.lab.kubectl(&["patch", "service", SERVICE, "-p", &patch])
    };
    policy("Local")?;
    fabric.advertise(json!({"linkBandwidth": "Endpoints"}))?;
    let bandwidth = |route: &Learned| {
        let shown = route.extended_communities.strip_prefix("LB:64512:")?;
        shown.split_whitespace().next()?.parse::<u32>().ok()
    };
    bed.learns(
        fabric.frr,
        &fabric.prefixes[0],
        "twice as much for two endpoints",
        |routes| match routes {
            [first, second] => {
                bandwidth(first).is_some_and(|first| bandwidth(second).map(|one| one * 2) == Some(first))
            }
            _ => false,
        },
    )?;
    bed.learns(fabric.bird, &fabric.prefixes[1], "a link bandwidth", |routes| {
        routes.len() == 2 && routes.iter().all(|route| !route.extended_communities.is_empty())
    })?;
    fabric.advertise(json!({}))?;
    policy("Cluster")?;
    fabric.everywhere("no bandwidth", |route, _| route.extended_communities.is_empty())
}

/// The prefix of a Service's only or first address.
pub(super) fn prefix_of(bed: &Bed, service: &str) -> Result<String> {
    let address: IpAddr = bed.address(service)?.parse()?;
    Ok(format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 }))
}

/// Waits until a router has the prefix from anybody, or from nobody.
pub(super) fn is_there(bed: &Bed, router: &impl Learns, prefix: &str, there: bool) -> Result<()> {
    let what = if there { "is there" } else { "is not there" };
    bed.learns(router, prefix, what, |routes| routes.is_empty() != there)
        .map(drop)
}
