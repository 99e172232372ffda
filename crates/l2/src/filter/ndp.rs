use std::net::Ipv6Addr;

use super::search::{block, joined};
use super::{
    IF_EQUAL, Instruction, LOAD_HALF, LOAD_WORD, fitted, for_this_host, jump, load, reject, test, unless,
};
use crate::wire::ndp::ETHERTYPE;

const NEXT_HEADER: u32 = 20; // with the hop limit
const ICMPV6_OF_THE_LINK: u32 = 0x3aff;
const TYPE: u32 = 54; // with the code
const SOLICITATION: u32 = 0x8700;
const ADVERTISEMENT: u32 = 0x8800;
/// The end of the target: the last 32 of its bits are enough to keep others away.
const TARGET: u32 = 74;

/// The program for a socket that receives IPv6, of at most `limit` instructions: solicitations and advertisements of the
/// addresses `held` (questions, and conflicts, N6), and advertisements of those `asked`, all without extension headers
/// and with a hop limit of 255.
///
/// Only the last 32 bits of an address are looked at. When the addresses do not fit, those whose ends lie closest
/// together are taken as one range, with what is between them.
pub fn ndp(held: &[Ipv6Addr], asked: &[Ipv6Addr], limit: usize) -> Vec<Instruction> {
    let held = joined(held.iter().map(last_32_bits));
    let asked = joined(asked.iter().map(last_32_bits));
    fitted([held, asked], limit, exact)
}

fn last_32_bits(address: &Ipv6Addr) -> (u32, u32) {
    let [.., a, b, c, d] = address.octets();
    let end = u32::from_be_bytes([a, b, c, d]);
    (end, end)
}

fn exact([held, asked]: &[Vec<(u32, u32)>; 2]) -> Vec<Instruction> {
    if held.is_empty() && asked.is_empty() {
        return vec![reject()];
    }
    let mut program = for_this_host().to_vec();
    program.extend(unless(LOAD_HALF, 12, ETHERTYPE.into()));
    program.extend(unless(LOAD_HALF, NEXT_HEADER, ICMPV6_OF_THE_LINK));
    program.extend([
        load(LOAD_HALF, TYPE),
        test(IF_EQUAL, SOLICITATION, 2, 0),
        test(IF_EQUAL, ADVERTISEMENT, 1, 0),
        reject(),
        load(LOAD_WORD, TARGET),
    ]);
    program.extend(block(held, jump(0)));
    program.extend(unless(LOAD_HALF, TYPE, ADVERTISEMENT));
    program.push(load(LOAD_WORD, TARGET));
    program.extend(block(asked, reject()));
    program
}
