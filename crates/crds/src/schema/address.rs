//! Lists of addresses: those of a pool, what is left out of it, and those of a reservation.

mod range;
mod usable;

use super::{rule, with_rules};
use kube::core::Rule;
use range::{both_ends, cidr, cidr_or_address, one_family, order_ipv4, order_ipv6};
use schemars::{Schema, SchemaGenerator, json_schema};
use usable::{usable_address, usable_cidr, usable_range};

/// CIDRs and ranges that a pool gives out, none of them twice.
pub(crate) fn addresses(_: &mut SchemaGenerator) -> Schema {
    let entry = entry(&[
        cidr(),
        both_ends(),
        one_family(),
        order_ipv4(),
        order_ipv6(),
        usable_cidr(),
        usable_range(),
    ]);
    let message =
        r#"the pool has no addresses: list a CIDR or a range, such as "192.168.1.200-192.168.1.250""#;
    with_rules(
        set(1000, &entry),
        &[Rule::new("self.size() > 0").message(message)],
    )
}

/// Addresses, CIDRs and ranges that a pool does not give out, none of them twice. Whether they are in the pool is judged by
/// `config`: CEL cannot compare addresses. Fewer than `addresses` may list, so that the rules stay well within the budget.
pub(crate) fn exclusions(_: &mut SchemaGenerator) -> Schema {
    let entry = entry(&[
        cidr_or_address(),
        both_ends(),
        one_family(),
        order_ipv4(),
        order_ipv6(),
    ]);
    set(256, &entry)
}

/// The addresses of a reservation: one, or one of each family.
pub(crate) fn reserved(_: &mut SchemaGenerator) -> Schema {
    let address = rule(
        "isIP(self)",
        r#"'"' + self + '" is not an IP address: write one address without a prefix length, such as "192.168.1.210" or "2001:db8::10"'"#,
    );
    let entry = json_schema!({ "type": "string", "maxLength": 64 });
    // One thing, not a set: who applies another address means it in place of the one that is there.
    let list = json_schema!({
        "type": "array",
        "maxItems": 2,
        "items": with_rules(entry, &[address, usable_address()]),
        "x-kubernetes-list-type": "atomic",
    });
    let at_least_one = Rule::new("self.size() > 0").message(
        r#"the reservation has no addresses: list an address of an IPPool, such as "192.168.1.210""#,
    );
    let one_each = rule(
        "self.size() < 2 || !self.all(e, isIP(e)) || ip(self[0]).family() != ip(self[1]).family()",
        r#"'"' + self[0] + '" and "' + self[1] + '" are of one family: list at most one IPv4 and one IPv6 address'"#,
    );
    with_rules(list, &[at_least_one, one_each])
}

fn entry(rules: &[Rule]) -> Schema {
    // Two IPv6 addresses written in full, a dash and spaces around it are 81 characters.
    with_rules(json_schema!({ "type": "string", "maxLength": 96 }), rules)
}

/// The list is a set that keeps its order: the API server then refuses an entry that is there twice, and two appliers
/// can each own entries of one object.
fn set(most: u32, entry: &Schema) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": most,
        "items": entry,
        "x-kubernetes-list-type": "set",
    })
}
