//! Addresses that no Service can have, on any network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::AddressRange;

/// First and last address of each block, and what it is for.
const BLOCKS: [(IpAddr, IpAddr, &str); 8] = [
    // RFC 1122 §3.2.1.3
    (v4(0, 0, 0, 0), v4(0, 255, 255, 255), "\"this network\""),
    (v4(127, 0, 0, 0), v4(127, 255, 255, 255), "loopback"),
    // RFC 5771
    (v4(224, 0, 0, 0), v4(239, 255, 255, 255), "multicast"),
    (v4(255, 255, 255, 255), v4(255, 255, 255, 255), "broadcast"),
    // RFC 4291 §2.5
    (v6(0), v6(0), "unspecified"),
    (v6(1), v6(1), "loopback"),
    (v6(0xffff_0000_0000), v6(0xffff_ffff_ffff), "IPv4 in IPv6"),
    (v6(0xff << 120), v6(u128::MAX), "multicast"),
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(bits: u128) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_bits(bits))
}

/// The first block that has addresses in common with `range`, and what it is for.
pub(crate) fn unusable(range: AddressRange) -> Option<(AddressRange, &'static str)> {
    let block = |&(first, last, what)| Some((AddressRange::new(first, last).ok()?, what));
    BLOCKS
        .iter()
        .filter_map(block)
        .find(|(block, _)| block.overlaps(&range))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(range: &str) -> Option<String> {
        let (block, what) = unusable(range.parse().unwrap())?;
        Some(format!("{block} {what}"))
    }

    #[test]
    fn every_block_is_recognised_from_inside_and_from_around() {
        for (range, expected) in [
            ("0.0.0.0/0", "0.0.0.0/8 \"this network\""),
            ("0.1.2.3/32", "0.0.0.0/8 \"this network\""),
            ("126.0.0.0-128.0.0.0", "127.0.0.0/8 loopback"),
            ("127.0.0.1/32", "127.0.0.0/8 loopback"),
            ("192.0.0.0/2", "224.0.0.0/4 multicast"),
            ("239.255.255.255-240.0.0.1", "224.0.0.0/4 multicast"),
            ("255.255.255.0/24", "255.255.255.255/32 broadcast"),
            ("::/0", "::/128 unspecified"),
            ("::1/128", "::1/128 loopback"),
            ("::fffe:0:0-::1:0:0:0", "::ffff:0.0.0.0/96 IPv4 in IPv6"),
            ("ff02::1/128", "ff00::/8 multicast"),
            ("fe80::-ff00::", "ff00::/8 multicast"),
        ] {
            assert_eq!(found(range).as_deref(), Some(expected), "{range}");
        }
    }

    #[test]
    fn what_lies_between_the_blocks_can_be_given_out() {
        for range in [
            "1.0.0.0-126.255.255.255",
            "128.0.0.0-223.255.255.255",
            "240.0.0.0-255.255.255.254",
            "::2-::fffe:ffff:ffff",
            "::1:0:0:0-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert_eq!(found(range), None, "{range}");
        }
    }
}
