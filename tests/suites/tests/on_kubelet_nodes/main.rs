//! The chart on nodes with containers: what a user installs.

mod chart;
mod dead_nodes;
mod rights;
mod uninstalling;
mod values;
