//! What a setting is, and the macro that says each once.

use super::table::Configuration;
use super::value::Given;
use crate::secrets::secrecy::Secrecy;

/// Takes a value, or does not because it is wrong.
type Take = fn(&mut Configuration, &Given<'_>) -> Option<()>;

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in a file, after the name of its section and a dot if it stands in one.
    pub(crate) name: &'static str,
    /// What a right value is, in words that end the sentence "x is not …".
    pub(crate) right: &'static str,
    /// What it is when nobody sets it.
    pub(crate) default: &'static str,
    /// What it does.
    pub(crate) does: &'static str,
    /// What may stand in its value.
    pub(super) secrecy: Secrecy,
    pub(super) take: Take,
}

impl Setting {
    /// The name of its variable of the environment, in small letters and without the prefix: with `_` for the dot.
    pub(super) fn in_variable(&self) -> String {
        self.name.replace('.', "_")
    }
}

/// Makes of the table of settings a struct for each section, the [`Configuration`] of all sections, and the list that
/// the file, the environment, messages, `phone-auth settings` and, by `cargo xtask docs`, the README are made from.
///
/// ```text
/// /// What the section is.
/// section: struct TheType "prefix_" {
///     /// what the setting `prefix_one` does
///     one: Duration = "10 s";
///     /// what the setting `two` does
///     two as "two": Option<u16> = "the usual one" in 1..=9;
///     /// what the setting `prefix_three` does
///     three: Option<PathBuf> = "none", "what it must be", reader;
/// }
/// ```
///
/// The default is a value, or a description where the type can hold none. What is expected and how it is read are the
/// type's ([`FromGiven`](super::kinds::FromGiven)), a range of numbers, or said at the end. A section with `type` for
/// `struct` is one that another crate has.
macro_rules! settings {
    ($(
        #[doc = $about:literal]
        $section:ident: $keyword:tt $Type:ident $prefix:literal {$(
            $(#[doc = $does:literal])+
            $field:ident $(as $name:literal)?: $type:ty = $default:literal
                $(in $least:literal..=$most:literal)? $(, $right:expr $(, $reader:ident)?)?;
        )+}
    )+) => {
        $(settings!(@section #[doc = $about] $keyword $Type { $($field: $type = $default,)+ });)+

        /// All settings, checked one by one and together.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct Configuration {
            $(#[doc = $about] pub(crate) $section: $Type,)+
            /// Where each of them was set.
            pub(crate) sources: Sources,
        }

        /// Every setting there is, in the order in which they are listed.
        pub(crate) static SETTINGS: &[Setting] = &[$($(
            Setting {
                name: settings!(@name $prefix $field $($name)?),
                right: settings!(@right $type $(, $least $most)? $(, $right)?),
                default: $default,
                does: concat!($($does),+).trim_ascii_start(),
                secrecy: <$type as FromGiven>::SECRECY,
                take: |to, given| {
                    $(within(given, $least..=$most)?;)?
                    to.$section.$field = settings!(@read given $type $(, $($reader)?)?)?;
                    Some(())
                },
            },
        )+)+];
    };
    (@section #[doc = $about:literal] struct $Type:ident { $($field:ident: $type:ty = $default:literal,)+ }) => {
        #[doc = $about]
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct $Type {
            $(pub(crate) $field: $type,)+
        }

        impl Default for $Type {
            fn default() -> Self {
                Self { $($field: FromGiven::by_default($default),)+ }
            }
        }
    };
    (@section #[doc = $about:literal] type $($of_another_crate:tt)+) => {};
    (@name $prefix:literal $field:ident) => { concat!($prefix, stringify!($field)) };
    (@name $prefix:literal $field:ident $name:literal) => { $name };
    (@right $type:ty) => { <$type as FromGiven>::RIGHT };
    (@right $type:ty, $least:literal $most:literal) => { concat!("a number from ", $least, " to ", $most) };
    (@right $type:ty, $right:expr) => { $right };
    (@read $given:ident $type:ty, $reader:ident) => { $reader($given).map(Into::into) };
    (@read $given:ident $type:ty $(,)?) => { <$type as FromGiven>::read($given) };
}

pub(super) use settings;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::SETTINGS;

    #[test]
    fn names_are_unique() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            let name = setting.in_variable();
            let first = SETTINGS
                .iter()
                .position(|other| other.in_variable() == name);
            assert_eq!(first, Some(at), "{}", setting.name);
        }
    }

    #[test]
    fn default_texts_give_defaults() {
        for setting in SETTINGS {
            let Some(text) = literal(setting.default) else {
                continue;
            };
            let mut configuration = Configuration::default();
            let taken = (setting.take)(&mut configuration, &Given::Text(text));
            assert_eq!(taken, Some(()), "{}", setting.name);
            assert_eq!(configuration, Configuration::default(), "{}", setting.name);
        }
    }

    #[test]
    fn readme_lists_what_is_there() {
        let readme = include_str!("../../README.md");
        let row = |setting: &Setting| {
            let Setting {
                name,
                default,
                does,
                ..
            } = setting;
            format!("| `{name}` | {default} | {does} |")
        };
        let listed = readme.lines().filter(|line| line.starts_with("| `"));
        let listed: Vec<_> = listed
            .filter(|line| !line.starts_with("| `phone-auth"))
            .collect();
        assert_eq!(listed, SETTINGS.iter().map(row).collect::<Vec<_>>());
    }

    /// The default as a value, unless it is a description.
    fn literal(default: &str) -> Option<&str> {
        let describes =
            default == "none" || default.starts_with("the ") || default.contains(" on ");
        (!describes).then_some(default)
    }
}
