//! What fuzz targets need to get past the seal, which no mutation would. Not there in any other build.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use model::NodeName;

use crate::facts::Facts;
use crate::identity::Node;
use crate::own::{Held, Own};
use crate::rules::decide;
use crate::view::{Hearing, Neighbor, View};
use crate::wire::{Claim, Header, Kind, Message, name_octets};
use crate::{BootId, Key, Settings, Status, Takes, Unit, UnitId};

/// A datagram of a speaker that has the key, whatever it says.
pub fn sealed(key: &Key, node: &NodeName, boot: BootId, sequence: u64, message: &[u8]) -> Vec<u8> {
    let header = Header {
        key: key.id(),
        boot,
        sequence,
        name: node.clone(),
    };
    let sealer = key.of_sender(name_octets(node), boot);
    sealer.seal(sequence, header.encode(), message.to_vec())
}

/// Decodes a header and a message; whether what can be decoded encodes to what decodes to the same.
pub fn decodes_alike(octets: &[u8]) -> bool {
    let header = Header::decode(octets).is_ok_and(|(header, _, _)| {
        let again = header.encode();
        Header::decode(&again).is_ok_and(|(value, _, _)| value == header)
    });
    let message =
        Message::decode(octets).is_ok_and(|message| Message::decode(&message.encode()) == Ok(message));
    (header || Header::decode(octets).is_err()) && (message || Message::decode(octets).is_err())
}

/// Has the rules decide, several times, about two units that three other nodes claim as the octets say. Whether this node took
/// nothing that it could not answer for, and nothing before it may.
pub fn decides_well(begun: Instant, octets: &[u8]) -> bool {
    let mut octets = octets.iter().copied().chain(std::iter::repeat(0));
    let mut next = move || octets.next().unwrap_or(0);
    let names: Vec<NodeName> = ["a", "b", "c", "d"].map(|name| NodeName(name.to_owned())).into();
    let units = [1, 2].map(|last| UnitId([192, 0, 2, last].into()));
    let facts = units.map(|unit| (unit, any_unit(unit, &names, next())));
    let facts = Facts::new(begun, &facts.into(), &Facts::default(), Duration::from_secs(5));
    let mut own = Own {
        able: next() % 2 == 0,
        drain: next() % 2 == 0,
        fresh: next() % 2 == 0,
        leaving: (next() % 8 == 0).then_some(begun),
        ..Own::default()
    };
    if next() % 2 == 0 {
        own.claims
            .insert(units[0], Held::taken(begun, next() % 2 == 0, next().into()));
    }
    let mut now = begun;
    for _ in 0..4 {
        now += Duration::from_millis(u64::from(next()) * 2);
        let told: Vec<_> = (0..3)
            .map(|_| {
                (
                    any_claims(&units, [next(), next()]),
                    BTreeMap::from([(units[1], next() % 3)]),
                )
            })
            .collect();
        let peers: BTreeMap<Node, Neighbor<'_>> = (1..4)
            .zip(&told)
            .map(|(i, (claims, takes))| {
                let node = Node::of(&names[i]);
                (node, any_peer(now, node, claims, takes, [next(), next()]))
            })
            .collect();
        let bits = next();
        let view = View {
            me: Node::of(&names[0]),
            settings: Settings::default(),
            ready: bits & 1 == 0,
            carrier: bits & 2 == 0,
            alone: false,
            majority: (bits & 4 == 0).then_some(begun),
            hearing: Hearing {
                works: bits & 8 == 0,
                without_peers: bits & 16 == 0,
                last: now,
            },
            unheard: (bits & 32 == 0)
                .then(|| Node::of(&names[3]))
                .into_iter()
                .collect::<BTreeSet<_>>(),
            unopened: bits & 64 == 0,
            peers,
        };
        let decision = decide(now, &view, &facts, &own);
        let new = decision
            .own
            .claims
            .keys()
            .filter(|unit| !own.claims.contains_key(unit));
        for unit in new {
            let facts = &facts.units[unit];
            let could = facts.candidates.contains_key(&view.me) && facts.takes_at(now) > 0;
            if !could || !view.ready {
                return false;
            }
        }
        own = decision.own;
    }
    true
}

fn any_unit(unit: UnitId, names: &[NodeName], bits: u8) -> Unit {
    let candidates = names.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 0);
    let second: IpAddr = [192, 0, 2, 200].into();
    Unit {
        addresses: [unit.0, second].into(),
        candidates: candidates
            .map(|(_, name)| (name.clone(), u32::from(bits >> 7)))
            .collect::<BTreeMap<_, _>>()
            .into(),
        terminating: BTreeSet::from([names[usize::from(bits % 4)].clone()]).into(),
        takes: match bits >> 4 & 3 {
            0 => Takes::None,
            1 => Takes::Part([second].into()),
            _ => Takes::All,
        },
        ..Unit::default()
    }
}

fn any_claims(units: &[UnitId], kinds: [u8; 2]) -> BTreeMap<UnitId, Claim> {
    let kind = |code: u8| match code % 7 {
        0 => Some(Kind::Leaving),
        1 => Some(Kind::ForBetter { takes: code % 3 }),
        2 => Some(Kind::Weak),
        3 => Some(Kind::Strong),
        4 => Some(Kind::Offered {
            to: Node::of(&NodeName("a".to_owned())),
            fresh: code,
        }),
        _ => None,
    };
    let claim = |(unit, code): (&UnitId, u8)| {
        let (kind, term) = (kind(code)?, u32::from(code >> 5));
        Some((*unit, Claim { kind, term }))
    };
    units.iter().zip(kinds).filter_map(claim).collect()
}

fn any_peer<'a>(
    now: Instant,
    node: Node,
    claims: &'a BTreeMap<UnitId, Claim>,
    takes: &'a BTreeMap<UnitId, u8>,
    [status, bits]: [u8; 2],
) -> Neighbor<'a> {
    let all = [
        Status::Ready,
        Status::Listening,
        Status::Draining,
        Status::Unable,
        Status::OneWay,
        Status::Missing,
        Status::SpeakerLost,
        Status::Dead,
    ];
    let ago = now
        .checked_sub(Duration::from_millis(status.into()))
        .unwrap_or(now);
    Neighbor {
        node,
        status: all[usize::from(status) % all.len()],
        since: ago,
        late: bits & 1 == 0,
        late_at: ago,
        away: (bits & 2 == 0).then_some(ago),
        keeps: bits & 4 == 0,
        former: bits & 8 == 0,
        heard_until: now,
        silent_since: (bits & 16 == 0).then_some(ago),
        fresh: bits & 32 == 0,
        leaving: bits & 64 == 0,
        takes,
        claims,
        unknown_until: None,
        mac: [2, 0, 0, 0, 0, 1],
    }
}
