//! What the kernel hands to a responder, as a program for its classic BPF machine (A13).
//!
//! [`program`] lets through what [`crate::Responder`] has use for, and nothing else: well-formed ARP for IPv4, for
//! this host or everybody and outside of VLANs, either a request *for* a held address or a packet of any kind *from* one (a conflict, A6). A flood about
//! other addresses ends in the kernel.
//!
//! The program changes whenever the addresses do, so the socket's filter cannot be locked (`SO_LOCK_FILTER`). Nothing is
//! lost by that: attaching is atomic, one program replaces the other, and the lock would guard the process only against
//! itself.
//!
//! A program accepts a superset of the addresses when the exact set does not fit into the kernel's limit, so the
//! responder still has to look.

use std::net::Ipv4Addr;

mod search;

/// The longest program that Linux takes (`BPF_MAXINSNS`).
pub const LONGEST: usize = 4096;

/// The shortest limit that [`program`] keeps to: room for one range.
pub const SHORTEST: usize = 32;

/// How many octets of an accepted frame reach the socket: all of ARP, and of what may follow it no more than that.
pub const SNAP: u32 = 128;

/// One instruction, laid out as `struct sock_filter` of `linux/filter.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

// linux/bpf_common.h, in the combinations used here.
pub(crate) const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
pub(crate) const LOAD_HALF: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
pub(crate) const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
pub(crate) const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
pub(crate) const IF_GREATER: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
pub(crate) const IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
pub(crate) const RETURN: u16 = 0x06; // BPF_RET | BPF_K

// linux/filter.h: loads from SKF_AD_OFF (-0x1000) on read what the kernel knows about the frame.
pub(crate) const PACKET_TYPE: u32 = 0xffff_f000 + 4; // SKF_AD_PKTTYPE
pub(crate) const OTHER_HOST: u32 = 3; // PACKET_OTHERHOST of linux/if_packet.h

/// The program for the addresses in `ranges` (first and last, inclusive; in any order, they may overlap), of at most
/// `limit` instructions.
///
/// When the ranges do not fit, those that lie closest together are taken as one, with what is between them. A `limit`
/// below [`SHORTEST`] counts as that, one above [`LONGEST`] as that.
pub fn program(ranges: &[(Ipv4Addr, Ipv4Addr)], limit: usize) -> Vec<Instruction> {
    let limit = limit.clamp(SHORTEST, LONGEST);
    let ranges = search::joined(ranges);
    let mut program = exact(&ranges);
    let mut count = ranges.len();
    while program.len() > limit {
        count = (count * limit / program.len()).clamp(1, count - 1);
        program = exact(&search::merged(&ranges, count));
    }
    program
}

fn exact(ranges: &[(u32, u32)]) -> Vec<Instruction> {
    if ranges.is_empty() {
        return vec![reject()];
    }
    let asked_for = search::block(ranges, jump(0));
    let mut program = for_this_host().to_vec();
    program.extend(unless(LOAD_HALF, 12, 0x0806));
    program.extend(unless(LOAD_WORD, 14, 0x0001_0800)); // HTYPE, PTYPE
    program.extend([
        load(LOAD_WORD, 38), // a load beyond the end rejects the frame: what follows is not truncated
        load(LOAD_WORD, 18), // HLEN, PLEN, operation
        test(IF_EQUAL, 0x0604_0001, 3, 0),
        test(IF_EQUAL, 0x0604_0002, 1, 0),
        reject(),
        jump(asked_for.len() + 1),
        load(LOAD_WORD, 38), // TPA
    ]);
    program.extend(asked_for);
    program.push(load(LOAD_WORD, 28)); // SPA
    program.extend(search::block(ranges, reject()));
    program
}

/// Drops what is for another host, which is also what the kernel says of a frame of a VLAN that the interface does not
/// have (A10). It takes the tag off before it looks for receivers of ARP, and forgets it: neither `SKF_AD_VLAN_TAG` nor
/// `PACKET_AUXDATA` tells of it then.
fn for_this_host() -> [Instruction; 3] {
    [
        load(LOAD_WORD, PACKET_TYPE),
        test(IF_EQUAL, OTHER_HOST, 0, 1),
        reject(),
    ]
}

/// Rejects the frame unless the value at `offset` is `value`.
fn unless(code: u16, offset: u32, value: u32) -> [Instruction; 3] {
    [load(code, offset), test(IF_EQUAL, value, 1, 0), reject()]
}

fn load(code: u16, offset: u32) -> Instruction {
    Instruction {
        code,
        jt: 0,
        jf: 0,
        k: offset,
    }
}

fn test(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

fn jump(over: usize) -> Instruction {
    let k = u32::try_from(over).expect("no program is longer than a u32 counts");
    Instruction {
        code: JUMP,
        jt: 0,
        jf: 0,
        k,
    }
}

fn accept() -> Instruction {
    Instruction {
        code: RETURN,
        jt: 0,
        jf: 0,
        k: SNAP,
    }
}

fn reject() -> Instruction {
    Instruction {
        code: RETURN,
        jt: 0,
        jf: 0,
        k: 0,
    }
}

#[cfg(test)]
mod tests;
