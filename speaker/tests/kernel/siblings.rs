//! Nodes that have two interfaces on one LAN.

use std::collections::{BTreeMap, BTreeSet};

use crate::agreeing::{Fabric, VIPS};
use crate::namespace::eventually;

const IFACES: [&str; 2] = ["eth0", "eth1"];

/// Which families the interfaces take part in.
#[derive(Clone, Copy)]
enum Stacks {
    Ipv4Alone,
    Both,
}

/// What the speakers last said of each interface: whether they only listen there.
#[derive(Default)]
struct Listening(BTreeMap<(usize, String), bool>);

impl Listening {
    fn note(&mut self, fabric: &Fabric) {
        for (number, host) in fabric.hosts.iter().enumerate() {
            for report in host.speaker.as_ref().unwrap().reports_so_far() {
                if let Some((iface, listening)) = report
                    .strip_prefix("listening on ")
                    .and_then(|rest| rest.split_once(": "))
                {
                    self.0.insert((number, iface.to_owned()), listening == "true");
                }
            }
        }
    }

    /// Whether both interfaces of each host have said so and none does so any more.
    fn is_over(&self, hosts: usize) -> bool {
        self.0.len() == hosts * IFACES.len() && self.0.values().all(|listening| !listening)
    }
}

fn one_interface_answers(stacks: Stacks) {
    let mut fabric = Fabric::plugged(3, &IFACES);
    let settings: &[&str] = match stacks {
        // Else the second one would hear nobody by IPv4, for the way back is by the first.
        Stacks::Ipv4Alone => &["ipv6.conf.all.disable_ipv6=1", "ipv4.conf.all.rp_filter=0"],
        Stacks::Both => &["ipv4.conf.all.rp_filter=1"],
    };
    for host in &fabric.hosts {
        for setting in settings {
            host.namespace.output("sysctl", &format!("-qw net.{setting}"));
        }
    }
    fabric.start();
    let hosts = fabric.hosts.len();
    let mut listening = Listening::default();
    eventually("no speaker listens on either interface", || {
        listening.note(&fabric);
        listening.is_over(hosts)
    });
    let firsts: BTreeSet<String> = fabric
        .hosts
        .iter()
        .map(|host| host.namespace.hardware_address("eth0"))
        .collect();
    let answered_by_one = |vip: &str| {
        let hardware = fabric.hardware_of(vip);
        hardware.len() == 1 && hardware.is_subset(&firsts)
    };
    for vip in VIPS {
        eventually("one interface answers", || answered_by_one(vip));
    }
    for vip in VIPS {
        assert!(
            answered_by_one(vip),
            "and it stays so: {:?}",
            fabric.hardware_of(vip)
        );
    }
    let first = fabric.holder(VIPS[0]);
    fabric.cable(first, "down");
    eventually("one interface answers, and not the one without a cable", || {
        let hardware = fabric.hardware_of(VIPS[0]);
        let lost = fabric.hosts[first].namespace.hardware_address("eth0");
        hardware.len() == 1 && !hardware.contains(&lost)
    });
}

#[test]
fn one_of_two_interfaces_on_one_lan_answers_and_neither_keeps_its_speaker_waiting() {
    one_interface_answers(Stacks::Both);
}

/// IPv4 copies of what the node itself sends are dropped by its kernel.
#[test]
fn one_of_two_interfaces_on_one_lan_answers_where_there_is_no_ipv6() {
    one_interface_answers(Stacks::Ipv4Alone);
}
