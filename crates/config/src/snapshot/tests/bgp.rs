use std::collections::BTreeSet;

use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community};
use model::{Labels, PeerName};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;

/// Everything that there is.
#[derive(Clone, Default)]
struct World {
    pools: Vec<Stored<IPPool>>,
    advertisements: Vec<Stored<BGPAdvertisement>>,
    peers: Vec<Stored<BGPPeer>>,
    profiles: Vec<Stored<BFDProfile>>,
    communities: Vec<Stored<Community>>,
    nodes: BTreeMap<NodeName, Node>,
}

/// An object that was created in that month.
fn object<K: DeserializeOwned>(kind: &str, name: &str, month: u8, spec: Value) -> Stored<K> {
    let object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": kind,
        "metadata": {"name": name, "generation": 1, "creationTimestamp": format!("2026-{month:02}-01T00:00:00Z")},
        "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

fn advertisement(name: &str, month: u8, spec: Value) -> Stored<BGPAdvertisement> {
    object("BGPAdvertisement", name, month, spec)
}

/// A BGPPeer at `address`, for nodes of `rack`.
fn peer(name: &str, month: u8, address: &str, rack: &str) -> Stored<BGPPeer> {
    peer_with(name, month, address, rack, json!({}))
}

fn peer_with(name: &str, month: u8, address: &str, rack: &str, fields: Value) -> Stored<BGPPeer> {
    let mut spec = json!({"myASN": 64512, "peerASN": 64513, "peerAddress": address});
    if !rack.is_empty() {
        spec["nodeSelectors"] = json!([{"matchLabels": {"rack": rack}}]);
    }
    spec.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    object("BGPPeer", name, month, spec)
}

fn community(name: &str, month: u8, aliases: &[(&str, &str)]) -> Stored<Community> {
    let aliases: Vec<_> = aliases
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    object("Community", name, month, json!({"communities": aliases}))
}

fn profile(name: &str, spec: Value) -> Stored<BFDProfile> {
    object("BFDProfile", name, 1, spec)
}

/// A cluster with one node in each rack.
fn racks(racks: &[&str]) -> BTreeMap<NodeName, Node> {
    let node = |(index, rack): (usize, &&str)| {
        let labels: Labels = [("rack".to_owned(), rack.to_string())].into();
        let node = Node {
            labels,
            ..Node::default()
        };
        (NodeName(format!("n{index}")), node)
    };
    racks.iter().enumerate().map(node).collect()
}

impl World {
    fn of_racks(names: &[&str]) -> Self {
        Self {
            nodes: racks(names),
            ..Self::default()
        }
    }

    fn read(&self) -> Snapshot {
        self.read_after(&Snapshot::default())
    }

    fn read_after(&self, previous: &Snapshot) -> Snapshot {
        let objects = Objects {
            pools: self.pools.iter().collect(),
            l2_advertisements: Vec::new(),
            bgp_advertisements: self.advertisements.iter().collect(),
            bgp_peers: self.peers.iter().collect(),
            bfd_profiles: self.profiles.iter().collect(),
            communities: self.communities.iter().collect(),
            nodes: &self.nodes,
        };
        Snapshot::read(objects, previous)
    }
}

fn verdict<'a>(snapshot: &'a Snapshot, kind: Kind, name: &str) -> &'a Verdict {
    &snapshot.verdicts()[&ObjectName {
        kind,
        namespace: None,
        name: name.into(),
    }]
}

/// `reason: message`, with a mark where the last good form is in force; empty: nothing is wrong.
fn said(snapshot: &Snapshot, kind: Kind, name: &str) -> String {
    let verdict = verdict(snapshot, kind, name);
    let stale = if verdict.previous_in_force { " [stale]" } else { "" };
    let fault = verdict.fault.as_ref();
    fault.map_or_else(String::new, |fault| format!("{}: {fault}{stale}", fault.reason()))
}

fn peers(snapshot: &Snapshot) -> Vec<String> {
    snapshot.peers().map(|peer| peer.name.to_string()).collect()
}

/// The peers of a node of that rack.
fn peers_of(snapshot: &Snapshot, rack: &str) -> Vec<String> {
    let labels: Labels = [("rack".to_owned(), rack.to_owned())].into();
    let peers = snapshot.peers_of(&labels);
    peers.iter().map(|peer| peer.name.to_string()).collect()
}

