//! The rules about one CIDR or range.

use crate::schema::rule;
use kube::core::Rule;

/// The entry is a range and both ends are addresses; the rules about ranges have nothing to say otherwise.
pub(super) const IS_RANGE: &str = "self.contains('-') && self.split('-', 2).all(e, isIP(e.trim()))";

/// Host bits are allowed: `198.51.100.10/24` is the whole /24.
pub(super) fn cidr() -> Rule {
    rule(
        "self.contains('-') || isCIDR(self)",
        r#"isIP(self) ? '"' + self + '" is a single address: write "' + self + (ip(self).family() == 4 ? '/32"' : '/128"') : '"' + self + '" is neither a CIDR such as "192.168.1.0/24" or "2001:db8::/120" nor a range such as "192.168.1.200-192.168.1.250"'"#,
    )
}

/// What is left out of a pool may be a single address too.
pub(super) fn cidr_or_address() -> Rule {
    rule(
        "self.contains('-') || isCIDR(self) || isIP(self)",
        r#"'"' + self + '" is neither an address such as "192.168.1.210" nor a CIDR such as "192.168.1.208/29" nor a range such as "192.168.1.200-192.168.1.250"'"#,
    )
}

pub(super) fn both_ends() -> Rule {
    rule(
        "!self.contains('-') || self.split('-', 2).all(e, isIP(e.trim()))",
        r#"'"' + self.split('-', 2).filter(e, !isIP(e.trim()))[0].trim() + '" in "' + self + '" is not an IP address: write both ends of a range in full, such as "192.168.1.200-192.168.1.250"'"#,
    )
}

pub(super) fn one_family() -> Rule {
    rule(
        format!("!({IS_RANGE}) || [self.split('-', 2).map(e, ip(e.trim()).family())].all(f, f[0] == f[1])"),
        r#"'"' + self + '" begins in one address family and ends in the other: write one range for IPv4 and one for IPv6'"#,
    )
}

/// CEL cannot compare addresses, so the four octets are made one number.
pub(super) fn order_ipv4() -> Rule {
    let numbers = "self.split('-', 2).map(e, e.trim().split('.', 4).map(o, int(o)))\
                   .map(o, o[0] * 16777216 + o[1] * 65536 + o[2] * 256 + o[3])";
    rule(
        format!("!({IS_RANGE}) || self.contains(':') || [{numbers}].all(e, e[0] <= e[1])"),
        REVERSED,
    )
}

/// The same for IPv6: `::` is filled up with zeros, the eight groups are read as hexadecimal numbers, and those are joined to
/// three numbers that fit an integer of CEL. An address that ends in dotted IPv4 notation is left to `config`.
pub(super) fn order_ipv6() -> Rule {
    let ends = "self.lowerAscii().split('-', 2).map(e, e.trim())";
    let filled = "map(e, e.replace('::', \
                  ':0:0:0:0:0:0:0:0:'.substring(0, 17 - 2 * e.split(':', 9).filter(g, g != '').size())))";
    let digit = |i: usize| format!("'0123456789abcdef'.indexOf(g.substring({i}, {}))", i + 1);
    let group = format!(
        "{} * 4096 + {} * 256 + {} * 16 + {}",
        digit(0),
        digit(1),
        digit(2),
        digit(3)
    );
    let four_digits = "map(g, ('000' + g).substring(g.size() - 1))";
    let groups = format!("map(e, e.split(':', 10).filter(g, g != '').{four_digits}.map(g, {group}))");
    let numbers = "map(g, [g[0] * 4294967296 + g[1] * 65536 + g[2], \
                   g[3] * 4294967296 + g[4] * 65536 + g[5], \
                   g[6] * 65536 + g[7]])";
    let ordered = "e[0][0] < e[1][0] || e[0][0] == e[1][0] && \
                   (e[0][1] < e[1][1] || e[0][1] == e[1][1] && e[0][2] <= e[1][2])";
    rule(
        format!(
            "!({IS_RANGE}) || self.contains('.') || [{ends}.{filled}.{groups}.{numbers}].all(e, {ordered})"
        ),
        REVERSED,
    )
}

const REVERSED: &str = r#"'"' + self + '" ends before it begins: write "' + self.split('-', 2)[1].trim() + '-' + self.split('-', 2)[0].trim() + '"'"#;
