//! What one cell of the matrix showed.

use std::fmt::{self, Display};

use crate::link_matrix::artefact::Artefact;
use crate::link_matrix::profile::Profile;

/// What one cell of the matrix showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran, and these receivers heard.
    Heard(Vec<String>),
    /// The dispatcher was not built: the program said why.
    Refused(String),
    /// It was not built or did not run: the last line of what was said.
    Broken(String),
    /// It was not tried, for a reason that fits in a cell.
    Untried(&'static str),
}

impl Outcome {
    /// Reads what the application printed.
    pub(crate) fn of_output(printed: &str) -> Self {
        let line = |start| {
            printed
                .lines()
                .find_map(|line: &str| line.strip_prefix(start))
        };
        if let Some(heard) = line("heard:") {
            return Self::Heard(heard.split_whitespace().map(ToOwned::to_owned).collect());
        }
        match line("refused:") {
            Some(why) => Self::Refused(why.trim().to_owned()),
            None => Self::Broken("it printed no report".to_owned()),
        }
    }

    /// What was said last, by a program that failed.
    pub(crate) fn of_failure(said: &str) -> Self {
        let last = said
            .lines()
            .rev()
            .find(|line| line.contains("error"))
            .or(said.lines().last());
        Self::Broken(last.unwrap_or("without a word").trim().to_owned())
    }

    /// What is wrong with it in this place; nothing, if it is as it should be or as it is known.
    pub(crate) fn complaint(&self, artefact: Artefact, profile: Profile) -> Option<String> {
        let is_supported = artefact.is_supported_with(profile);
        match self {
            Self::Heard(heard) if heard == &Artefact::EXPECTED => None,
            Self::Heard(heard) => {
                let more: Vec<_> = heard
                    .iter()
                    .filter(|name| !is_expected(name))
                    .map(String::as_str)
                    .collect();
                let lost: Vec<_> = Artefact::EXPECTED
                    .into_iter()
                    .filter(|name| !has(heard, name))
                    .collect();
                let is_known = artefact.may_lose_silently_with(profile) && more.is_empty();
                (!is_known)
                    .then(|| format!("lost: {}; unexpected: {}", lost.join(" "), more.join(" ")))
            }
            Self::Refused(why) => is_supported.then(|| format!("refused: {why}")),
            // What is known to lose receivers or to be refused is still known to run.
            Self::Broken(why) => Some(format!("broken: {why}")),
            Self::Untried(_) => None,
        }
    }
}

fn is_expected(name: &str) -> bool {
    Artefact::EXPECTED.contains(&name)
}

fn has(heard: &[String], name: &str) -> bool {
    heard.iter().any(|one| one == name)
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heard(heard) => {
                let found = heard.iter().filter(|name| is_expected(name)).count();
                write!(f, "{found}/{}", Artefact::EXPECTED.len())
            }
            Self::Refused(_) => f.write_str("refused"),
            Self::Broken(_) => f.write_str("broken"),
            Self::Untried(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(names: &[&str]) -> Outcome {
        Outcome::Heard(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn report_is_read() {
        let outcome = Outcome::of_output("running 1 test\n\nheard: a b\nok\n");
        assert_eq!(outcome, heard(&["a", "b"]));
        let outcome = Outcome::of_output("refused: they disagree\n");
        assert_eq!(outcome, Outcome::Refused("they disagree".to_owned()));
    }

    #[test]
    fn silence_is_broken() {
        assert!(matches!(Outcome::of_output("hello\n"), Outcome::Broken(_)));
    }

    #[test]
    fn whole_report_is_fine() {
        let whole = heard(&Artefact::EXPECTED);
        assert_eq!(whole.complaint(Artefact::Program, Profile::Dev), None);
        assert_eq!(whole.to_string(), "11/11");
    }

    #[test]
    fn lost_receiver_is_complained_of() {
        let [_first, rest @ ..] = Artefact::EXPECTED;
        let complaint = heard(&rest).complaint(Artefact::Program, Profile::Dev);
        assert_eq!(
            complaint.as_deref(),
            Some("lost: app.awaited; unexpected: ")
        );
        assert_eq!(heard(&rest).complaint(Artefact::Wasm, Profile::Dev), None);
        assert!(
            heard(&rest)
                .complaint(Artefact::Wasm, Profile::FatLto)
                .is_some()
        );
        assert!(
            heard(&rest)
                .complaint(Artefact::Dylib, Profile::Dev)
                .is_some()
        );
    }

    #[test]
    fn unnamed_plugin_is_complained_of() {
        let mut names = Artefact::EXPECTED.to_vec();
        names.push("unnamed.awaited");
        assert!(
            heard(&names)
                .complaint(Artefact::Program, Profile::Dev)
                .is_some()
        );
    }

    #[test]
    fn receiver_called_twice_is_complained_of() {
        let mut names = Artefact::EXPECTED.to_vec();
        names.push("last");
        assert!(
            heard(&names)
                .complaint(Artefact::Program, Profile::Dev)
                .is_some()
        );
    }

    #[test]
    fn broken_cell_is_complained_of() {
        let broken = Outcome::Broken("no space is left".to_owned());
        for artefact in [Artefact::Program, Artefact::Dylib, Artefact::Wasm] {
            let complaint = broken.complaint(artefact, Profile::Dev);
            assert_eq!(complaint.as_deref(), Some("broken: no space is left"));
        }
    }

    #[test]
    fn refusal_is_loud_enough_for_dylibs() {
        let refused = Outcome::Refused("they disagree".to_owned());
        assert_eq!(refused.complaint(Artefact::Dylib, Profile::Dev), None);
        assert!(refused.complaint(Artefact::Program, Profile::Dev).is_some());
    }
}