fn advertised(snapshot: &Snapshot) -> Vec<String> {
    let all = snapshot.bgp_advertisements();
    all.iter().map(|one| one.name.clone()).collect()
}

/// P-CFG-5, P-CFG-12, P-CFG-42
#[test]
fn peers_without_pools_and_advertisements_of_nothing_are_in_force() {
    let mut world = World::of_racks(&["a"]);
    world.peers = vec![peer("tor", 1, "192.0.2.1", "")];
    world.advertisements = vec![advertisement(
        "all",
        1,
        json!({"ipPools": ["later"], "peers": ["later"]}),
    )];
    let snapshot = world.read();
    assert_eq!(
        (peers(&snapshot), advertised(&snapshot)),
        (vec!["tor".into()], vec!["all".into()])
    );
    assert!(
        snapshot
            .verdicts()
            .values()
            .all(|verdict| verdict.fault.is_none())
    );
    assert_eq!(world.read_after(&snapshot), snapshot);
}

/// P-CFG-15, P-CFG-16, P-CFG-17, P-CFG-18, P-CFG-26
#[test]
fn two_peers_that_are_one_router_to_a_node_are_refused() {
    let conflict = "Conflict: BGPPeer old is 192.0.2.1 too, and some node is to have a session with both: let nodeSelectors select \
                    different nodes, or delete one of the two";
    let judged = |nodes: &[&str], old: Stored<BGPPeer>, new: Stored<BGPPeer>| {
        let mut world = World::of_racks(nodes);
        world.peers = vec![new, old];
        let snapshot = world.read();
        assert_eq!(said(&snapshot, Kind::BGPPeer, "old"), "");
        said(&snapshot, Kind::BGPPeer, "new")
    };
    let old = |rack| peer("old", 1, "192.0.2.1", rack);
    let new = |rack| peer("new", 2, "192.0.2.1", rack);
    assert_eq!(judged(&["a", "b"], old(""), new("")), conflict);
    assert_eq!(judged(&["a", "b"], old(""), new("b")), conflict);
    assert_eq!(judged(&["a", "b"], old("a"), new("b")), "");
    // Without a node they may meet on, or with the very same selectors, they would meet sooner or later.
    assert_eq!(judged(&[], old("a"), new("b")), conflict);
    assert_eq!(judged(&["a"], old("b"), new("b")), conflict);
    assert_eq!(judged(&["a"], old("a"), peer("new", 2, "192.0.2.2", "a")), "");
    let red = |name, month| peer_with(name, month, "192.0.2.1", "", json!({"vrf": "red"}));
    assert_eq!(judged(&["a"], old(""), red("new", 2)), "");
    assert!(judged(&["a"], red("old", 1), red("new", 2)).contains("is 192.0.2.1 in VRF red too"));
}

/// P-CFG-26, P-BGP-37
#[test]
fn peers_on_two_interfaces_are_two_and_on_one_are_one() {
    let on = |name: &str, month, interface: &str| -> Stored<BGPPeer> {
        let spec = json!({"myASN": 64512, "dynamicASN": "external", "interface": interface});
        object("BGPPeer", name, month, spec)
    };
    let mut world = World::of_racks(&["a"]);
    world.peers = vec![on("x", 1, "eth1"), on("y", 2, "eth2"), on("z", 3, "eth2")];
    let snapshot = world.read();
    assert_eq!(peers(&snapshot), ["x", "y"]);
    assert!(said(&snapshot, Kind::BGPPeer, "z").starts_with("Conflict: BGPPeer y is eth2 too"));
}

/// P-CFG-28, P-BGP-21
#[test]
fn peers_of_one_node_may_have_different_router_ids_and_as_numbers() {
    let mut world = World::of_racks(&["a"]);
    world.peers = vec![
        peer_with("x", 1, "192.0.2.1", "", json!({"routerID": "10.0.0.1"})),
        peer_with(
            "y",
            1,
            "192.0.2.2",
            "",
            json!({"routerID": "10.0.0.2", "myASN": 65000}),
        ),
    ];
    assert_eq!(peers(&world.read()), ["x", "y"]);
}

