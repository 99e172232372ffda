//! The chart on nodes with containers: what a user installs.

mod chart;
mod rights;
mod uninstalling;
mod values;
