//! The part of the kernel's classic BPF machine that the programs use.

use super::super::{
    IF_AT_LEAST, IF_EQUAL, IF_GREATER, Instruction, JUMP, LOAD_HALF, LOAD_WORD, LONGEST, PACKET_TYPE, RETURN,
};

/// A frame as a packet socket of the kernel sees it.
pub(super) struct Received<'a> {
    pub(super) frame: &'a [u8],
    /// `PACKET_HOST` and so on of `linux/if_packet.h`.
    pub(super) packet_type: u32,
}

/// What `bpf_check_classic` of `net/core/filter.c` refuses.
pub(super) fn check(program: &[Instruction]) {
    assert!(
        (1..=LONGEST).contains(&program.len()),
        "{} instructions",
        program.len()
    );
    assert_eq!(program.last().unwrap().code, RETURN);
    for (at, instruction) in program.iter().enumerate() {
        let farthest = match instruction.code {
            LOAD_WORD | LOAD_HALF | RETURN => 0,
            JUMP => instruction.k as usize,
            IF_EQUAL | IF_GREATER | IF_AT_LEAST => instruction.jt.max(instruction.jf).into(),
            other => panic!("unknown instruction {other:#x}"),
        };
        assert!(
            at + farthest + 1 < program.len() || instruction.code == RETURN,
            "a jump leaves the program"
        );
    }
}

/// How many octets of the frame pass.
pub(super) fn run(program: &[Instruction], received: &Received<'_>) -> u32 {
    let mut accumulator = 0;
    let mut at = 0;
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let branch = |holds: bool| usize::from(if holds { jt } else { jf });
        match code {
            LOAD_WORD | LOAD_HALF => match load(received, code, k) {
                Some(value) => accumulator = value,
                None => return 0,
            },
            JUMP => at += k as usize,
            IF_EQUAL => at += branch(accumulator == k),
            IF_GREATER => at += branch(accumulator > k),
            IF_AT_LEAST => at += branch(accumulator >= k),
            RETURN => return k,
            other => panic!("unknown instruction {other:#x}"),
        }
    }
}

/// A load beyond the end ends the program with 0.
fn load(received: &Received<'_>, code: u16, k: u32) -> Option<u32> {
    if k == PACKET_TYPE {
        return Some(received.packet_type);
    }
    let start = k as usize;
    let octets = if code == LOAD_WORD { 4 } else { 2 };
    let read = received.frame.get(start..start + octets)?;
    Some(read.iter().fold(0, |value, octet| value << 8 | u32::from(*octet)))
}
