//! The chart on nodes with containers: what a user installs.

mod chart;
