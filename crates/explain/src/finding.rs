use serde::Serialize;

use crate::code::{Code, Severity};

/// Something that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub code: Code,
    /// The object that it is about, as kubectl takes it.
    pub object: String,
    /// What is so, in words.
    pub text: String,
    /// What to do about it, if there is anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// In words.
    pub advice: String,
    /// What to type.
    pub command: String,
}

impl Finding {
    pub(crate) fn new(code: Code, object: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            severity: code.severity(),
            code,
            object: object.into(),
            text: text.into(),
            next: None,
        }
    }

    pub(crate) fn next(mut self, advice: impl Into<String>, command: impl Into<String>) -> Self {
        self.next = Some(Next {
            advice: advice.into(),
            command: command.into(),
        });
        self
    }
}
