use crate::Diagnostic;

/// What the protocols that rely on the path are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The path works.
    Up,
    /// The path worked and does not any more: to be treated as if their own hold timer had expired (RFC 5882 §4.2).
    Down(Diagnostic),
    /// One end has switched the session off, which says nothing about the path (RFC 5882 §4.2): nobody is to react.
    AdminDown,
}
