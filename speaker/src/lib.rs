//! Telling the network about addresses: the parts of `herald-speaker`.
//!
//! ```text
//! watches ─▶ decision (announce: who may) ─▶ wanted ─▶ announcer ─▶ claim (who does), l2 (who answers) ─▶ sockets
//!                                        │             └─▶ scene ─▶ standing ─▶ outbox ─▶ reporter
//!                                        └─▶ peerings ─▶ peering ─▶ bgp (who is told what), bfd ─▶ sockets
//!                                                               └─▶ accepted ─▶ the kernel's routes
//! ```
//!
//! [`decision`], [`wanted`], [`scene`], [`standing`] and [`outbox`] decide and know no clock and no socket; the others carry out.

pub mod accepted;
mod alarm;
pub mod announcer;
pub mod args;
pub mod bfd;
pub mod datagram;
pub mod datapath;
pub mod decision;
pub mod departure;
pub mod ipvs;
pub mod keeper;
pub mod keys;
pub mod links;
pub mod metrics;
pub mod outbox;
pub mod packet;
pub mod passwords;
pub mod peering;
pub mod reporter;
pub mod scene;
pub mod secrets;
pub mod segments;
pub mod speaker;
pub mod standing;
pub mod state;
pub mod status;
pub mod unnumbered;
pub mod wanted;