/// P-CFG-39, P-CFG-40, W-16
#[test]
fn an_edit_that_conflicts_leaves_the_last_good_form_in_force_and_harms_nobody_else() {
    let mut world = World::of_racks(&["a"]);
    world.peers = vec![peer("new", 2, "192.0.2.2", ""), peer("old", 1, "192.0.2.1", "")];
    let before = world.read();
    world.peers[1] = peer("old", 1, "192.0.2.2", "");
    let after = world.read_after(&before);
    assert!(said(&after, Kind::BGPPeer, "old").starts_with("Conflict: BGPPeer new is 192.0.2.2 too"));
    assert!(verdict(&after, Kind::BGPPeer, "old").previous_in_force);
    assert_eq!(said(&after, Kind::BGPPeer, "new"), "");
    let remotes: BTreeSet<_> = after.peers().map(|peer| peer.remote.to_string()).collect();
    assert_eq!(remotes, ["192.0.2.1".to_owned(), "192.0.2.2".to_owned()].into());
    assert_eq!(world.read_after(&after), after);
}

/// P-OBS-12, P-CFG-17, P-CFG-39
#[test]
fn a_label_that_brings_two_peers_to_conflict_shows_it_and_closes_only_the_session_that_would_be_twice() {
    let mut world = World::of_racks(&["a", "b"]);
    let both = json!({"nodeSelectors": [{"matchLabels": {"rack": "b"}}, {"matchLabels": {"rack": "c"}}]});
    world.peers = vec![
        peer("old", 2, "192.0.2.1", "a"),
        peer_with("late", 3, "192.0.2.1", "", both),
    ];
    let before = world.read();
    assert_eq!(peers(&before), ["late", "old"]);
    world.nodes = racks(&["a", "b", "a"]);
    assert_eq!(world.read_after(&before), before);
    // The third node is now of both.
    let rack = ("rack".to_owned(), "c".to_owned());
    world.peers[0] = peer_with(
        "old",
        2,
        "192.0.2.1",
        "",
        json!({
            "nodeSelectors": [{"matchLabels": {"rack": "a"}}, {"matchLabels": {"side": "left"}}],
        }),
    );
    let before = world.read_after(&before);
    let labels = Labels::from([rack, ("side".to_owned(), "left".to_owned())]);
    world.nodes.insert(
        NodeName("n2".into()),
        Node {
            labels: labels.clone(),
            ..Node::default()
        },
    );
    let after = world.read_after(&before);
    assert!(said(&after, Kind::BGPPeer, "late").starts_with("Conflict: BGPPeer old is 192.0.2.1 too"));
    assert!(said(&after, Kind::BGPPeer, "late").ends_with("[stale]"));
    assert_eq!(
        (peers_of(&after, "a"), peers_of(&after, "b")),
        (vec!["old".into()], vec!["late".into()])
    );
    let of_both = after.peers_of(&labels);
    assert_eq!(
        of_both.iter().map(|peer| peer.name.clone()).collect::<Vec<_>>(),
        [PeerName("old".into())]
    );
    assert_eq!(world.read_after(&after), after);
}

/// P-CFG-37, P-OBS-8, P-OBS-9
#[test]
fn a_profile_that_is_missing_keeps_the_peer_back_until_it_is_there_and_takes_nothing_from_one_in_force() {
    let with_bfd = |hold: &str| {
        peer_with(
            "tor",
            1,
            "192.0.2.1",
            "",
            json!({"bfdProfile": "fast", "holdTime": hold}),
        )
    };
    let mut world = World::of_racks(&["a"]);
    world.peers = vec![with_bfd("90s")];
    let missing = world.read();
    assert_eq!(
        said(&missing, Kind::BGPPeer, "tor"),
        "MissingReference: bfdProfile: there is no BFDProfile fast: create it, or write another"
    );
    assert_eq!(peers(&missing), [""; 0]);
    world.profiles = vec![profile("fast", json!({"transmitInterval": 50}))];
    let there = world.read_after(&missing);
    assert_eq!(
        (said(&there, Kind::BGPPeer, "tor"), peers(&there)),
        (String::new(), vec!["tor".into()])
    );
    world.profiles[0] = profile("fast", json!({"transmitInterval": 60}));
    let edited = world.read_after(&there);
    let interval = |snapshot: &Snapshot| {
        let peer = snapshot.peers().next().unwrap();
        peer.live.bfd.as_ref().unwrap().transmit_interval.as_millis()
    };
    assert_eq!((interval(&there), interval(&edited)), (50, 60));
    world.profiles.clear();
    world.peers = vec![with_bfd("30s")];
    let gone = world.read_after(&edited);
    assert!(said(&gone, Kind::BGPPeer, "tor").ends_with("[stale]"));
    assert_eq!(
        (interval(&gone), gone.peers().next().unwrap().hold_time.as_secs()),
        (60, 90)
    );
}

