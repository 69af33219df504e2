//! The country or territory whose numbers are meant when a number is typed without a calling code.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region as Code};

/// A country or territory that has a numbering plan, by its two letters (ISO 3166-1 alpha-2).
///
/// # Examples
/// ```
/// use phone_auth_core::address::Region;
///
/// assert_eq!(Region::named("ch").unwrap().as_str(), "CH");
/// assert!(Region::named("Switzerland").is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Region {
    code: Code,
    name: [u8; 2],
}

impl Region {
    /// The region of these two letters, in any case; `None` when it has no numbering plan.
    pub fn named(name: &str) -> Option<Self> {
        let name: [u8; 2] = name.to_ascii_uppercase().into_bytes().try_into().ok()?;
        let code = Code::from_code(std::str::from_utf8(&name).ok()?).ok()?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(code)?;
        Some(Self { code, name })
    }

    /// The two letters, in capitals.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or_default()
    }

    pub(super) const fn code(self) -> Code {
        self.code
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_numbering_plans() {
        for name in ["US", "ch", "IN", "gb"] {
            assert!(Region::named(name).is_some(), "{name}");
        }
        for name in ["", "U", "USA", "ZZ", "001", "é", "A1", "U S"] {
            assert!(Region::named(name).is_none(), "{name}");
        }
    }
}
