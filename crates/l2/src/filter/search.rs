//! The part of the program that looks an address up: a tree of comparisons over chunks of ranges, and within a chunk one
//! range after the other. Depth grows with the logarithm of the number of ranges; conditional jumps reach 255
//! instructions far, which is why chunks are small and the tree jumps without condition.

use super::{IF_AT_LEAST, IF_EQUAL, IF_GREATER, Instruction, JUMP, accept, jump, test};

const CHUNK: usize = 16;

/// The ranges in order, without overlaps, adjacent ones as one. A range that ends before it starts is empty.
pub(super) fn joined(ranges: impl IntoIterator<Item = (u32, u32)>) -> Vec<(u32, u32)> {
    let mut sorted: Vec<(u32, u32)> = ranges.into_iter().collect();
    sorted.retain(|(first, last)| first <= last);
    sorted.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
    for (first, last) in sorted {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            Some(_) | None => joined.push((first, last)),
        }
    }
    joined
}

/// The same addresses and as few others as possible, in `count` ranges: only the widest gaps stay.
pub(super) fn merged(ranges: &[(u32, u32)], count: usize) -> Vec<(u32, u32)> {
    if ranges.len() <= count {
        return ranges.to_vec();
    }
    let mut gaps: Vec<usize> = (1..ranges.len()).collect();
    gaps.sort_by_key(|at| std::cmp::Reverse(ranges[*at].0 - ranges[*at - 1].1));
    gaps.truncate(count.saturating_sub(1));
    gaps.sort_unstable();
    let starts = std::iter::once(0).chain(gaps.iter().copied());
    let ends = gaps.iter().copied().chain(std::iter::once(ranges.len()));
    starts
        .zip(ends)
        .map(|(start, end)| (ranges[start].0, ranges[end - 1].1))
        .collect()
}

/// Accepts the frame when the accumulator lies in one of `ranges`. Otherwise does `miss`, where a jump means to the end
/// of this block.
pub(super) fn block(ranges: &[(u32, u32)], miss: Instruction) -> Vec<Instruction> {
    let chunks: Vec<&[(u32, u32)]> = ranges.chunks(CHUNK).collect();
    let mut block = tree(&chunks, miss);
    let end = block.len();
    for (at, instruction) in block.iter_mut().enumerate() {
        // A miss is the only jump over nothing: those of the tree have at least one chunk to jump over.
        if instruction.code == JUMP && instruction.k == 0 {
            *instruction = jump(end - at - 1);
        }
    }
    block
}

fn tree(chunks: &[&[(u32, u32)]], miss: Instruction) -> Vec<Instruction> {
    let (left, right) = match chunks {
        [] => return vec![miss],
        [chunk] => return scan(chunk, miss),
        [_, _, ..] => chunks.split_at(chunks.len() / 2),
    };
    let below = tree(left, miss);
    let mut tree = vec![test(IF_AT_LEAST, right[0][0].0, 0, 1), jump(below.len())];
    tree.extend(below);
    tree.extend(self::tree(right, miss));
    tree
}

/// One range after the other, then the miss, then the hit that all of them jump to.
fn scan(chunk: &[(u32, u32)], miss: Instruction) -> Vec<Instruction> {
    let length: usize = chunk.iter().map(|range| cost(*range)).sum();
    let mut scan = Vec::with_capacity(length + 2);
    for (first, last) in chunk {
        let after = scan.len() + cost((*first, *last));
        let hit = u8::try_from(length - after + 1).expect("a chunk is shorter than a jump is far");
        if first == last {
            scan.push(test(IF_EQUAL, *first, hit, 0));
        } else {
            scan.push(test(IF_AT_LEAST, *first, 0, 1));
            scan.push(test(IF_GREATER, *last, 0, hit));
        }
    }
    scan.extend([miss, accept()]);
    scan
}

fn cost((first, last): (u32, u32)) -> usize {
    if first == last { 1 } else { 2 }
}
