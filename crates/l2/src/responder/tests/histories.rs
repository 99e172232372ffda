//! Anything may happen in any order: what is said is true, and nothing else is said.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::responder::first_use::FIRST_WAIT;

/// What may happen, about one of few addresses and stations so that they meet.
#[derive(Clone, Debug)]
enum Happening {
    Hold(IpAddr),
    Release(IpAddr),
    Surrogate(IpAddr, Mac),
    Interface(Mac, BTreeSet<IpAddr>),
    CarrierUp,
    Cluster(BTreeSet<Mac>),
    Siblings(BTreeSet<Mac>),
    Yielding(BTreeSet<IpAddr>),
    Probe(IpAddr, Option<Mac>),
    FirstUse(IpAddr),
    Question(IpAddr),
    Claim(IpAddr, Mac),
    Octets(Vec<u8>),
    Time(Duration),
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop::sample::select(vec![HELD.into(), OTHER.into(), HELD6.into(), OTHER6.into()])
}

fn station() -> impl Strategy<Value = Mac> {
    prop::sample::select(vec![ours(), theirs(), mac(3), mac(4), stranger()])
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let addresses = || prop::collection::btree_set(address(), 0..4);
    let stations = || prop::collection::btree_set(station(), 0..4);
    prop_oneof![
        3 => address().prop_map(H::Hold),
        1 => address().prop_map(H::Release),
        2 => (address(), station()).prop_map(|(address, mac)| H::Surrogate(address, mac)),
        1 => (prop::sample::select(vec![ours(), mac(9)]), addresses()).prop_map(|(mac, own)| H::Interface(mac, own)),
        1 => Just(H::CarrierUp),
        1 => stations().prop_map(H::Cluster),
        1 => stations().prop_map(H::Siblings),
        2 => addresses().prop_map(H::Yielding),
        1 => (address(), prop::option::of(station())).prop_map(|(address, mac)| H::Probe(address, mac)),
        1 => address().prop_map(H::FirstUse),
        3 => address().prop_map(H::Question),
        4 => (address(), station()).prop_map(|(address, mac)| H::Claim(address, mac)),
        1 => prop::collection::vec(any::<u8>(), 0..100).prop_map(H::Octets),
        4 => (0..20_000u64).prop_map(|time| H::Time(Duration::from_millis(time))),
    ]
}

/// What the responder was told, kept the plainest way.
struct Told {
    own: Mac,
    roles: BTreeMap<IpAddr, Option<Mac>>,
    yielding: BTreeSet<IpAddr>,
    /// Those that may still be asked for before they are used.
    asking: BTreeSet<IpAddr>,
}

impl Told {
    fn station(&self, address: IpAddr) -> Option<Mac> {
        self.roles.get(&address).map(|holder| holder.unwrap_or(self.own))
    }

    /// The frame says where an address is: it must be one that is answered for, and there.
    fn check(&self, sent: &Sent) {
        let (source, said) = match sent {
            Sent::Arp(frame) if frame.asks() => (frame.source, None),
            Sent::Arp(frame) => (frame.source, Some((frame.sender_address.into(), frame.sender))),
            Sent::Question(frame) => (frame.source, None),
            Sent::Answer(frame) => (frame.source, Some((frame.target.into(), frame.sender()))),
        };
        assert_eq!(source, self.own, "{sent:?}");
        if let Some((address, mac)) = said {
            assert_eq!(self.station(address), Some(mac), "{sent:?}");
        }
    }
}

fn apply(bench: &mut Bench, told: &mut Told, happening: Happening) {
    match happening {
        Happening::Hold(address) => {
            told.roles.insert(address, None);
            bench.input(Input::Hold(address));
        }
        Happening::Release(address) => {
            told.roles.remove(&address);
            bench.input(Input::Release(address));
        }
        Happening::Surrogate(address, mac) => {
            told.roles.insert(address, Some(mac));
            bench.input(Input::Surrogate { address, mac });
        }
        Happening::Interface(mac, addresses) => {
            told.own = mac;
            bench.input(Input::Interface { mac, addresses });
        }
        Happening::CarrierUp => bench.input(Input::CarrierUp),
        Happening::Cluster(cluster) => bench.input(Input::Cluster(cluster)),
        Happening::Siblings(siblings) => bench.input(Input::Siblings(siblings)),
        Happening::Yielding(yielding) => {
            told.yielding.clone_from(&yielding);
            bench.input(Input::Yielding(yielding));
        }
        Happening::Probe(address, mac) => bench.input(Input::Probe { address, mac }),
        Happening::FirstUse(address) => {
            if told
                .roles
                .insert(address, told.roles.get(&address).copied().flatten())
                .is_none()
            {
                told.asking.insert(address);
            }
            bench.input(Input::FirstUse(address));
        }
        Happening::Question(address) => {
            bench.hear(question_for(address));
            // Who is not answered is one that nobody is to answer, or that is left to a stranger.
            let has_answer = !bench.sent.is_empty();
            assert!(!has_answer || told.roles.contains_key(&address));
            assert!(
                has_answer
                    || !told.roles.contains_key(&address)
                    || told.yielding.contains(&address)
                    || told.asking.contains(&address)
                    || told.own == theirs()
            );
        }
        Happening::Claim(address, mac) => bench.hear(claim_of(mac, address)),
        Happening::Octets(octets) => bench.input(Input::Frame(&octets)),
        Happening::Time(time) => {
            if time > FIRST_WAIT {
                told.asking.clear();
            }
            bench.run_for(time);
        }
    }
}

proptest! {
    #[test]
    fn nothing_but_the_truth_is_said(happenings in prop::collection::vec(happening(), 0..60)) {
        let mut bench = Bench::new(Settings::default());
        let mut told = Told { own: ours(), roles: BTreeMap::new(), yielding: BTreeSet::new(), asking: BTreeSet::new() };
        for happening in happenings {
            apply(&mut bench, &mut told, happening);
            for sent in bench.take() {
                told.check(&sent);
            }
            let held: Vec<IpAddr> = bench.responder.held().collect();
            prop_assert!(held.iter().eq(told.roles.keys()));
            let interest = bench.responder.interest();
            prop_assert!(interest.held.iter().eq(told.roles.keys()));
        }
        // When everything is given up, there is quiet, but for answers that are still let through.
        for address in told.roles.into_keys() {
            bench.input(Input::Release(address));
        }
        bench.run_for(Duration::from_secs(10));
        bench.sent.clear();
        prop_assert_eq!(bench.responder.poll_timeout(), None);
    }
}
