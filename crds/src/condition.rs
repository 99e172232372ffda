//! The condition types that Herald's objects and its Services carry.

/// On IPPool and L2Advertisement: the object is in force (`True`), or is skipped and why (`False`).
pub const ACCEPTED: &str = "Accepted";
