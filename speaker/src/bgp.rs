//! What carries announcements out by BGP: sessions, BFD, accepted routes, unnumbered neighbours.

pub mod accepted;
pub mod bfd;
pub mod peering;
pub mod unnumbered;
