//! What carries announcements out on the segments: one task and two machines for each interface.

pub(crate) mod alarm;
pub mod announcer;
pub mod datagram;
pub mod segments;
