//! Octets against the decoders of the segment protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| assert!(claim::fuzzing::decodes_alike(octets)));
