//! Each message that Herald can send, octet by octet: what is encoded is what `golden/` says, and an independent decoder makes of it
//! what was meant.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bgp::wire::{self, FamilyCode, Message};
use netgauze_bgp_pkt::BgpMessage;

use super::messages::{Golden, Meant, all};
use super::{decode, message, oracle};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire/golden")
}

/// U1, U2, U3, U4, U7, U8, B15
#[test]
fn what_is_sent_is_what_the_golden_files_say() {
    let mut wrong = Vec::new();
    for Golden { name, octets, .. } in all() {
        let text = std::fs::read_to_string(folder().join(format!("{name}.hex"))).unwrap_or_default();
        if super::octets(&text) != octets {
            let hexadecimal: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            wrong.push(format!("{name}.hex: {}", hexadecimal.join(" ")));
        }
    }
    assert!(
        wrong.is_empty(),
        "these are sent, and not what the files say:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn each_golden_file_belongs_to_a_message() {
    let names: BTreeSet<String> = all()
        .iter()
        .map(|golden| format!("{}.hex", golden.name))
        .collect();
    let files = std::fs::read_dir(folder()).unwrap();
    let files: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, names);
}

/// U7
#[test]
fn an_independent_decoder_makes_of_each_message_what_was_meant() {
    for Golden {
        name,
        form,
        octets,
        meant,
    } in all()
    {
        let parsed = oracle::parsed(&octets, &form);
        match (parsed, meant) {
            (Ok(BgpMessage::Open(found)), Meant::Open(open)) => {
                assert_eq!(oracle::opened(&found), open, "{name}")
            }
            (Ok(BgpMessage::KeepAlive), Meant::Keepalive) | (Err(_), Meant::UnknownNotification) => {}
            (Ok(BgpMessage::Notification(found)), Meant::Notification(called, data)) => {
                let found = format!("{found:?}");
                assert!(found.starts_with(called), "{name}: {found}");
                assert!(found.contains(&format!("value: {data:?}")), "{name}: {found}");
            }
            (Ok(BgpMessage::RouteRefresh(found)), Meant::RouteRefresh(refresh)) => {
                assert_eq!(oracle::refreshed(&found), refresh, "{name}");
            }
            (Ok(BgpMessage::Update(found)), Meant::Update(meaning)) => {
                assert_eq!(oracle::meaning(&found), *meaning, "{name}");
            }
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
}

#[test]
fn our_own_decoder_makes_of_each_message_what_was_meant() {
    for Golden {
        name,
        form,
        octets,
        meant,
    } in all()
    {
        match (decode(&octets, &form).unwrap(), meant) {
            (Message::Open(found), Meant::Open(open)) => assert_eq!(found, open, "{name}"),
            (Message::Keepalive, Meant::Keepalive) => {}
            (Message::Notification(found), Meant::Notification(..) | Meant::UnknownNotification) => {
                assert_eq!(wire::notification(&found), octets, "{name}");
            }
            (Message::RouteRefresh(found), Meant::RouteRefresh(refresh)) => {
                assert_eq!(found, refresh, "{name}")
            }
            (Message::Update(found), Meant::Update(meaning)) => {
                assert_eq!(
                    found.outcome(),
                    wire::Outcome::Accepted,
                    "{name}: {:?}",
                    found.faults()
                );
                assert_eq!(found.announced().collect::<Vec<_>>(), meaning.announced, "{name}");
                assert_eq!(found.withdrawn().collect::<Vec<_>>(), meaning.withdrawn, "{name}");
            }
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
}

/// RFC 4724 §2
#[test]
fn only_the_two_ends_of_rib_are_one() {
    for Golden {
        name, form, octets, ..
    } in all()
    {
        if let Message::Update(update) = decode(&octets, &form).unwrap() {
            let expected = match name.as_str() {
                "end_of_rib_v4" => Some(FamilyCode::V4),
                "end_of_rib_v6" => Some(FamilyCode::V6),
                _ => None,
            };
            assert_eq!(update.end_of_rib(), expected, "{name}");
        }
    }
}

/// Each message cut off after each octet: with the length as it was, more is needed; with a length that fits, it is refused or
/// another message.
#[test]
fn no_truncation_of_a_message_passes_for_it() {
    for Golden {
        name, form, octets, ..
    } in all()
    {
        let whole = decode(&octets, &form).unwrap();
        for end in 0..octets.len() {
            let mut framer = wire::Framer::new();
            assert_eq!(framer.next(&mut &octets[..end]), Ok(None), "{name}, cut at {end}");
        }
        for end in wire::HEADER..octets.len() {
            let cut = message(octets[wire::HEADER - 1], &octets[wire::HEADER..end]);
            assert_ne!(decode(&cut, &form).as_ref(), Ok(&whole), "{name}, cut at {end}");
        }
    }
}
