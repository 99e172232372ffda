/// What is amiss with an object that is in force. The text says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A BGPPeer with hold time 0 and no BFD (B5).
    #[error(
        "holdTime is 0 and there is no bfdProfile: a router that dies is never noticed; write a holdTime, or a bfdProfile"
    )]
    NeverExpires,
    /// A BFDProfile with `echoMode` (D17).
    #[error(
        "echoMode has no effect: Herald watches the path by control packets alone, as often as transmitInterval and \
         receiveInterval say; remove it"
    )]
    NoEcho,
}

impl Warning {
    /// The reason of the object's `Warning` condition: one word from a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NeverExpires => "NeverExpires",
            Self::NoEcho => "NoEcho",
        }
    }
}
