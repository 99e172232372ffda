use std::fmt;

/// The state of one end of a session (RFC 5880 §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Switched off by an operator.
    AdminDown,
    /// The other end is not heard, or has just gone down.
    #[default]
    Down,
    /// The other end is heard; it is not known whether it hears.
    Init,
    /// Both ends hear each other.
    Up,
}

impl State {
    pub(crate) fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }

    pub(crate) fn bits(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

/// Why an end of a session changed its state the last time (RFC 5880 §4.1): five bits, of which those without a name survive.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic(u8);

impl Diagnostic {
    /// Nothing went wrong.
    pub const NONE: Self = Self(0);
    /// Nothing was heard for the detection time.
    pub const DETECTION_TIME_EXPIRED: Self = Self(1);
    /// The echo function failed.
    pub const ECHO_FAILED: Self = Self(2);
    /// The other end said that it is down.
    pub const NEIGHBOR_SIGNALED_DOWN: Self = Self(3);
    /// The forwarding plane was reset.
    pub const FORWARDING_PLANE_RESET: Self = Self(4);
    /// The path is down.
    pub const PATH_DOWN: Self = Self(5);
    /// A path further on is down.
    pub const CONCATENATED_PATH_DOWN: Self = Self(6);
    /// An operator switched the session off.
    pub const ADMINISTRATIVELY_DOWN: Self = Self(7);
    /// A path further on, in the other direction, is down.
    pub const REVERSE_CONCATENATED_PATH_DOWN: Self = Self(8);

    /// The one with this number, of which five bits count.
    #[must_use]
    pub const fn new(code: u8) -> Self {
        Self(code & 0x1f)
    }

    /// Its number: 0 to 31.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::NONE => "no diagnostic",
            Self::DETECTION_TIME_EXPIRED => "control detection time expired",
            Self::ECHO_FAILED => "echo function failed",
            Self::NEIGHBOR_SIGNALED_DOWN => "neighbor signaled session down",
            Self::FORWARDING_PLANE_RESET => "forwarding plane reset",
            Self::PATH_DOWN => "path down",
            Self::CONCATENATED_PATH_DOWN => "concatenated path down",
            Self::ADMINISTRATIVELY_DOWN => "administratively down",
            Self::REVERSE_CONCATENATED_PATH_DOWN => "reverse concatenated path down",
            Self(code) => return write!(f, "diagnostic {code}"),
        })
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Diagnostic({} {self})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_numbers_of_the_rfc() {
        let states = [State::AdminDown, State::Down, State::Init, State::Up];
        for (bits, state) in (0..).zip(states) {
            assert_eq!((state.bits(), State::from_bits(bits)), (bits, state));
        }
    }

    #[test]
    fn a_diagnostic_without_a_name_survives_as_a_number() {
        assert_eq!(Diagnostic::new(31).code(), 31);
        assert_eq!(Diagnostic::new(31).to_string(), "diagnostic 31");
        assert_eq!(
            Diagnostic::new(33),
            Diagnostic::DETECTION_TIME_EXPIRED,
            "five bits count"
        );
    }
}
