//! The condition types that Herald's objects and its Services carry.

/// On every kind that a user writes: the object is in force (`True`), or is skipped and why (`False`).
pub const ACCEPTED: &str = "Accepted";

/// On kinds that can be in force and amiss all the same: there, and `True`, when it is so, and why.
pub const WARNING: &str = "Warning";

/// On Services: it has the addresses that it asks for (`True`), or not and why (`False`).
pub const ALLOCATED: &str = "heraldlb.io/Allocated";

/// On Services: nodes announce its addresses (`True`), or not and why (`False`).
pub const ANNOUNCED: &str = "heraldlb.io/Announced";

/// On Speakers: the node was taken for dead and lives, as its kubelet has shown, and other speakers have not heard it for a minute since (`True`).
pub const CUT_OFF: &str = "CutOff";
