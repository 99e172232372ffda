//! The rules about addresses that no Service can have: "this network" and unspecified, loopback, multicast, broadcast.
//!
//! They say roughly what `config` says exactly, where all addresses can be compared.

use super::range::IS_RANGE;
use crate::schema::rule;
use kube::core::Rule;

/// A CIDR has an address in common with another if one of them contains the other's first.
pub(super) fn usable_cidr() -> Rule {
    rule(
        "self.contains('-') || !isCIDR(self) || \
         ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '255.255.255.255/32', '::/127', 'ff00::/8']\
         .all(b, !cidr(self).containsIP(cidr(b).ip()) && !cidr(b).containsIP(cidr(self).ip()))",
        UNUSABLE,
    )
}

/// CEL cannot compare addresses: "not after 127.255.255.255" is "in 0.0.0.0/1".
pub(super) fn usable_range() -> Rule {
    let within = |end: &str, cidr: &str| format!("cidr('{cidr}').containsIP({end})");
    let (first, last) = ("e[0]", "e[1]");
    let unusable = [
        within(first, "0.0.0.0/8"),
        format!(
            "{} && ({} || {})",
            within(first, "0.0.0.0/1"),
            within(last, "127.0.0.0/8"),
            within(last, "128.0.0.0/1")
        ),
        format!(
            "{} && !{}",
            within(last, "224.0.0.0/3"),
            within(first, "240.0.0.0/4")
        ),
        format!("{last} == ip('255.255.255.255')"),
        within(first, "::/127"),
        within(last, "ff00::/8"),
    ];
    let none = unusable.map(|one| format!("!({one})")).join(" && ");
    rule(
        format!("!({IS_RANGE}) || [self.split('-', 2).map(e, ip(e.trim()))].all(e, {none})"),
        UNUSABLE,
    )
}

/// One address that a Service can have.
pub(super) fn usable_address() -> Rule {
    rule(
        "!isIP(self) || ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '255.255.255.255/32', '::/127', 'ff00::/8']\
         .all(b, !cidr(b).containsIP(self))",
        r#"'"' + self + '" is an address that no Service can have (loopback, multicast, broadcast or unspecified): write an address of an IPPool'"#,
    )
}

const UNUSABLE: &str = r#"'"' + self + '" contains addresses that no Service can have ' + (self.contains(':') ? '(::, ::1 and ff00::/8): list only addresses of your own network, such as "2001:db8::/120"' : '(0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 and 255.255.255.255): list only addresses of your own network, such as "192.168.1.200-192.168.1.250"')"#;