/// P-CFG-30, P-CFG-31, D17
#[test]
fn a_profile_is_read_with_its_bounds_and_echo_mode_is_warned_of() {
    let mut world = World::of_racks(&[]);
    world.profiles = vec![
        profile("echo", json!({"echoMode": true, "echoInterval": 50})),
        profile("slow", json!({"receiveInterval": 60_001})),
        profile("once", json!({"detectMultiplier": 1})),
        profile("near", json!({"minimumTtl": 255})),
    ];
    world.peers = vec![peer_with(
        "tor",
        1,
        "2001:db8::1",
        "",
        json!({"bfdProfile": "echo"}),
    )];
    let snapshot = world.read();
    let echo = verdict(&snapshot, Kind::BFDProfile, "echo");
    assert_eq!((&echo.fault, echo.warnings[0].reason()), (&None, "NoEcho"));
    assert_eq!(peers(&snapshot), ["tor"]);
    let said = |name| said(&snapshot, Kind::BFDProfile, name);
    assert_eq!(
        said("slow"),
        "Invalid: receiveInterval is 60001: write 10 to 60000"
    );
    assert_eq!(said("once"), "Invalid: detectMultiplier is 1: write 2 to 255");
    assert_eq!(said("near"), "Invalid: minimumTtl is 255: write 1 to 254");
}

/// P-CFG-9, P-CFG-32, P-CFG-34, P-CFG-35
#[test]
fn the_names_of_communities_are_unique_and_their_values_are_communities() {
    let mut world = World::of_racks(&[]);
    world.communities = vec![
        community("old", 1, &[("a", "65000:1"), ("b", "large:1:2:3")]),
        community("new", 2, &[("c", "65000:2"), ("b", "65000:3")]),
        community("twice", 2, &[("d", "65000:1"), ("d", "large:1:2:3")]),
        community("wide", 2, &[("e", "65000:65536")]),
        community("number", 2, &[("65000", "65000:1")]),
    ];
    let snapshot = world.read();
    let said = |name| said(&snapshot, Kind::Community, name);
    assert_eq!(said("old"), "");
    assert_eq!(
        said("new"),
        "Conflict: communities[1]: Community old has the name \"b\" too: remove it from one of the two"
    );
    assert_eq!(
        said("twice"),
        "Invalid: communities[1] is the same as communities[0]: remove one of them"
    );
    assert_eq!(
        said("wide"),
        "Invalid: communities[0]: \"65536\" in \"65000:65536\" is no number from 0 to 65535"
    );
    assert!(
        said("number").starts_with("Invalid: communities[0]: \"65000\" cannot be the name of a community")
    );
}

/// P-CFG-37, P-CFG-38, P-BGP-54, P-BGP-56, P-BGP-57, P-OBS-10
#[test]
fn a_name_of_a_community_may_come_later_and_a_bad_value_is_wrong_at_once() {
    let mut world = World::of_racks(&[]);
    world.advertisements = vec![advertisement(
        "all",
        1,
        json!({"communities": ["65000:1", "no-transit"]}),
    )];
    let missing = world.read();
    assert_eq!(
        said(&missing, Kind::BGPAdvertisement, "all"),
        "MissingReference: communities[1]: no Community has the name \"no-transit\": create one that has, or write the community itself"
    );
    assert_eq!(advertised(&missing), [""; 0]);
    world.communities = vec![community("names", 1, &[("no-transit", "large:1:2:3")])];
    let there = world.read_after(&missing);
    let attributes = there.bgp_advertisements()[0].attributes.clone();
    assert_eq!(attributes.communities, ["65000:1".parse().unwrap()].into());
    assert_eq!(
        attributes.large_communities,
        ["large:1:2:3".parse().unwrap()].into()
    );
    world.communities.clear();
    let gone = world.read_after(&there);
    assert!(said(&gone, Kind::BGPAdvertisement, "all").ends_with("[stale]"));
    assert_eq!(gone.bgp_advertisements(), there.bgp_advertisements());
    for value in ["65000:65536", "rt:1:2", "large:1:2", "4259840100"] {
        world.advertisements = vec![advertisement("bad", 1, json!({"communities": [value]}))];
        let said = said(&world.read(), Kind::BGPAdvertisement, "bad");
        assert!(said.starts_with("Invalid: communities[0]: "), "{value}: {said}");
    }
}

