//! From which pools a Service got its addresses, as its own condition says it.
//!
//! An address that its pool covers no more still belongs to that pool (DESIGN §7), and nobody else remembers: the record is
//! written with the address itself, so it costs no write and cannot be lost.

use std::net::IpAddr;

use crds::condition::ALLOCATED;
use k8s_openapi::api::core::v1::Service;
use model::{Origins, PoolName};

use super::status::assigned;

const FROM: &str = " from IPPool ";
const BETWEEN: &str = ", ";
/// What stands before and after the record of addresses that the Service is to lose.
const DRAINING: (&str, &str) = ("; ", " goes in a moment");

/// The record: "192.0.2.1, 2001:db8::1 from IPPool lan", or "192.0.2.1 from IPPool v4, 2001:db8::1 from IPPool v6". The
/// message of the Service's condition `Allocated` begins with it, or has it as the last of its kind.
pub fn from_pools(addresses: &[IpAddr], origins: &Origins) -> String {
    // One of which nothing is known stands last, where it is taken for none of a pool.
    let mut addresses = addresses.to_vec();
    addresses.sort_by_key(|address| origins.get(*address).is_none());
    let of_one = addresses.chunk_by(|one, other| origins.get(*one) == origins.get(*other));
    let part = |addresses: &[IpAddr]| {
        let each: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
        let pool = addresses.first().and_then(|first| origins.get(*first));
        let from = pool.map(|pool| format!("{FROM}{pool}"));
        each.join(BETWEEN) + &from.unwrap_or_default()
    };
    of_one.map(part).collect::<Vec<_>>().join(BETWEEN)
}

/// What a message says besides of addresses that stay beside new ones for a while, with the pools that they are from.
pub fn draining(addresses: &[IpAddr], origins: &Origins) -> String {
    let (before, after) = DRAINING;
    format!("{before}{}{after}", from_pools(addresses, origins))
}

/// The pools from which a Service got the addresses in its status, as far as it says so.
///
/// The message may quote what a user wrote. So the record is believed only at the beginning, with what it says of addresses
/// that go in a moment, or else as the last that looks like one, and only about addresses that the status shows.
pub fn recorded_pools(service: &Service) -> Origins {
    let conditions = service
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut allocated = conditions.filter(|condition| condition.type_ == ALLOCATED);
    let Some(condition) = allocated.next() else {
        return Origins::default();
    };
    let shown = assigned(service);
    let recorded = recorded(&condition.message).into_iter();
    recorded.filter(|(address, _)| shown.contains(address)).collect()
}

fn recorded(message: &str) -> Vec<(IpAddr, PoolName)> {
    if let Some((mut record, rest)) = record(message) {
        let goes = |part: &str| Some(record_of(part.strip_suffix(DRAINING.1)?));
        record.extend(rest.split(DRAINING.0).filter_map(goes).flatten());
        return record;
    }
    // Where the list of addresses before the last words begins, the record does; what stands before it is not ours.
    let starts = message.match_indices(|c: char| c.is_ascii_hexdigit() || c == ':');
    let boundary = |at: usize| message[..at].chars().next_back().is_some_and(char::is_whitespace);
    let mut last = Vec::new();
    let mut end = 0;
    for (at, _) in starts.filter(|&(at, _)| boundary(at)) {
        if at < end {
            continue;
        }
        if let Some((found, rest)) = record(&message[at..]) {
            (last, end) = (found, message.len() - rest.len());
        }
    }
    last
}

fn record_of(text: &str) -> Vec<(IpAddr, PoolName)> {
    record(text).map(|(record, _)| record).unwrap_or_default()
}

/// The record at the beginning of `text`, and what stands after it.
fn record(text: &str) -> Option<(Vec<(IpAddr, PoolName)>, &str)> {
    let (mut record, mut rest) = part(text)?;
    while let Some((more, after)) = rest.strip_prefix(BETWEEN).and_then(part) {
        record.extend(more);
        rest = after;
    }
    Some((record, rest))
}

