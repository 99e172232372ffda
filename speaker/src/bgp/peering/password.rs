use std::fmt;

use k8s_openapi::api::core::v1::Secret;

/// The longest key that TCP takes (RFC 2385; Linux).
const LONGEST: usize = 80;

/// The type of Secret that holds a password.
const BASIC_AUTH: &str = "kubernetes.io/basic-auth";

/// The key of TCP-MD5. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Vec<u8>);

/// Why a Secret holds no password for a peer. The text tells a person what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// There is none of that name.
    #[error(
        "there is no Secret {0} in Herald's namespace: create it, of type {BASIC_AUTH}, with the key password"
    )]
    Missing(String),
    /// It could not be read so far.
    #[error(
        "Secret {0} could not be read: the API server does not answer, or the speakers' role does not allow to list and watch it \
         (see speaker.passwordSecrets)"
    )]
    Unread(String),
    /// It is of another type.
    #[error("Secret {name} is of type {kind}: passwords are taken from type {BASIC_AUTH}")]
    Type {
        /// Its name.
        name: String,
        /// Its type.
        kind: String,
    },
    /// It has no key `password`, or that is empty.
    #[error("Secret {0} has no key password, or it is empty")]
    NoPassword(String),
    /// TCP takes no key of this length.
    #[error("the password of Secret {name} has {length} octets: TCP-MD5 takes {LONGEST} at most")]
    TooLong {
        /// Its name.
        name: String,
        /// How long it is.
        length: usize,
    },
}

impl SecretFault {
    /// The reason of the condition: one word from a closed list.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing(_) => "SecretMissing",
            Self::Unread(_) => "SecretUnread",
            Self::Type { .. } => "SecretType",
            Self::NoPassword(_) => "NoPassword",
            Self::TooLong { .. } => "PasswordTooLong",
        }
    }
}

impl Password {
    /// The password that a Secret named `name` holds, if it is there at all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(name: &str, secret: Option<&Secret>) -> Result<Self, SecretFault> {
        let name = name.to_owned();
        let Some(secret) = secret else {
            return Err(SecretFault::Missing(name));
        };
        let kind = secret.type_.as_deref().unwrap_or("Opaque");
        if kind != BASIC_AUTH {
            let kind = kind.to_owned();
            return Err(SecretFault::Type { name, kind });
        }
        let octets = secret.data.as_ref().and_then(|data| data.get("password"));
        match octets.map_or(&[][..], |octets| &octets.0) {
            [] => Err(SecretFault::NoPassword(name)),
            octets if octets.len() > LONGEST => Err(SecretFault::TooLong {
                name,
                length: octets.len(),
            }),
            octets => Ok(Self(octets.to_vec())),
        }
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn secret(kind: &str, key: &str, value: &str) -> Secret {
        Secret {
            type_: Some(kind.to_owned()),
            data: Some([(key.to_owned(), ByteString(value.as_bytes().to_vec()))].into()),
            ..Secret::default()
        }
    }

    fn read(secret: &Secret) -> Result<Password, SecretFault> {
        Password::read("tor", Some(secret))
    }

    /// P-BGP-15
    #[test]
    fn the_password_of_a_basic_auth_secret_is_read_and_never_printed() {
        let password = read(&secret(BASIC_AUTH, "password", "s3cret")).unwrap();
        assert_eq!(password.octets(), b"s3cret");
        assert_eq!(format!("{password:?}"), "Password");
    }

    /// P-CFG-25, P-CFG-37, P-OBS-7
    #[test]
    fn what_is_wrong_with_a_secret_is_named() {
        let fault = |result: Result<Password, SecretFault>| result.unwrap_err().to_string();
        assert!(fault(Password::read("tor", None)).starts_with("there is no Secret tor"));
        let opaque = fault(read(&secret("Opaque", "password", "x")));
        assert!(
            opaque.contains("is of type Opaque") && opaque.contains(BASIC_AUTH),
            "{opaque}"
        );
        for (key, value) in [("pass", "x"), ("password", "")] {
            assert!(fault(read(&secret(BASIC_AUTH, key, value))).contains("no key password"));
        }
        assert!(fault(read(&secret(BASIC_AUTH, "password", &"x".repeat(81)))).contains("81 octets"));
        read(&secret(BASIC_AUTH, "password", &"x".repeat(80))).unwrap();
    }
}
