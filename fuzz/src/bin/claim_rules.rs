//! The rules of the segment protocol, about anything that may be known of three other nodes: no panic, and nothing is taken
//! that this node could not answer for.
#![no_main]

use std::time::Instant;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    assert!(claim::fuzzing::decides_well(Instant::now(), octets));
});
