//! Several speakers on one segment: they agree by themselves who answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use claim::{Key, Keys, UnitId};
use model::NodeName;
use speaker::decide::wanted::{Unit, Wanted};
use speaker::layer2::announcer::{Agreeing, Interfaces, Memory};
use speaker::watch::departure::Shutdown;
use speaker::watch::speakers::Speakers;
use tokio::sync::watch;

use crate::namespace::{Namespace, eventually};
use crate::node::Node;

pub(crate) const VIPS: [&str; 2] = ["192.0.2.100", "192.0.2.101"];

/// Hosts on a switch: speakers, and a client.
pub(crate) struct Fabric {
    switch: Namespace,
    pub(crate) client: Namespace,
    pub(crate) hosts: Vec<Host>,
}

pub(crate) struct Host {
    name: String,
    pub(crate) namespace: Namespace,
    pub(crate) speaker: Option<Node>,
    leave: watch::Sender<Option<Shutdown>>,
    memory: Memory,
    keys: watch::Sender<Keys>,
    able: watch::Sender<bool>,
    fresh: watch::Sender<bool>,
    speakers: watch::Sender<Arc<Speakers>>,
}

pub(crate) fn keys() -> Keys {
    Keys {
        seal: Key::new([7; 32]),
        open: Vec::new(),
    }
}

impl Fabric {
    pub(crate) fn new(hosts: usize) -> Self {
        let mut fabric = Self::plugged(hosts, &["eth0"]);
        fabric.start();
        fabric
    }

    /// Hosts with these interfaces each, all of them on one switch; no speaker runs yet.
    pub(crate) fn plugged(hosts: usize, ifaces: &[&str]) -> Self {
        let switch = Namespace::new("switch");
        switch.ip("link add br0 type bridge");
        switch.ip("link set br0 up");
        let plug = |host: &Namespace, number: usize, (nth, iface): (usize, &&str)| {
            let port = match nth {
                0 => format!("port{number}"),
                nth => format!("port{number}-{nth}"),
            };
            switch.wire(&port, host, iface);
            switch.ip(&format!("link set {port} master br0"));
            host.ip(&format!(
                "addr add 192.0.2.{}/24 dev {iface}",
                number + 1 + 10 * nth
            ));
            host.ip("link set lo up");
        };
        let client = Namespace::new("client");
        plug(&client, 0, (0, &"eth0"));
        let mut fabric = Self {
            client,
            hosts: Vec::new(),
            switch: Namespace::new("spare"),
        };
        for number in 1..=hosts {
            let namespace = Namespace::new(&format!("n{number}"));
            for iface in ifaces.iter().enumerate() {
                plug(&namespace, number, iface);
            }
            fabric.hosts.push(Host::on(namespace, format!("n{number}")));
        }
        fabric.switch = switch;
        fabric
    }

    /// Starts the speakers of all hosts.
    pub(crate) fn start(&mut self) {
        let wanted = self.wanted();
        for host in &mut self.hosts {
            host.start(wanted.clone());
        }
    }

    /// Two units that every host may hold.
    fn wanted(&self) -> Wanted {
        let nodes: Vec<NodeName> = self
            .hosts
            .iter()
            .map(|host| NodeName(host.name.clone()))
            .collect();
        let candidates: BTreeMap<NodeName, u32> = nodes.iter().map(|node| (node.clone(), 0)).collect();
        let candidates = Arc::new(candidates);
        let unit = |vip: &&str| {
            let ip: IpAddr = vip.parse().unwrap();
            let unit = Unit {
                addresses: [(ip, Interfaces::All)].into(),
                candidates: candidates.clone(),
                ..Unit::default()
            };
            (UnitId(ip), unit)
        };
        Wanted {
            units: VIPS.iter().map(unit).collect(),
            possible: nodes.into_iter().collect(),
            ..Wanted::default()
        }
    }