/// P-CFG-6, P-CFG-8, P-CFG-9
#[test]
fn an_advertisement_that_is_wrong_by_itself_is_told_what_to_write() {
    for (spec, message) in [
        (
            json!({"aggregationLength": 33}),
            "aggregationLength is 33: write 1 to 32",
        ),
        (
            json!({"aggregationLengthV6": 129}),
            "aggregationLengthV6 is 129: write 1 to 128",
        ),
        (json!({"asPathPrepend": 11}), "asPathPrepend is 11: write 0 to 10"),
        (
            json!({"aggregationLength": 24, "serviceSelectors": [{}]}),
            "serviceSelectors needs each address announced by itself, and aggregationLength is 24, aggregationLengthV6 is 128",
        ),
        (
            json!({"ipPools": ["a", "a"]}),
            "ipPools[1] is the same as ipPools[0]",
        ),
        (json!({"peers": ["a", "a"]}), "peers[1] is the same as peers[0]"),
        (
            json!({"communities": ["1:1", "1:1"]}),
            "communities[1] is the same as communities[0]",
        ),
        (
            json!({"nodeSelectors": [{}, {}]}),
            "nodeSelectors[1] is the same as nodeSelectors[0]",
        ),
        (
            json!({"ipPoolSelectors": [{}, {}]}),
            "ipPoolSelectors[1] is the same as ipPoolSelectors[0]",
        ),
        (
            json!({"serviceSelectors": [{}, {}]}),
            "serviceSelectors[1] is the same as serviceSelectors[0]",
        ),
    ] {
        let mut world = World::of_racks(&[]);
        world.advertisements = vec![advertisement("bad", 1, spec.clone())];
        let said = said(&world.read(), Kind::BGPAdvertisement, "bad");
        assert!(said.starts_with(&format!("Invalid: {message}")), "{spec}: {said}");
    }
}

