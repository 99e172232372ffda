//! What a Community means, and what BGPAdvertisements write in `communities`.

use std::collections::BTreeMap;

use bgp::{Community, CommunityError, LargeCommunity};

use crate::fault::{CommunityFault, Fault};

/// The names that one Community gives, each with its place and what it stands for.
pub(crate) type Aliases = BTreeMap<String, (usize, Value)>;

/// A community of either form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Plain(Community),
    Large(LargeCommunity),
}

impl Value {
    pub(crate) fn read(text: &str) -> Result<Self, CommunityError> {
        match text.starts_with("large:") {
            true => text.parse().map(Self::Large),
            false => text.parse().map(Self::Plain),
        }
    }
}

/// Whether the text can be the name of a community: it is none itself, nor anything that looks like one (P-CFG-38). A number alone
/// is the old way to write one.
pub(crate) fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut characters = text.chars();
    text.chars().all(known)
        && end(characters.next())
        && end(text.chars().next_back())
        && !text.chars().all(|c| c.is_ascii_digit())
}

/// Reads one Community by itself.
pub(crate) fn aliases(object: &crds::Community) -> Result<Aliases, Fault> {
    let mut aliases = Aliases::new();
    for (index, alias) in object.spec.communities.iter().enumerate() {
        let name = alias.name.clone();
        if !is_name(&name) {
            return Err(CommunityFault::Name { index, name }.into());
        }
        let value = Value::read(&alias.value).map_err(|source| CommunityFault::Value { index, source })?;
        if let Some((first, _)) = aliases.insert(name, (index, value)) {
            return Err(Fault::Duplicate {
                field: "communities".to_owned(),
                first,
                second: index,
            });
        }
    }
    Ok(aliases)
}

/// A name of `aliases` that another Community has already.
pub(crate) fn taken(object: &Aliases, in_force: &BTreeMap<String, Aliases>) -> Option<Fault> {
    object.iter().find_map(|(name, &(index, _))| {
        let (other, _) = in_force.iter().find(|(_, aliases)| aliases.contains_key(name))?;
        let taken = CommunityFault::Taken {
            index,
            name: name.clone(),
            other: other.clone(),
        };
        Some(taken.into())
    })
}
