//! The table, read. Leans on nothing else in these tests, so that others can read it too.

use bgp::wire::{Defect, FamilyCode, Fault, Form, Notification, Outcome};
use model::Family;

/// A line of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What was agreed on with the peer that sends it.
    pub(crate) form: Form,
    /// The UPDATE after its header.
    pub(crate) body: Vec<u8>,
    pub(crate) expected: Expected,
}

/// What is to become of it.
#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    /// The session stays; with the fault found first.
    Update(Outcome, Option<Fault>),
    /// It ends like this.
    Reset(Notification),
}

/// All lines.
pub(crate) fn cases() -> Vec<Case> {
    let lines = include_str!("table.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(case).collect()
}

fn case(line: &'static str) -> Case {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let [name, peer, withdrawn, attributes, nlri, outcome] = columns[..] else {
        panic!("not six columns: {line}")
    };
    let form = form(peer);
    let body = if withdrawn == "body" {
        octets(attributes)
    } else {
        let [withdrawn, attributes, nlri] =
            [withdrawn, attributes, nlri].map(|field| field_octets(field, &form));
        let length = |field: &[u8]| u16::try_from(field.len()).expect("a short field").to_be_bytes();
        [
            &length(&withdrawn),
            &withdrawn[..],
            &length(&attributes),
            &attributes,
            &nlri,
        ]
        .concat()
    };
    Case {
        name,
        form,
        body,
        expected: expected(outcome),
    }
}

fn form(peer: &str) -> Form {
    let mut form = Form {
        four_octet_as: true,
        internal: false,
        extended_message: false,
        families: [Family::V4, Family::V6].into(),
        v4_next_hop_v6: false,
    };
    for word in peer.split_whitespace() {
        match word {
            "external" => form.internal = false,
            "internal" => form.internal = true,
            "as2" => form.four_octet_as = false,
            "v4" => form.families = [Family::V4].into(),
            "v6hop" => form.v4_next_hop_v6 = true,
            other => panic!("a peer that is {other}"),
        }
    }
    form
}

fn field_octets(field: &str, form: &Form) -> Vec<u8> {
    let words = field.split_whitespace().map(|word| match word {
        "-" => "",
        "ORIGIN" => "40 01 01 00",
        "PATH" if form.four_octet_as => "40 02 06 02 01 00 00 fd e9",
        "PATH" => "40 02 04 02 01 fd e9",
        "HOP" => "40 03 04 c0 00 02 01",
        "PREF" => "40 05 04 00 00 00 64",
        "REACH" => "80 0e 1e 00 02 01 10 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 00 40 20 01 0d b8 00 00 00 01",
        "NLRI" => "18 c6 33 64",
        octet => octet,
    });
    octets(&words.collect::<Vec<_>>().join(" "))
}

fn expected(outcome: &str) -> Expected {
    let words: Vec<&str> = outcome.split_whitespace().collect();
    let fault = |attribute: &str, defect| {
        Some(Fault {
            attribute: attribute.parse().expect("the number of an attribute"),
            defect: self::defect(defect),
        })
    };
    let pair = |text: &str| {
        let (first, second) = text.split_once('/').expect("two numbers");
        (
            first.parse::<u8>().expect("a number"),
            second.parse::<u8>().expect("a number"),
        )
    };
    match words[..] {
        ["accepted"] => Expected::Update(Outcome::Accepted, None),
        ["discarded", attribute, defect] => {
            Expected::Update(Outcome::AttributeDiscarded, fault(attribute, defect))
        }
        ["withdrawn", attribute, defect] => {
            Expected::Update(Outcome::TreatedAsWithdrawn, fault(attribute, defect))
        }
        ["disabled", family, attribute, defect] => {
            let (afi, safi) = pair(family);
            let family = FamilyCode {
                afi: afi.into(),
                safi,
            };
            Expected::Update(Outcome::FamilyDisabled(family), fault(attribute, defect))
        }
        ["reset", numbers, ref data @ ..] => {
            let (code, subcode) = pair(numbers);
            let data = octets(&data.join(" "));
            Expected::Reset(Notification { code, subcode, data })
        }
        _ => panic!("no outcome: {outcome}"),
    }
}

fn defect(name: &str) -> Defect {
    let all = [
        Defect::Overrun,
        Defect::Flags,
        Defect::Length,
        Defect::Value,
        Defect::Missing,
        Defect::Repeated,
        Defect::Misplaced,
        Defect::NextHop,
        Defect::Prefixes,
        Defect::Family,
    ];
    let defect = all.into_iter().find(|defect| format!("{defect:?}") == name);
    defect.unwrap_or_else(|| panic!("no defect: {name}"))
}

fn octets(text: &str) -> Vec<u8> {
    let octet = |digits| u8::from_str_radix(digits, 16).expect("two hexadecimal digits");
    text.split_whitespace().map(octet).collect()
}