    /// The hardware addresses in the answers to the client's broadcast questions for an address.
    pub(crate) fn hardware_of(&self, vip: &str) -> BTreeSet<String> {
        let output = self
            .client
            .output("arping", &format!("-b -c 2 -w 1 -I eth0 {vip}"));
        let text = String::from_utf8(output.stdout).unwrap().to_lowercase();
        let named = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
        named.map(|(hardware, _)| hardware.to_owned()).collect()
    }

    /// Who answers the client's broadcast question for an address: the hosts, each once.
    fn answering(&self, vip: &str) -> Vec<String> {
        let hardware = self.hardware_of(vip);
        let answers = |host: &&Host| hardware.contains(&host.namespace.hardware_address("eth0"));
        self.hosts
            .iter()
            .filter(answers)
            .map(|host| host.name.clone())
            .collect()
    }

    /// The one host that answers, once there is one.
    pub(crate) fn holder(&self, vip: &str) -> usize {
        let mut found = None;
        eventually(&format!("one host answers for {vip}"), || {
            let answering = self.answering(vip);
            found = self
                .hosts
                .iter()
                .position(|host| answering == [host.name.clone()]);
            found.is_some()
        });
        found.unwrap()
    }

    /// Every speaker knows of the others what their Speakers show.
    fn introduce(&self) {
        let known = self.hosts.iter().enumerate().map(|(number, host)| {
            let mac = host.namespace.hardware_address("eth0");
            let octets = mac.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap());
            let speaker = claim::KnownSpeaker {
                macs: [octets.collect::<Vec<_>>().try_into().unwrap()].into(),
                addresses: [IpAddr::from([192, 0, 2, u8::try_from(number + 2).unwrap()])].into(),
            };
            (NodeName(host.name.clone()), speaker)
        });
        let known: Speakers = known.collect();
        for host in &self.hosts {
            let others = known.iter().filter(|(node, _)| node.0 != host.name);
            let others = others.map(|(node, speaker)| (node.clone(), speaker.clone()));
            host.speakers.send_replace(Arc::new(others.collect()));
        }
    }

    pub(crate) fn cable(&self, host: usize, state: &str) {
        self.switch.ip(&format!("link set port{} {state}", host + 1));
    }
}

impl Host {
    fn on(namespace: Namespace, name: String) -> Self {
        Self {
            name,
            namespace,
            speaker: None,
            leave: watch::channel(None).0,
            memory: Memory::new(BTreeMap::new()),
            keys: watch::channel(keys()).0,
            able: watch::channel(true).0,
            fresh: watch::channel(true).0,
            speakers: watch::channel(Arc::default()).0,
        }
    }

    fn start(&mut self, wanted: Wanted) {
        self.leave.send_replace(None);
        let speaker = Node::agreeing(
            &self.namespace,
            Agreeing {
                port: claim::PORT,
                me: NodeName(self.name.clone()),
                settings: claim::Settings::default(),
                keys: self.keys.subscribe(),
                able: self.able.subscribe(),
                fresh: self.fresh.subscribe(),
                speakers: self.speakers.subscribe(),
                leave: self.leave.subscribe(),
                memory: self.memory.clone(),
            },
        );
        speaker.want(wanted);
        self.speaker = Some(speaker);
    }

    /// Nothing of what other speakers say arrives, or all of it does.
    fn drop_datagrams(&self, drop: bool) {
        let rules = match drop {
            true => {
                "add table inet filter; add chain inet filter input { type filter hook input priority 0; }; \
                     add rule inet filter input udp dport 7950 drop"
            }
            false => "delete table inet filter",
        };
        let output = self.namespace.output("nft", rules);
        assert!(output.status.success(), "{output:?}");
    }

    /// How many speakers it sees that it does not hear.
    fn unheard(&self) -> usize {
        let statistics = &self.speaker.as_ref().unwrap().statistics;
        statistics
            .snapshot()
            .values()
            .map(|interface| interface.unheard)
            .sum()
    }

    fn answers_itself(&self) {
        let statistics = &self.speaker.as_ref().unwrap().statistics;
        eventually("the speaker holds something", || {
            statistics.snapshot().values().any(|interface| interface.held > 0)
        });
    }

