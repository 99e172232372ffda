use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use lab::ScriptedPeer;
use serde_json::json;
use suites::{Bed, on, root};

use super::{NODES, SERVICE, TOR, bed, external, start_speakers, with};

const NODE: &str = "n1";
const UPDATE: u8 = 2;
const ROUTE_REFRESH: u8 = 5;
const KEEPALIVE: u8 = 4;

/// The families as a ROUTE-REFRESH names them.
const V4: [u8; 4] = [0, 1, 0, 1];
const V6: [u8; 4] = [0, 2, 0, 1];

/// A line of the table that the decoder is held to.
struct Case {
    name: String,
    peer: String,
    message: Vec<u8>,
    outcome: String,
}

/// RFC 7606 on live sessions, case by case of the decoder's own table: wherever the RFC says so the session stays Established and
/// goes on to work; where it does not, the NOTIFICATION is the one that it asks for, and the session comes back. B8, B11, B19.
#[test]
fn malformed_updates_end_no_session_but_where_they_must() {
    on(bed("bgp-malformed", 1), |bed| {
        let (outer, inner) = (bed.lab.add_host("outer")?, bed.lab.add_host("inner")?);
        let peers = [
            ("external", bed.lab.scripted_peer("outer", TOR)?),
            ("internal", bed.lab.scripted_peer("inner", NODES)?),
        ];
        let both = json!({"dualStackAddressFamily": true});
        bed.peer("outer", with(external(outer.v4, TOR), both.clone()))?;
        bed.peer("inner", with(external(inner.v4, NODES), both))?;
        bed.bgp_advertise("all", json!({}))?;
        start_speakers(bed)?;
        bed.lab.load_balancer(SERVICE, &[&bed.lab.backend("echo")?])?;
        let addresses = bed.both_addresses(SERVICE)?;
        let cases = cases()?;
        for (kind, peer) in &peers {
            told(bed, peer, &addresses)?;
            let of_kind = |case: &&Case| case.peer == *kind;
            tolerated(bed, peer, cases.iter().filter(of_kind), &addresses)?;
            ended(bed, peer, cases.iter().filter(of_kind), &addresses)?;
        }
        Ok(())
    });
}

/// Waits until the peer has an address of each family, and the ends of both tables.
fn told(bed: &Bed, peer: &ScriptedPeer, addresses: &[IpAddr]) -> Result<()> {
    bed.wait("the peer to have both routes", || {
        let seen = peer.seen();
        let has = |ip: &IpAddr| {
            seen.routes
                .contains_key(&(*ip, if ip.is_ipv4() { 32 } else { 128 }))
        };
        ensure!(
            seen.up && addresses.iter().all(has) && seen.ends_of_rib.len() == 2,
            "{seen:?}"
        );
        Ok(Some(()))
    })
}

/// What the session must bear. What disables a family is borne in a session of its own, which goes on with the other.
fn tolerated<'c>(
    bed: &Bed,
    peer: &ScriptedPeer,
    cases: impl Iterator<Item = &'c Case>,
    addresses: &[IpAddr],
) -> Result<()> {
    let borne: Vec<_> = cases.filter(|case| !case.outcome.starts_with("reset")).collect();
    ensure!(borne.len() > 10, "{} cases", borne.len());
    for (disabled, asked) in [("", V4), ("disabled 1/1", V6), ("disabled 2/1", V4)] {
        let chosen = borne.iter().filter(|case| {
            let disables = case.outcome.starts_with("disabled");
            if disabled.is_empty() {
                !disables
            } else {
                case.outcome.starts_with(disabled)
            }
        });
        borne_in_one(bed, peer, chosen.copied(), asked)
            .with_context(|| format!("those that disable: {disabled}"))?;
        peer.hang_up()?;
        told(bed, peer, addresses)?;
    }
    Ok(())
}

