//! Why routes were refused, and why a path could not be made.

use core::fmt;

/// Why a set of routes was refused when it was built.
#[derive(Clone, PartialEq, Eq)]
pub struct RouteError {
    kind: RouteErrorKind,
    subject: String,
}

impl RouteError {
    pub(crate) fn new(kind: RouteErrorKind, subject: &str) -> Self {
        Self {
            kind,
            subject: subject.to_owned(),
        }
    }

    /// What was wrong.
    pub fn kind(&self) -> RouteErrorKind {
        self.kind
    }

    /// The mount, pattern or name it is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, subject } = self;
        match kind {
            RouteErrorKind::BadMount => write!(
                f,
                "the mount {subject:?} is not a path such as \"/accounts/\", with a slash at both ends"
            ),
            RouteErrorKind::BadPattern => write!(
                f,
                "the pattern {subject:?} is not a path such as \"/orders/{{id}}/\""
            ),
            RouteErrorKind::BadName => write!(
                f,
                "the route name {subject:?} is not made of letters, digits and `_`, `-`, `.`, `:`"
            ),
            RouteErrorKind::DuplicateName => {
                write!(f, "the route name {subject:?} is used twice")
            }
            RouteErrorKind::Conflict => write!(
                f,
                "the pattern {subject:?} matches the same paths as another"
            ),
        }
    }
}

impl fmt::Debug for RouteError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for RouteError {}

/// The kinds of [`RouteError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouteErrorKind {
    /// A mount that does not begin and end with `/`, or has an empty, `.` or `..` segment, or
    /// characters that need encoding.
    BadMount,
    /// A pattern that does not begin with `/`, or has such a segment, or a parameter that is twice
    /// there or not a whole segment.
    BadPattern,
    /// A name that is empty, or has characters other than letters, digits and `_`, `-`, `.`, `:`.
    BadName,
    /// A name that another route has.
    DuplicateName,
    /// A pattern that matches the same paths as that of another route.
    Conflict,
}

/// Why the path of a route could not be made.
///
/// It tells the kind only: the values may be secrets.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.kind.sentence())]
pub struct ReverseError {
    kind: ReverseErrorKind,
}

impl fmt::Debug for ReverseError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ReverseError {
    pub(crate) const fn new(kind: ReverseErrorKind) -> Self {
        Self { kind }
    }

    /// What was wrong.
    pub const fn kind(&self) -> ReverseErrorKind {
        self.kind
    }
}

/// The kinds of [`ReverseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReverseErrorKind {
    /// No route has that name.
    UnknownName,
    /// A parameter of the route was not given.
    MissingParameter,
    /// More parameters were given than the route has.
    UnexpectedParameter,
    /// A value is empty, `.` or `..`: browsers would go to another page.
    UnsafeValue,
}

impl ReverseErrorKind {
    const fn sentence(self) -> &'static str {
        match self {
            Self::UnknownName => "no route has that name",
            Self::MissingParameter => "a parameter of the route is missing",
            Self::UnexpectedParameter => "the route has fewer parameters",
            Self::UnsafeValue => "a parameter is empty or a dot segment",
        }
    }
}
