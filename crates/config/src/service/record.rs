//! From which pool a Service got its addresses, as its own condition says it.
//!
//! An address that its pool covers no more still belongs to that pool (DESIGN §7), and nobody else remembers: the record is
//! written with the address itself, so it costs no write and cannot be lost.

use std::net::IpAddr;

use crds::condition::ALLOCATED;
use k8s_openapi::api::core::v1::Service;
use model::PoolName;

use super::status::assigned;

const FROM: &str = " from IPPool ";

/// The record: "192.0.2.1, 2001:db8::1 from IPPool lan". The message of the Service's condition `Allocated` begins with it, or
/// has it as the last of its kind.
pub fn from_pool(addresses: &[IpAddr], pool: &PoolName) -> String {
    let addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    format!("{}{FROM}{pool}", addresses.join(", "))
}

/// The pool from which a Service got the addresses in its status; none where it does not say.
///
/// The message may quote what a user wrote. So the record is believed only at the beginning or as the last that looks like
/// one, and only where it names an address that the status shows.
pub fn recorded_pool(service: &Service) -> Option<PoolName> {
    let status = service.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    let message = &conditions.find(|condition| condition.type_ == ALLOCATED)?.message;
    let held = assigned(service);
    let records: Vec<_> = records(message).collect();
    let first = records.first().filter(|record| record.at_the_beginning);
    let record = first.or_else(|| records.last())?;
    held.contains(&record.address).then(|| record.pool.clone())
}

struct Record {
    /// Whether nothing but addresses stands before it.
    at_the_beginning: bool,
    /// The last address before the words.
    address: IpAddr,
    pool: PoolName,
}

fn records(message: &str) -> impl Iterator<Item = Record> {
    message.match_indices(FROM).filter_map(|(at, _)| {
        let (before, after) = (&message[..at], &message[at + FROM.len()..]);
        let is_separator = |c: char| c == ',' || c.is_whitespace();
        let mut words = before.rsplit(is_separator).filter(|word| !word.is_empty());
        let address = words.next()?.parse().ok()?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
        // A full stop after the name ends the sentence.
        let name = after[..end].trim_end_matches(['.', '-']);
        (!name.is_empty()).then(|| Record {
            at_the_beginning: words.all(|word| word.parse::<IpAddr>().is_ok()),
            address,
            pool: PoolName(name.to_owned()),
        })
    })
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
        recorded_pool(&service(message, &["192.0.2.1"])).map(|pool| pool.0)
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
        assert_eq!(recorded_pool(&service("192.0.2.1 from IPPool lan", &[])), None);
        assert_eq!(recorded_pool(&Service::default()), None);
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
            let message = format!("{}{rest}", from_pool(&addresses, &pool));
            let held: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
            let held: Vec<_> = held.iter().map(String::as_str).collect();
            prop_assert_eq!(recorded_pool(&service(&message, &held)), Some(pool));
        }

        #[test]
        fn any_message_is_read_without_harm(message in "(\\PC| from IPPool ){0,12}") {
            let _ = recorded(&message);
        }
    }
}
