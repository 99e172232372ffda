use super::*;
use crate::identity::Node;
use crate::wire::{Kind, Message};

fn unit(last: u8) -> UnitId {
    UnitId([192, 0, 2, last].into())
}

fn claims(units: impl IntoIterator<Item = u8>) -> BTreeMap<UnitId, Claim> {
    let claim = |last: u8| {
        let (kind, term) = (Kind::Weak, u32::from(last));
        (unit(last), Claim { kind, term })
    };
    units.into_iter().map(claim).collect()
}

/// Gives a receiver what was said; the beacon that follows shows whether something is missing.
fn hear(received: &mut Received, messages: Vec<Message>) {
    for message in messages {
        match message {
            Message::Changes { from, entries, .. } => {
                received.change(from, entries);
            }
            Message::Set {
                version,
                part,
                parts,
                claims,
            } => {
                received.part(version, part, parts, claims);
            }
            Message::Beacon(_) | Message::Request { .. } => {}
        }
    }
}

fn is_current(received: &Received, published: &Published) -> bool {
    !received.lacks(published.version(), published.digest())
}

#[test]
fn a_stranger_asks_for_the_whole_set_and_has_it_when_all_parts_are_there_in_any_order() {
    let published = Published::new(3, claims(1..=10));
    let mut received = Received::default();
    assert!(!is_current(&received, &published));
    let mut parts = published.repair(received.version());
    assert_eq!(parts.len(), 4);
    parts.reverse();
    let last = parts.pop().into_iter().collect();
    hear(&mut received, parts);
    assert!(!received.is_known());
    hear(&mut received, last);
    assert!(is_current(&received, &published));
    assert_eq!(received.claims(), &claims(1..=10));
}

#[test]
fn the_empty_set_is_one_part() {
    let published = Published::new(3, claims([]));
    let mut received = Received::default();
    hear(&mut received, published.repair(0));
    assert!(received.is_known() && is_current(&received, &published));
}

#[test]
fn changes_are_taken_in_their_order_whatever_order_they_come_in() {
    let mut published = Published::new(2, claims(1..=4));
    let mut received = Received::default();
    hear(&mut received, published.repair(0));
    let mut messages = published.update(&claims(3..=9));
    assert!(messages.len() > 2);
    messages.reverse();
    hear(&mut received, messages);
    assert!(is_current(&received, &published));
    assert_eq!(received.claims(), &claims(3..=9));
}

#[test]
fn a_change_that_was_lost_is_noticed_and_repeated() {
    let mut published = Published::new(10, claims(1..=4));
    let mut received = Received::default();
    hear(&mut received, published.repair(0));
    published.update(&claims(1..=5));
    let later = published.update(&claims(1..=6));
    hear(&mut received, later);
    assert!(received.has_gap() && !is_current(&received, &published));
    let repair = published.repair(received.version());
    assert!(matches!(
        repair[..],
        [Message::Changes { .. }, Message::Changes { .. }]
    ));
    hear(&mut received, repair);
    assert!(is_current(&received, &published));
}

#[test]
fn who_missed_more_than_is_remembered_gets_the_whole_set() {
    let mut published = Published::new(10, claims([]));
    let before = published.version();
    for last in 1..=100 {
        published.update(&claims(1..=last));
    }
    assert!(
        published
            .repair(before)
            .iter()
            .all(|message| matches!(message, Message::Set { .. }))
    );
}

#[test]
fn nothing_is_told_where_nothing_changed() {
    let mut published = Published::new(10, claims(1..=4));
    assert_eq!(published.update(&claims(1..=4)), []);
    assert_eq!(published.repair(published.version()), []);
}

/// Two sets whose digests collide still have different versions, and the same version with another digest is doubted.
#[test]
fn a_digest_alone_proves_nothing() {
    let mut published = Published::new(10, claims(1..=4));
    let mut received = Received::default();
    hear(&mut received, published.repair(0));
    published.update(&claims(1..=5));
    assert!(received.lacks(published.version(), received_digest(&published)));
    let version = received.version();
    assert!(received.lacks(version, 0xdead));
    received.doubt();
    assert_eq!((received.version(), received.is_known()), (0, false));
    assert_eq!(
        received.claims(),
        &claims(1..=4),
        "what was known is not forgotten"
    );
}

/// The digest that the old set has.
fn received_digest(_: &Published) -> u64 {
    claims(1..=4).into_iter().collect::<ClaimSet>().digest()
}

#[test]
fn every_kind_and_term_and_unit_has_a_digest_of_its_own() {
    let offered = |to, fresh| Kind::Offered { to: Node(to), fresh };
    let kinds = [
        Kind::Leaving,
        Kind::Weak,
        Kind::Strong,
        offered(1, 2),
        offered(1, 3),
        offered(2, 2),
    ];
    let units = [
        unit(1),
        unit(2),
        UnitId([0; 16].into()),
        UnitId([0, 0, 0, 0].into()),
    ];
    let mut digests = std::collections::BTreeSet::new();
    for kind in kinds {
        for term in [0, 1] {
            digests.extend(units.map(|unit| Claim { kind, term }.digest(unit)));
        }
    }
    assert_eq!(digests.len(), kinds.len() * 2 * units.len());
}

#[test]
fn firmness_comes_before_term_and_term_before_node() {
    let claim = |kind, term| Claim { kind, term };
    let (low, high) = (Node(1), Node(2));
    assert!(claim(Kind::Strong, 1).rank(low) > claim(Kind::Weak, 9).rank(high));
    assert!(claim(Kind::Weak, 1).rank(low) > claim(Kind::Leaving, 9).rank(high));
    assert!(claim(Kind::Weak, 2).rank(low) > claim(Kind::Weak, 1).rank(high));
    assert!(claim(Kind::Weak, 1).rank(high) > claim(Kind::Weak, 1).rank(low));
}
