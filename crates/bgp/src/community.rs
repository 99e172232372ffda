use std::fmt;
use std::str::FromStr;

/// A community (RFC 1997), written `65000:100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Community(pub u32);

impl Community {
    /// The routes are about to be withdrawn (RFC 8326 §5).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xFFFF_0000);
}

/// A large community (RFC 8092), written `large:4200000000:1:2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LargeCommunity {
    /// Whose the meaning is.
    pub global: u32,
    /// First part of it.
    pub local_1: u32,
    /// Second part of it.
    pub local_2: u32,
}

/// How much traffic a next hop wants, beside others of the same route (RFC 10005): octets per second as an integer, so that
/// it is never negative and never not a number. Sent as an extended community with a 32-bit float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkBandwidth(pub u32);

/// Why a text is no community.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommunityError {
    /// It looks like neither form.
    #[error("{0:?} is no community: write 65000:100, or large:4200000000:1:2")]
    NotACommunity(String),
    /// A part of it is no number, or too large.
    #[error("{part:?} in {text:?} is no number from 0 to {most}")]
    Part {
        /// All of it.
        text: String,
        /// The part.
        part: String,
        /// The largest it may be.
        most: u32,
    },
}

impl FromStr for Community {
    type Err = CommunityError;

    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let parts: Vec<&str> = text.split(':').collect();
        let [high, low] = parts.as_slice() else {
            return Err(CommunityError::NotACommunity(text.to_owned()));
        };
        let most = u32::from(u16::MAX);
        Ok(Self(number(text, high, most)? << 16 | number(text, low, most)?))
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0 >> 16, self.0 & 0xFFFF)
    }
}

impl FromStr for LargeCommunity {
    type Err = CommunityError;

    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["large", global, local_1, local_2] = parts.as_slice() else {
            return Err(CommunityError::NotACommunity(text.to_owned()));
        };
        let part = |part: &str| number(text, part, u32::MAX);
        Ok(Self {
            global: part(global)?,
            local_1: part(local_1)?,
            local_2: part(local_2)?,
        })
    }
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "large:{}:{}:{}", self.global, self.local_1, self.local_2)
    }
}

fn number(text: &str, part: &str, most: u32) -> Result<u32, CommunityError> {
    // A sign is what `parse` would take.
    let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = part.parse().ok().filter(|number| digits && *number <= most);
    number.ok_or_else(|| CommunityError::Part {
        text: text.to_owned(),
        part: part.to_owned(),
        most,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communities_read_as_they_are_written() {
        for text in ["0:0", "65000:100", "65535:65535"] {
            assert_eq!(text.parse::<Community>().unwrap().to_string(), text);
        }
        for text in ["large:0:0:0", "large:4294967295:1:4294967295"] {
            assert_eq!(text.parse::<LargeCommunity>().unwrap().to_string(), text);
        }
        assert_eq!(Community::GRACEFUL_SHUTDOWN.to_string(), "65535:0");
    }

    /// P-CFG-35
    #[test]
    fn a_part_that_is_too_large_or_no_number_is_named() {
        let error = "65536:1".parse::<Community>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"65536\" in \"65536:1\" is no number from 0 to 65535"
        );
        for text in ["", "1", "1:2:3", "large:1:2:3"] {
            assert_eq!(
                text.parse::<Community>(),
                Err(CommunityError::NotACommunity(text.to_owned()))
            );
        }
        for text in ["+1:2", "1:", "-1:2", "a:b"] {
            assert!(
                matches!(text.parse::<Community>(), Err(CommunityError::Part { .. })),
                "{text}"
            );
        }
        assert!("large:4294967296:0:0".parse::<LargeCommunity>().is_err());
    }
}