/// All of them in one session, and then a question that it answers in its turn.
fn borne_in_one<'c>(
    bed: &Bed,
    peer: &ScriptedPeer,
    cases: impl Iterator<Item = &'c Case>,
    asked: [u8; 4],
) -> Result<()> {
    // Octet by octet, then as much at once as it takes.
    for octet in message(KEEPALIVE, &[]) {
        peer.send(&[octet])?;
    }
    let before = peer.seen();
    for case in cases {
        peer.send(&case.message).with_context(|| case.name.clone())?;
    }
    peer.send(&message(ROUTE_REFRESH, &asked))?;
    bed.wait("the peer to get its routes again", || {
        let seen = peer.seen();
        ensure!(
            seen.notifications == before.notifications,
            "it was told {:?}",
            seen.notifications
        );
        Ok((seen.updates.len() > before.updates.len()).then_some(()))
    })?;
    let after = peer.seen();
    ensure!(
        after.up && after.established == before.established,
        "the session was lost"
    );
    Ok(())
}

/// One case of each NOTIFICATION.
fn ended<'c>(
    bed: &Bed,
    peer: &ScriptedPeer,
    cases: impl Iterator<Item = &'c Case>,
    addresses: &[IpAddr],
) -> Result<()> {
    let mut met = BTreeSet::new();
    for case in cases {
        let Some(rest) = case.outcome.strip_prefix("reset ") else {
            continue;
        };
        let code = rest.split_whitespace().next().context("a reset without a code")?;
        if !met.insert(code) {
            continue;
        }
        let (code, subcode) = code.split_once('/').context("a code without a subcode")?;
        let expected = (code.parse()?, subcode.parse()?);
        let before = peer.look(|seen| seen.notifications.len());
        peer.send(&case.message)?;
        let told = bed.wait(&format!("{}: a NOTIFICATION", case.name), || {
            Ok(peer.look(|seen| seen.notifications.get(before).copied()))
        })?;
        ensure!(told == expected, "{}: {told:?}", case.name);
        self::told(bed, peer, addresses)?;
    }
    bed.session_is(NODE, "outer", "Established").map(drop)
}

fn cases() -> Result<Vec<Case>> {
    let table = fs::read_to_string(root().join("crates/bgp/tests/wire/rfc7606/table.txt"))?;
    let lines = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    // Those of peers with other capabilities than these two have are the decoder's alone.
    lines
        .map(|line| case(line).with_context(|| line.to_owned()))
        .filter(|case| case.as_ref().map_or(true, |case| !case.peer.contains(' ')))
        .collect()
}

fn case(line: &str) -> Result<Case> {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let [name, peer, withdrawn, attributes, prefixes, outcome] = columns[..] else {
        anyhow::bail!("not six columns");
    };
    let body = if withdrawn == "body" {
        octets(attributes)?
    } else {
        let (withdrawn, attributes) = (octets(withdrawn)?, octets(attributes)?);
        let length = |field: &[u8]| u16::try_from(field.len()).map(u16::to_be_bytes);
        [
            &length(&withdrawn)?[..],
            &withdrawn,
            &length(&attributes)?,
            &attributes,
            &octets(prefixes)?,
        ]
        .concat()
    };
    Ok(Case {
        name: name.to_owned(),
        peer: peer.to_owned(),
        message: message(UPDATE, &body),
        outcome: outcome.to_owned(),
    })
}

fn octets(field: &str) -> Result<Vec<u8>> {
    let words = field.split_whitespace().map(|word| match word {
        "-" => "",
        "ORIGIN" => "40 01 01 00",
        "PATH" => "40 02 06 02 01 00 00 fd e9",
        "HOP" => "40 03 04 c0 00 02 01",
        "PREF" => "40 05 04 00 00 00 64",
        "REACH" => {
            "80 0e 1e 00 02 01 10 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 00 40 20 01 0d b8 00 00 00 01"
        }
        "NLRI" => "18 c6 33 64",
        octet => octet,
    });
    let words: Vec<_> = words.collect();
    let octets = words.iter().flat_map(|words| words.split_whitespace());
    octets
        .map(|octet| u8::from_str_radix(octet, 16).with_context(|| octet.to_owned()))
        .collect()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).unwrap_or(u16::MAX);
    [&[0xff; 16][..], &length.to_be_bytes(), &[kind], body].concat()
}
