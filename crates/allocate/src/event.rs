use crate::request::Target;

/// Something that users are told of an object, where `kubectl describe` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The object.
    pub about: Target,
    /// The `uid` of the object.
    pub uid: Option<String>,
    /// Whether it is as users want it.
    pub type_: EventType,
    /// One word from a closed list.
    pub reason: &'static str,
    /// What was being done.
    pub action: &'static str,
    /// A sentence for people.
    pub note: String,
}

/// Whether something is as users want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It is.
    Normal,
    /// It is not.
    Warning,
}
