//! What the kernel hands to a responder, as programs for its classic BPF machine (A13).
//!
//! [`arp()`] and [`ndp()`] let through what [`crate::Responder`] has use for, and nothing else: what is well-formed, for
//! this host or everybody, outside of VLANs, and about the right addresses. A flood about other addresses ends in the
//! kernel.
//!
//! The programs change whenever the addresses do, so the socket's filter cannot be locked (`SO_LOCK_FILTER`). Nothing is
//! lost by that: attaching is atomic, one program replaces the other, and the lock would guard the process only against
//! itself.
//!
//! A program accepts a superset of the addresses when the exact set does not fit into the kernel's limit, so the
//! responder still has to look.

mod arp;
mod ndp;
mod search;

pub use arp::arp;
pub use ndp::ndp;

/// The longest program that Linux takes (`BPF_MAXINSNS`).
pub const LONGEST: usize = 4096;

/// The shortest limit that the programs keep to: room for one range of each kind.
pub const SHORTEST: usize = 40;

/// How many octets of an accepted frame reach the socket at most: the longest frame that Ethernet carries, because the
/// checksum of Neighbor Discovery is one over all of the packet.
pub const SNAP: usize = 1514;

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

/// The program that `write` writes for these lists of ranges, with as many of them joined as it takes for `limit`.
///
/// A `limit` below [`SHORTEST`] counts as that, one above [`LONGEST`] as that.
fn fitted<const N: usize>(
    lists: [Vec<(u32, u32)>; N],
    limit: usize,
    write: impl Fn(&[Vec<(u32, u32)>; N]) -> Vec<Instruction>,
) -> Vec<Instruction> {
    let limit = limit.clamp(SHORTEST, LONGEST);
    let mut program = write(&lists);
    let mut count = lists.iter().map(Vec::len).max().unwrap_or_default();
    while program.len() > limit && count > 1 {
        count = (count * limit / program.len()).clamp(1, count - 1);
        program = write(&lists.each_ref().map(|list| search::merged(list, count)));
    }
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
    let k = u32::try_from(SNAP).expect("a frame is shorter than a u32 counts");
    Instruction {
        code: RETURN,
        jt: 0,
        jf: 0,
        k,
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
