//! What is to be announced, from what is known. No clock and no socket.

pub mod decision;
pub mod wanted;
