//! What the speaker follows besides its link to the kernel: Secrets, keys, kube-proxy, whether the API server is in reach, how it is to end.

pub mod contact;
pub mod datapath;
pub mod departure;
pub mod forwarding;
pub mod keys;
pub mod secrets;
pub mod serving;
pub mod slices;
pub mod sources;
pub mod speakers;
