//! Kinds of interfaces that not every test machine's kernel has: `make test-vm` runs these on one that has them all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::client::Client;
use crate::namespace::{Namespace, eventually};
use crate::node::Node;
use crate::segment::Segment;

mod vrf;

const VIPS: [&str; 2] = ["192.0.2.10", "2001:db8::10"];

fn give_addresses(namespace: &Namespace, iface: &str, last: u8) {
    namespace.ip(&format!("addr add 192.0.2.{last}/24 dev {iface}"));
    namespace.ip(&format!("addr add 2001:db8::{last}/64 dev {iface} nodad"));
}

/// `iface.7`, the VLAN 7 of `iface`, with addresses of the segment.
fn give_vlan(namespace: &Namespace, iface: &str, last: u8) {
    namespace.ip(&format!("link add link {iface} name {iface}.7 type vlan id 7"));
    namespace.ip(&format!("link set {iface}.7 up"));
    give_addresses(namespace, &format!("{iface}.7"), last);
}

/// The next reports, in any order, must be that `VIPS` are announced on `iface`.
#[track_caller]
fn announced(node: &Node, iface: &str) {
    let mut reports = VIPS.map(|_| node.report());
    reports.sort();
    assert_eq!(reports, VIPS.map(|vip| format!("announced {vip} on {iface}")));
}

/// A10
#[test]
#[ignore = "needs a kernel with VLANs (CONFIG_VLAN_8021Q): run `make test-vm`"]
fn an_interface_of_a_vlan_answers_within_it() {
    let segment = Segment::new();
    for (end, last) in [(&segment.node, 1), (&segment.client, 2)] {
        end.ip("addr flush dev eth0");
        give_vlan(end, "eth0", last);
    }
    let node = Node::start(&segment.node);
    node.hold(&VIPS);
    announced(&node, "eth0.7");
    for vip in VIPS {
        segment.resolves(vip, &segment.node.hardware_address("eth0.7"));
    }
    let untagged = Client::on(&segment.client, "eth0");
    untagged.say(&untagged.question(VIPS[0]).encode());
    let reply = untagged.reply_within(Duration::from_millis(500), VIPS[0]);
    assert_eq!(reply, None, "nobody answers outside of the VLAN");
}

/// A node whose bond has two ports on a switch, with a VLAN on the bond; a client in the same VLAN.
fn bonded() -> (Segment, Namespace) {
    let segment = Segment {
        node: Namespace::new("node"),
        client: Namespace::new("client"),
    };
    let switch = Namespace::new("switch");
    switch.ip("link add br0 type bridge mcast_snooping 0");
    switch.ip("link set br0 up");
    segment
        .node
        .ip("link add bond0 type bond mode active-backup miimon 50");
    for (host, iface, port) in [
        (&segment.node, "eth0", "first"),
        (&segment.node, "eth1", "second"),
        (&segment.client, "eth0", "client"),
    ] {
        host.wire(iface, &switch, port);
        switch.ip(&format!("link set {port} master br0"));
    }
    for port in ["eth0", "eth1"] {
        segment.node.ip(&format!("link set {port} down"));
        segment.node.ip(&format!("link set {port} master bond0"));
        segment.node.ip(&format!("link set {port} up"));
    }
    segment.node.ip("link set bond0 up");
    give_vlan(&segment.node, "bond0", 1);
    give_vlan(&segment.client, "eth0", 2);
    (segment, switch)
}

/// The port of the bond that carries frames.
fn active_port(node: &Namespace) -> String {
    let bond = node.ip("-d -o link show dev bond0");
    let mut words = bond.split_whitespace().skip_while(|word| *word != "active_slave");
    words.nth(1).unwrap_or_default().to_owned()
}

