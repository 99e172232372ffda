use std::net::Ipv4Addr;

use super::search::{block, joined};
use super::{
    IF_EQUAL, Instruction, LOAD_HALF, LOAD_WORD, fitted, for_this_host, jump, load, reject, test, unless,
};
use crate::wire::arp::ETHERTYPE;

const SENDER_ADDRESS: u32 = 28;
const TARGET_ADDRESS: u32 = 38;
const REQUEST: u32 = 0x0604_0001; // with the lengths of both kinds of addresses
const REPLY: u32 = 0x0604_0002;

/// Addresses from the first to the last.
type Range = (Ipv4Addr, Ipv4Addr);

/// The program for a socket that receives ARP, of at most `limit` instructions: requests *for* the addresses `held`,
/// packets of any kind *from* them (a conflict, A6) or from those `shared`, and replies from those `asked`. Each is given as
/// ranges (first and last, inclusive), in any order; they may overlap.
///
/// When they do not fit, those that lie closest together are taken as one, with what is between them.
pub fn arp(held: &[Range], asked: &[Range], shared: &[Range], limit: usize) -> Vec<Instruction> {
    let number = |(first, last): &Range| (u32::from(*first), u32::from(*last));
    let senders = joined(held.iter().chain(shared).map(number));
    let held = joined(held.iter().map(number));
    let asked = joined(asked.iter().map(number));
    fitted([held, senders, asked], limit, exact)
}

fn exact([held, senders, asked]: &[Vec<(u32, u32)>; 3]) -> Vec<Instruction> {
    if senders.is_empty() && asked.is_empty() {
        return vec![reject()];
    }
    let mut about = vec![load(LOAD_WORD, TARGET_ADDRESS)];
    about.extend(block(held, jump(0)));
    let mut answers = vec![load(LOAD_WORD, SENDER_ADDRESS)];
    answers.extend(block(asked, jump(0)));
    answers.push(jump(about.len()));
    let mut program = for_this_host().to_vec();
    program.extend(unless(LOAD_HALF, 12, ETHERTYPE.into()));
    program.extend(unless(LOAD_WORD, 14, 0x0001_0800)); // HTYPE, PTYPE
    program.extend([
        load(LOAD_WORD, TARGET_ADDRESS), // a load beyond the end rejects the frame: what follows is not truncated
        load(LOAD_WORD, 18),             // HLEN, PLEN, operation
        test(IF_EQUAL, REPLY, 3, 0),
        test(IF_EQUAL, REQUEST, 1, 0),
        reject(),
        jump(answers.len()),
    ]);
    program.extend(answers);
    program.extend(about);
    program.push(load(LOAD_WORD, SENDER_ADDRESS));
    program.extend(block(senders, reject()));
    program
}