/// Addresses and the pool that they are from, at the beginning of `text`, and what stands after that.
fn part(text: &str) -> Option<(Vec<(IpAddr, PoolName)>, &str)> {
    let (before, after) = text.split_once(FROM)?;
    let addresses: Vec<IpAddr> = before
        .split(BETWEEN)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
    // A full stop after the name ends the sentence.
    let name = after[..end].trim_end_matches(['.', '-']);
    let pool = (!name.is_empty()).then(|| PoolName(name.to_owned()))?;
    let of_pool = addresses.into_iter().map(|address| (address, pool.clone()));
    Some((of_pool.collect(), &after[name.len()..]))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn service(message: &str, addresses: &[&str]) -> Service {
        let ingress: Vec<_> = addresses.iter().map(|address| json!({"ip": address})).collect();
        serde_json::from_value(json!({"status": {
            "loadBalancer": {"ingress": ingress},
            "conditions": [
                {"type": "Other", "status": "True", "reason": "X", "message": "192.0.2.1 from IPPool other",
                 "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": ALLOCATED, "status": "True", "reason": "X", "message": message,
                 "lastTransitionTime": "2026-01-01T00:00:00Z"},
            ],
        }}))
        .unwrap()
    }

    fn recorded(message: &str) -> Option<String> {
        let origins = recorded_pools(&service(message, &["192.0.2.1"]));
        origins
            .get("192.0.2.1".parse().unwrap())
            .map(|pool| pool.0.clone())
    }

    #[test]
    fn addresses_of_two_pools_are_recorded_each_with_its_own() {
        let [four, six, old]: [IpAddr; 3] =
            ["192.0.2.1", "2001:db8::1", "192.0.2.9"].map(|address| address.parse().unwrap());
        let pool = |name: &str| PoolName(name.into());
        let origins: Origins = [(four, pool("v4")), (six, pool("v6")), (old, pool("old"))]
            .into_iter()
            .collect();
        let text = from_pools(&[four, six], &origins);
        assert_eq!(text, "192.0.2.1 from IPPool v4, 2001:db8::1 from IPPool v6");
        let whole = format!("{text}{}", draining(&[old], &origins));
        assert_eq!(
            whole,
            format!("{text}; 192.0.2.9 from IPPool old goes in a moment")
        );
        for message in [
            whole.clone(),
            format!("{whole}; when this was written, it rained"),
        ] {
            let object = service(&message, &["192.0.2.1", "2001:db8::1", "192.0.2.9"]);
            assert_eq!(recorded_pools(&object), origins, "{message}");
        }
        let kept = service(
            &format!("there is no IPPool: create one; it keeps {text}"),
            &["192.0.2.1", "2001:db8::1"],
        );
        assert_eq!(recorded_pools(&kept).iter().count(), 2);
        let unknown: Origins = [(six, pool("v6"))].into_iter().collect();
        let text = from_pools(&[four, six], &unknown);
        assert_eq!(text, "2001:db8::1 from IPPool v6, 192.0.2.1");
        assert_eq!(
            recorded_pools(&service(&text, &["192.0.2.1", "2001:db8::1"])),
            unknown
        );
    }

    #[test]
    fn the_record_is_read_at_the_beginning_and_after_a_refusal() {
        assert_eq!(recorded("192.0.2.1 from IPPool lan").as_deref(), Some("lan"));
        assert_eq!(
            recorded("192.0.2.1 from IPPool lan-2.v4, which gives it out no more").as_deref(),
            Some("lan-2.v4")
        );
        assert_eq!(
            recorded("198.51.100.7 is held by Service a/b; keeps 192.0.2.1 from IPPool lan.").as_deref(),
            Some("lan")
        );
        assert_eq!(
            recorded("2001:db8::1, 192.0.2.1 from IPPool lan").as_deref(),
            Some("lan")
        );
    }

    #[test]
    fn a_message_without_a_record_of_a_held_address_records_nothing() {
        assert_eq!(recorded(""), None);
        assert_eq!(recorded("there is no IPPool: create one"), None);
        assert_eq!(recorded("taken from IPPool lan"), None);
        assert_eq!(recorded("192.0.2.1 from IPPool "), None);
        assert_eq!(recorded("192.0.2.2 from IPPool lan"), None);
        assert!(recorded_pools(&service("192.0.2.1 from IPPool lan", &[])).is_empty());
        assert!(recorded_pools(&Service::default()).is_empty());
    }

    #[test]
    fn words_that_a_user_wrote_are_not_taken_for_the_record() {
        let forged = "its sharing key is \"x, 192.0.2.1 from IPPool theirs\", this Service's is \"y\"";
        assert_eq!(
            recorded(&format!("192.0.2.1 from IPPool ours; {forged}")).as_deref(),
            Some("ours")
        );
        assert_eq!(
            recorded(&format!("{forged}; keeps 192.0.2.1 from IPPool ours")).as_deref(),
            Some("ours")
        );
    }

    fn of_one_family_or_both() -> impl Strategy<Value = (Option<u32>, Option<u128>)> {
        any::<(u32, u128)>().prop_flat_map(|(v4, v6)| {
            prop_oneof![
                Just((Some(v4), None)),
                Just((None, Some(v6))),
                Just((Some(v4), Some(v6))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            (v4, v6) in of_one_family_or_both(),
            pool in "[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\\.[a-z0-9]{1,9})?",
            rest in "(|[,;:] .{0,40})",
        ) {
            let v4 = v4.map(|bits| Ipv4Addr::from_bits(bits).into());
            let addresses: Vec<IpAddr> = v4.into_iter().chain(v6.map(|bits| Ipv6Addr::from_bits(bits).into())).collect();
            let pool = PoolName(pool);
            let origins: Origins = addresses.iter().map(|&address| (address, pool.clone())).collect();
            let message = format!("{}{rest}", from_pools(&addresses, &origins));
            let held: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
            let held: Vec<_> = held.iter().map(String::as_str).collect();
            prop_assert_eq!(recorded_pools(&service(&message, &held)), origins);
        }

        #[test]
        fn any_message_is_read_without_harm(message in "(\\PC| from IPPool ){0,12}") {
            let _ = recorded(&message);
        }
    }
}
