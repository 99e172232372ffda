//! What broke other implementations.

use bgp::wire::{Capability, Message, Outcome};

use super::{decode, external, internal, message, octets, refused, update};

fn open(parameters: &str) -> Vec<u8> {
    message(1, &octets(&format!("04 fde9 005a c0000201 {parameters}")))
}

/// CVE-2022-40302, CVE-2022-40318
#[test]
fn extended_parameters_that_end_too_early_are_malformed() {
    for parameters in [
        "ff ff",
        "ff ff 00",
        "ff ff ffff",
        "ff ff 0001 02",
        "ff ff 0002 02 00",
        "ff ff 0006 02 0003 01 04 00",
        "ff ff 0004 02 00ff 01",
    ] {
        assert_eq!(
            refused(&open(parameters), &external()),
            (2, 0, vec![]),
            "{parameters}"
        );
    }
}

/// CVE-2022-43681
#[test]
fn an_open_that_ends_at_the_length_of_an_option_is_malformed() {
    for parameters in ["01", "02", "ff", "01 02", "02 02", "04 02 02 40"] {
        assert_eq!(
            refused(&open(parameters), &external()),
            (2, 0, vec![]),
            "{parameters}"
        );
    }
}

/// GoBGP #2367: a capability of no octets, again and again.
#[test]
fn capabilities_of_no_octets_end() {
    let value = "4900".repeat(126);
    let octets = open(&format!("fe 02 fc {value}"));
    let Ok(Message::Open(open)) = decode(&octets, &external()) else {
        panic!("no OPEN")
    };
    assert_eq!(open.capabilities.len(), 126);
}

/// CVE-2025-43971
#[test]
fn a_software_version_of_no_octets_is_nothing_to_us() {
    let Ok(Message::Open(open)) = decode(&open("05 02 03 4b 01 00"), &external()) else {
        panic!("no OPEN")
    };
    let value = vec![0];
    assert_eq!(open.capabilities, [Capability::Unknown { code: 75, value }]);
}

/// CVE-2023-38802, CVE-2023-4481, CVE-2023-38283, CVE-2023-40457: attributes that travel far, corrupt on the way.
#[test]
fn a_corrupt_attribute_that_we_do_not_know_ends_no_session() {
    for attribute in [
        "c0 17 04 00 01 ff ff",
        "c0 17 01 00",
        "e0 80 04 ff ff ff ff",
        "e0 1c 03 ff ff ff",
        "c0 28 02 01 00",
    ] {
        let attributes = octets(&format!(
            "40010100 4002060201 0000fde9 400304c0000201 {attribute}"
        ));
        let body = [
            &[0, 0, 0, attributes.len() as u8][..],
            &attributes,
            &[24, 198, 51, 100],
        ]
        .concat();
        let octets = message(2, &body);
        assert_eq!(
            update(&octets, &external()).outcome(),
            Outcome::Accepted,
            "{attribute}"
        );
    }
}

/// GHSA-frrj-87jh-2772, and GoBGP's merge of AS paths (CVE-2026-41643).
#[test]
fn paths_of_no_octets_are_no_reason_to_stop() {
    for path in [
        "400200",
        "400200 c01100",
        "400200 c0110602010001 0000",
        "400204 0201fde9 c01100",
    ] {
        let attributes = octets(&format!("40010100 {path} 400304c0000201"));
        let body = [
            &[0, 0, 0, attributes.len() as u8][..],
            &attributes,
            &[24, 198, 51, 100],
        ]
        .concat();
        let octets = message(2, &body);
        let mut old = external();
        old.four_octet_as = false;
        assert!(
            update(&octets, &old).outcome() <= Outcome::AttributeDiscarded,
            "{path}"
        );
        assert_eq!(update(&octets, &old).announced().count(), 1);
    }
}

/// The octets that made a decoder allocate until it was killed: one octet left of a path.
#[test]
fn one_octet_of_a_path_ends() {
    let octets = message(2, &octets("0000 0006 40 02 03 02 00 00"));
    assert_eq!(refused(&octets, &external()), (3, 11, octets[23..].to_vec()));
}

/// GoBGP #3392
#[test]
fn an_origin_that_is_not_transitive_withdraws() {
    let octets = message(
        2,
        &octets("0000 0014 00010100 4002060201 0000fde9 400304c0000201 18c63364"),
    );
    assert_eq!(
        update(&octets, &external()).outcome(),
        Outcome::TreatedAsWithdrawn
    );
}

/// CVE-2026-42285: lengths that contradict each other, and then nothing to withdraw.
#[test]
fn withdrawn_routes_that_end_within_the_attributes_end_the_session() {
    let octets = message(2, &octets("0004 18c63364 0009 40010100"));
    assert_eq!(refused(&octets, &internal()), (3, 1, vec![]));
}

/// FRR #22828: a filter in a route refresh whose length is not what follows.
#[test]
fn a_filter_in_a_route_refresh_is_not_read() {
    let octets = message(5, &octets("0001 00 01 01 80 ffff 00"));
    assert!(matches!(
        decode(&octets, &external()),
        Ok(Message::RouteRefresh(_))
    ));
}
