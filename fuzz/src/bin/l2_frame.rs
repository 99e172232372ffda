//! A frame against every decoder: no panic, and what a frame says it says again when it is encoded.
#![no_main]

use l2::wire::arp::ArpFrame;
use l2::wire::ndp::NdpFrame;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    if let Ok(frame) = ArpFrame::decode(octets) {
        assert_eq!(ArpFrame::decode(&frame.encode()), Ok(frame));
    }
    let octets = fuzz::with_checksum(octets);
    if let Ok(frame) = NdpFrame::decode(&octets) {
        let again = match &frame {
            NdpFrame::Solicitation(solicitation) => solicitation.encode(),
            NdpFrame::Advertisement(advertisement) => advertisement.encode(),
        };
        assert_eq!(NdpFrame::decode(again.as_ref()), Ok(frame));
    }
});