/// The warnings of an advertisement that is in force.
fn warned(addresses: &[&str], spec: Value) -> String {
    let mut world = World::of_racks(&[]);
    world.pools = vec![ip_pool("lan", "2026-01-01T00:00:00Z", addresses)];
    world.advertisements = vec![advertisement("all", 1, spec)];
    let snapshot = world.read();
    let name = ObjectName {
        kind: Kind::BGPAdvertisement,
        ..snapshot
            .verdicts()
            .keys()
            .find(|name| name.kind == Kind::BGPAdvertisement)
            .unwrap()
            .clone()
    };
    snapshot.verdicts()[&name]
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn whole_prefixes_are_aggregated_without_a_word() {
    assert_eq!(warned(&["192.0.2.0/24"], json!({"aggregationLength": 24})), "");
    assert_eq!(warned(&["192.0.2.10-192.0.2.130"], json!({})), "");
}

/// P-CFG-7
#[test]
fn an_aggregate_wider_than_every_prefix_of_a_pool_entry_is_refused() {
    let judged = |addresses: &[&str], spec: Value| {
        let mut world = World::of_racks(&[]);
        world.pools = vec![ip_pool("lan", "2026-01-01T00:00:00Z", addresses)];
        world.advertisements = vec![advertisement("all", 1, spec)];
        said(&world.read(), Kind::BGPAdvertisement, "all")
    };
    assert_eq!(judged(&["192.0.2.0/24"], json!({"aggregationLength": 24})), "");
    assert_eq!(
        judged(
            &["192.0.2.0/24", "198.51.100.0/25"],
            json!({"aggregationLength": 24})
        ),
        "Invalid: aggregationLength is 24, and 198.51.100.0/25 of IPPool lan has no prefix that short: write 25 or more, or leave the pool out"
    );
    // A range counts by the prefixes that it splits into: one of a /26 is enough. The rest of it is announced address by address, and
    // that is said.
    let split = ["192.0.2.10-192.0.2.130"];
    assert_eq!(judged(&split, json!({"aggregationLength": 26})), "");
    let warned = warned(&split, json!({"aggregationLength": 26}));
    assert!(
        warned.contains("aggregationLength is 26, and 192.0.2.10-192.0.2.130 of IPPool lan begins or ends within a prefix of that length"),
        "{warned}"
    );
    // People leave out the first and the last address of a prefix.
    let said = judged(&["192.168.2.1-192.168.2.254"], json!({"aggregationLength": 24}));
    assert!(
        said.contains("or 192.168.2.0/24 into the pool, with avoidBuggyIPs"),
        "{said}"
    );
    assert!(
        judged(&["192.0.2.10-192.0.2.130"], json!({"aggregationLength": 25})).contains("write 26 or more")
    );
    assert!(
        judged(&["2001:db8::/64"], json!({"aggregationLengthV6": 60})).contains("aggregationLengthV6 is 60")
    );
    assert_eq!(
        judged(
            &["192.0.2.0/25"],
            json!({"aggregationLength": 24, "ipPools": ["other"]})
        ),
        ""
    );
}

/// P-CFG-11
#[test]
fn advertisements_of_one_route_that_want_it_otherwise_are_refused() {
    let mut world = World::of_racks(&["a", "b"]);
    world.pools = vec![ip_pool("lan", "2026-01-01T00:00:00Z", &["192.0.2.0/24"])];
    let judged = |old: Value, new: Value| {
        let world = World {
            advertisements: vec![advertisement("new", 2, new), advertisement("old", 1, old)],
            ..world.clone()
        };
        let snapshot = world.read();
        assert_eq!(said(&snapshot, Kind::BGPAdvertisement, "old"), "");
        said(&snapshot, Kind::BGPAdvertisement, "new")
    };
    let rack = |rack: &str| json!([{"matchLabels": {"rack": rack}}]);
    assert_eq!(
        judged(json!({"localPref": 200}), json!({})),
        "Conflict: localPref differs from that of BGPAdvertisement old, which announces the same prefixes of IPPool lan from the same \
         nodes to the same peers: write the same in both, or let their pools, peers, nodes or aggregation lengths differ"
    );
    assert!(judged(json!({"med": 1}), json!({"med": 2})).starts_with("Conflict: med differs"));
    assert!(judged(json!({"asPathPrepend": 1}), json!({})).starts_with("Conflict: asPathPrepend differs"));
    assert!(judged(json!({"localPref": 1}), json!({"peers": ["x"]})).starts_with("Conflict"));
    assert!(judged(json!({"localPref": 1, "nodeSelectors": rack("a")}), json!({})).starts_with("Conflict"));
    for (old, new) in [
        (json!({"localPref": 100}), json!({})),
        (
            json!({"localPref": 1, "communities": ["1:1"]}),
            json!({"localPref": 1, "communities": ["1:2"]}),
        ),
        (json!({"localPref": 1, "aggregationLength": 24}), json!({})),
        (
            json!({"localPref": 1, "aggregationLengthV6": 64}),
            json!({"aggregationLength": 25}),
        ),
        (json!({"localPref": 1, "peers": ["x"]}), json!({"peers": ["y"]})),
        (
            json!({"localPref": 1, "nodeSelectors": rack("a")}),
            json!({"nodeSelectors": rack("b")}),
        ),
        (
            json!({"localPref": 1, "nodeSelectors": rack("nowhere")}),
            json!({}),
        ),
        (json!({"localPref": 1, "ipPools": ["other"]}), json!({})),
        // Where Services are selected it depends on them.
        (json!({"localPref": 1, "serviceSelectors": [{}]}), json!({})),
    ] {
        assert_eq!(judged(old.clone(), new.clone()), "", "{old} {new}");
    }
}

/// P-CFG-39
#[test]
fn an_advertisement_that_comes_to_conflict_without_an_edit_stays_in_force_and_yields() {
    let mut world = World::of_racks(&["a", "b"]);
    world.pools = vec![ip_pool("lan", "2026-01-01T00:00:00Z", &["192.0.2.0/24"])];
    let rack = |rack: &str| json!([{"matchLabels": {"rack": rack}}]);
    world.advertisements = vec![
        advertisement("new", 2, json!({"localPref": 1, "nodeSelectors": rack("c")})),
        advertisement("old", 1, json!({})),
    ];
    let before = world.read();
    assert_eq!(said(&before, Kind::BGPAdvertisement, "new"), "");
    world.nodes = racks(&["a", "c"]);
    let after = world.read_after(&before);
    assert!(said(&after, Kind::BGPAdvertisement, "new").ends_with("[stale]"));
    let yields: Vec<_> = after.bgp_advertisements().iter().map(|one| one.yields).collect();
    assert_eq!(
        (advertised(&after), yields),
        (vec!["new".into(), "old".into()], vec![true, false])
    );
    assert_eq!(world.read_after(&after), after);
    world.nodes = racks(&["a", "b"]);
    assert_eq!(world.read_after(&after), before);
}

/// P-CFG-39, F34
#[test]
fn an_object_that_cannot_be_read_keeps_its_last_good_form() {
    let mut world = World::of_racks(&["a"]);
    world.peers = vec![peer("tor", 1, "192.0.2.1", "")];
    let before = world.read();
    world.peers = vec![object(
        "BGPPeer",
        "tor",
        1,
        json!({"myASN": "many", "peerAddress": "192.0.2.1"}),
    )];
    let after = world.read_after(&before);
    assert!(said(&after, Kind::BGPPeer, "tor").starts_with("Malformed: cannot be read: spec.myASN: "));
    assert_eq!(peers(&after), ["tor"]);
    world.peers.clear();
    assert_eq!(peers(&world.read_after(&after)), [""; 0]);
}

/// The rules of the definitions and those here are two forms of the same: what the API server takes is in force, and what it
/// refuses is refused here too, where it can be read at all and is more than the form of a name.
#[test]
fn what_the_definitions_refuse_is_refused_here_too() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/definitions/tests/objects");
    let mut judged = 0;
    for (good, entry) in ["good", "bad"].into_iter().flat_map(|side| {
        let entries = std::fs::read_dir(folder.join(side)).unwrap();
        entries.map(move |entry| (side == "good", entry.unwrap().path()))
    }) {
        let text = std::fs::read_to_string(&entry).unwrap();
        let form_alone = [
            "unknown field",
            "cannot be the name of an IPPool",
            "the name of a BGPPeer",
            "the name of an interface",
            "the name of a Secret",
            "the name of a BFDProfile",
            "Duplicate value: \"a\"",
            "Duplicate value: \"b\"",
        ];
        let object: Value = serde_saphyr::from_str(&text).unwrap();
        let mut world = World::of_racks(&[]);
        world.communities = vec![community("names", 1, &[("no-transit", "65000:100")])];
        world.profiles = vec![profile("fast", json!({}))];
        match object["kind"].as_str().unwrap() {
            "BGPPeer" => world.peers = vec![serde_json::from_value(object.clone()).unwrap()],
            "BGPAdvertisement" => {
                world.advertisements = vec![serde_json::from_value(object.clone()).unwrap()]
            }
            "BFDProfile" => world
                .profiles
                .push(serde_json::from_value(object.clone()).unwrap()),
            "Community" => world.communities = vec![serde_json::from_value(object.clone()).unwrap()],
            _ => continue,
        }
        let expectation = text.lines().next().unwrap();
        if !good && form_alone.iter().any(|form| expectation.contains(form)) {
            continue;
        }
        let snapshot = world.read();
        let faults: Vec<_> = snapshot
            .verdicts()
            .values()
            .filter_map(|verdict| verdict.fault.as_ref())
            .collect();
        assert_eq!(faults.is_empty(), good, "{}: {faults:?}", entry.display());
        judged += 1;
    }
    assert!(judged > 80, "{judged}");
}
