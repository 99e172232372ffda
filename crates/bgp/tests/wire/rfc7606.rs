use bgp::wire::Outcome;

use super::{decode, external, message, update};
use table::{Case, Expected, cases};

mod table;

/// RFC 7606, RFC 7607 §2, RFC 8092 §6
#[test]
fn each_malformed_update_has_the_outcome_that_the_table_says() {
    let mut wrong = Vec::new();
    let cases = cases();
    for Case {
        name,
        form,
        body,
        expected,
    } in &cases
    {
        let octets = message(2, body);
        let found = match decode(&octets, form) {
            Ok(_) => {
                let update = update(&octets, form);
                Expected::Update(update.outcome(), update.faults().first().copied())
            }
            Err(notification) => Expected::Reset(notification),
        };
        if found != *expected {
            wrong.push(format!("{name}: {found:?} and not {expected:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert!(cases.len() > 200, "the table has only {} cases", cases.len());
}

#[test]
fn no_two_cases_of_the_table_have_one_name() {
    let mut names: Vec<&str> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// Every way to cut off each case: the lengths before are wrong then, and there is no panic.
#[test]
fn each_truncation_of_the_table_ends_in_an_outcome() {
    for Case { name, form, body, .. } in cases() {
        for end in 4..body.len() {
            let octets = message(2, &body[..end]);
            if decode(&octets, &form).is_ok() {
                let update = update(&octets, &form);
                let read = update.announced().chain(update.withdrawn()).count();
                assert!(read <= end, "{name}, cut at {end}");
            }
        }
    }
}

/// A message with more faults than anybody will read costs no more than a few of them.
#[test]
fn thousands_of_faults_are_counted_by_their_outcome_and_only_the_first_are_kept() {
    let attributes = [0xC0, 99, 0].repeat(1300);
    let body = [
        &[0, 0],
        &u16::try_from(attributes.len()).unwrap().to_be_bytes()[..],
        &attributes,
    ]
    .concat();
    let octets = message(2, &body);
    let update = update(&octets, &external());
    assert_eq!(update.outcome(), Outcome::AttributeDiscarded);
    assert_eq!(update.faults().len(), 16);
}