/// P-L2-48, A10: the addresses stay where they are, and answer by the port that is left.
#[test]
#[ignore = "needs a kernel with bonds and VLANs (CONFIG_BONDING, CONFIG_VLAN_8021Q): run `make test-vm`"]
fn a_vlan_on_a_bond_goes_on_when_the_active_port_fails() {
    let (segment, switch) = bonded();
    let hardware = segment.node.hardware_address("bond0.7");
    let node = Node::start(&segment.node);
    node.hold(&VIPS);
    announced(&node, "bond0.7");
    let resolve = || {
        segment.client.ip("neigh flush dev eth0.7");
        for vip in VIPS {
            eventually(&format!("{vip} is at {hardware}"), || {
                segment.client.output("ping", &format!("-c 1 -W 0.1 {vip}"));
                segment.entry(vip).as_deref() == Some(hardware.as_str())
            });
        }
    };
    resolve();
    let first = active_port(&segment.node);
    let (unplugged, other) = match first.as_str() {
        "eth0" => ("first", "eth1"),
        "eth1" => ("second", "eth0"),
        other => panic!("no port is active: {other:?}"),
    };
    switch.ip(&format!("link set {unplugged} down"));
    eventually("the other port is active", || active_port(&segment.node) == other);
    resolve();
    node.has_nothing_to_report();
}

/// A node on which kube-proxy in IPVS mode serves 192.0.2.10:80 from a pod at 10.0.0.2: the address is on `kube-ipvs0`, as
/// kube-proxy puts it there.
fn balanced() -> (Segment, Namespace) {
    let segment = Segment::new();
    let pod = Namespace::new("pod");
    segment.node.wire("veth0", &pod, "eth0");
    segment.node.ip("addr add 10.0.0.1/24 dev veth0");
    pod.ip("addr add 10.0.0.2/24 dev eth0");
    pod.ip("route add default via 10.0.0.1");
    segment.node.output("sysctl", "-qw net.ipv4.ip_forward=1");
    segment.node.ip("link add kube-ipvs0 type dummy");
    segment.node.ip("addr add 192.0.2.10/32 dev kube-ipvs0");
    for command in [
        "-A -t 192.0.2.10:80 -s rr",
        "-a -t 192.0.2.10:80 -r 10.0.0.2:80 -m",
    ] {
        let output = segment.node.output("ipvsadm", command);
        assert!(output.status.success(), "ipvsadm {command}: {output:?}");
    }
    (segment, pod)
}

fn is_strict(node: &Namespace, strict: bool) {
    let (ignore, announce) = if strict { (1, 2) } else { (0, 0) };
    node.output("sysctl", &format!("-qw net.ipv4.conf.all.arp_ignore={ignore}"));
    node.output(
        "sysctl",
        &format!("-qw net.ipv4.conf.all.arp_announce={announce}"),
    );
}

/// F29: without strictARP the kernel of any node answers, whoever holds the address; with it nobody does but the speaker,
/// and what comes in is served by IPVS.
#[test]
#[ignore = "needs a kernel with IPVS and dummy interfaces (CONFIG_IP_VS, CONFIG_DUMMY): run `make test-vm`"]
fn an_address_of_ipvs_is_answered_for_by_the_speaker_alone_where_arp_is_strict() {
    let (segment, pod) = balanced();
    is_strict(&segment.node, false);
    assert!(
        segment.is_answered(VIPS[0]),
        "the kernel answers for what kube-proxy has put on the node"
    );
    is_strict(&segment.node, true);
    assert!(!segment.is_answered(VIPS[0]), "nobody holds it");
    let serving = pod.spawn(|| {
        let (mut stream, _) = TcpListener::bind("10.0.0.2:80").unwrap().accept().unwrap();
        stream.write_all(b"served").unwrap();
    });
    let node = Node::start(&segment.node);
    node.hold(&[VIPS[0]]);
    node.reports("announced 192.0.2.10 on eth0");
    segment.resolves(VIPS[0], &segment.node.hardware_address("eth0"));
    let asking = segment.client.spawn(|| {
        let mut served = String::new();
        let address = "192.0.2.10:80".parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
        stream.read_to_string(&mut served).unwrap();
        served
    });
    assert_eq!(asking.join().unwrap(), "served");
    serving.join().unwrap();
}