    fn leave(&mut self, how: Shutdown) {
        self.leave.send_replace(Some(how));
        self.speaker.take().unwrap().leave();
    }
}

/// S3, P-L2-12, P-L2-16, P-L2-31, P-L2-33
#[test]
fn one_of_several_answers_another_takes_over_and_nothing_moves_back() {
    let fabric = Fabric::new(3);
    let first = fabric.holder(VIPS[0]);
    fabric.cable(first, "down");
    let second = fabric.holder(VIPS[0]);
    assert_ne!(first, second);
    fabric.cable(first, "up");
    eventually("the first is heard again", || {
        fabric.answering("192.0.2.100").len() == 1
    });
    assert_eq!(fabric.holder(VIPS[0]), second);
}

/// F1, F2: a speaker that is replaced keeps what it holds; one that goes for good hands it over.
#[test]
fn a_speaker_that_returns_has_what_it_had_and_one_that_leaves_has_not() {
    let mut fabric = Fabric::new(3);
    let wanted = fabric.wanted();
    let first = fabric.holder(VIPS[0]);
    fabric.hosts[first].leave(Shutdown::Restart);
    assert_eq!(
        fabric.holder(VIPS[0]),
        first,
        "a surrogate answers with its address"
    );
    fabric.hosts[first].start(wanted);
    fabric.hosts[first].answers_itself();
    assert_eq!(fabric.holder(VIPS[0]), first);
    fabric.hosts[first].leave(Shutdown::HandOver);
    assert_ne!(fabric.holder(VIPS[0]), first);
}

/// Speakers that cannot hear each other see each other by ARP: one of them answers, each tells that it hears nobody, and all is as
/// before once they hear each other.
#[test]
fn of_speakers_that_do_not_hear_each_other_one_answers_and_all_say_so() {
    let fabric = Fabric::new(3);
    fabric.introduce();
    let first = fabric.holder(VIPS[0]);
    fabric.hosts.iter().for_each(|host| host.drop_datagrams(true));
    eventually("all tell that they hear nobody", || {
        fabric.hosts.iter().all(|host| host.unheard() == 2)
    });
    assert_eq!(fabric.holder(VIPS[0]), first);
    fabric.hosts.iter().for_each(|host| host.drop_datagrams(false));
    eventually("all hear somebody", || {
        fabric.hosts.iter().all(|host| host.unheard() == 0)
    });
    assert_eq!(fabric.holder(VIPS[0]), first);
}

/// And so it is from the first on, when no speaker has ever heard another.
#[test]
fn of_speakers_that_begin_without_hearing_each_other_one_answers() {
    let mut fabric = Fabric::new(3);
    fabric.introduce();
    let wanted = fabric.wanted();
    fabric.hosts.iter().for_each(|host| host.drop_datagrams(true));
    for host in &mut fabric.hosts {
        host.speaker = None;
        host.memory = Memory::new(BTreeMap::new());
        host.start(wanted.clone());
    }
    eventually("all tell that they hear nobody", || {
        fabric.hosts.iter().all(|host| host.unheard() == 2)
    });
    for vip in VIPS {
        fabric.holder(vip);
    }
}

/// A speaker that has not heard from the API lately gives way to those that have, and by whose facts it must not answer.
#[test]
fn a_speaker_with_old_facts_is_relieved_by_those_with_new_ones() {
    let fabric = Fabric::new(3);
    let first = fabric.holder(VIPS[0]);
    fabric.hosts[first].fresh.send_replace(false);
    let mut wanted = fabric.wanted();
    for unit in wanted.units.values_mut() {
        let mut without = BTreeMap::clone(&unit.candidates);
        without.remove(&NodeName(fabric.hosts[first].name.clone()));
        unit.candidates = Arc::new(without);
    }
    let others = fabric.hosts.iter().enumerate().filter(|(host, _)| *host != first);
    for (_, host) in others {
        host.speaker.as_ref().unwrap().want(wanted.clone());
    }
    eventually("one of the others answers", || {
        let answering = fabric.answering(VIPS[0]);
        answering.len() == 1 && answering[0] != fabric.hosts[first].name
    });
}
