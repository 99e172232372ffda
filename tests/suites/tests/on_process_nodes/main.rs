//! Herald's binaries on process nodes: real API server, real kernel, real kube-proxy, every fault.

mod allocation;
mod announcing;
mod bad_input;
mod bgp;
mod controllers;
mod layer2;
mod migration;
mod other_writers;
mod outages;
mod plugin;
mod requests;
mod the_lab;
