//! Names for paths: reverse a name to its path, resolve a path to its name.
//!
//! It knows no HTTP: who handles a route is the router's business.

use core::fmt;
use std::borrow::Cow;

use crate::page::NAMESPACE;
use crate::pattern::{self, Pattern};
use crate::percent;
use crate::{AccountPage, ReverseError, ReverseErrorKind, RouteError, RouteErrorKind, UrlPath};

/// A set of named routes.
///
/// # Examples
///
/// ```
/// use phone_auth_urls::{ReverseErrorKind, Routes};
///
/// let routes = Routes::builder()
///     .accounts("/accounts/")
///     .route("order", "/orders/{id}/")
///     .build()?;
///
/// let url = routes.reverse("order", &[("id", "a/7")])?;
/// assert_eq!(url.as_str(), "/orders/a%2F7/");
/// assert_eq!(routes.reverse("phone_login", &[])?.as_str(), "/accounts/login/");
///
/// let resolved = routes.resolve("/orders/a%2F7/").unwrap();
/// assert_eq!(resolved.name(), "order");
/// assert_eq!(resolved.param("id").as_deref(), Some("a/7"));
///
/// let refused = routes.reverse("order", &[]).unwrap_err();
/// assert_eq!(refused.kind(), ReverseErrorKind::MissingParameter);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Routes {
    /// In the order in which they were added.
    all: Vec<Route>,
    /// Every name and alias with the place of its route, in the order of the names.
    names: Vec<(String, usize)>,
    tree: matchit::Router<Target>,
}

#[derive(Clone)]
struct Route {
    name: String,
    pattern: Pattern,
}

/// What a path leads to.
#[derive(Clone)]
struct Target {
    name: String,
    /// How many bytes come before the first value: all of them when there is none.
    literal: usize,
}

impl Routes {
    /// The pages of accounts under a mount such as `/accounts/`.
    ///
    /// Templates may also ask for them with the namespace of django-phone-auth:
    /// `phone_auth:phone_login`.
    ///
    /// # Errors
    ///
    /// [`RouteErrorKind::BadMount`]: the mount does not begin and end with `/`, or has an empty, `.` or
    /// `..` segment, or characters that need encoding.
    pub fn accounts(mount: &str) -> Result<Self, RouteError> {
        Self::builder().accounts(mount).build()
    }

    /// A set of one's own.
    pub fn builder() -> RoutesBuilder {
        RoutesBuilder::default()
    }

    /// The path of a route, its parameters filled in and percent-encoded.
    ///
    /// # Errors
    ///
    /// - [`ReverseErrorKind::UnknownName`]: no route has that name.
    /// - [`ReverseErrorKind::MissingParameter`]: one of the route's parameters is not given.
    /// - [`ReverseErrorKind::UnexpectedParameter`]: more are given than it has.
    /// - [`ReverseErrorKind::UnsafeValue`]: a value is empty, `.` or `..`, which browsers take for
    ///   another page however they are encoded.
    pub fn reverse(&self, name: &str, values: &[(&str, &str)]) -> Result<UrlPath, ReverseError> {
        let route = self
            .named(name)
            .ok_or(ReverseError::new(ReverseErrorKind::UnknownName))?;
        route.pattern.fill(values).map(UrlPath::new)
    }

    /// The route of a path, or `None` when there is none.
    ///
    /// Paths are compared as they stand: one letter in another case, a missing final slash or a
    /// percent-encoded letter is another path. A value that is not valid percent-encoded UTF-8, and a
    /// text with a query or fragment, resolve to nothing.
    pub fn resolve<'r, 'p>(&'r self, path: &'p str) -> Option<Resolved<'r, 'p>> {
        let found = self.tree.at(path).ok()?;
        // What comes before the values has matched byte for byte.
        let is_odd = is_odd(path.get(found.value.literal..).unwrap_or_default());
        if is_odd && !has_clean_values(path, &found.params) {
            return None;
        }
        Some(Resolved {
            found,
            is_encoded: is_odd,
        })
    }

    /// Whether a route has that name.
    pub fn has(&self, name: &str) -> bool {
        self.named(name).is_some()
    }

    /// The names of all routes, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|route| &*route.name)
    }

    fn named(&self, name: &str) -> Option<&Route> {
        let found = self
            .names
            .binary_search_by(|(known, _)| known.as_str().cmp(name));
        let (_, place) = self.names.get(found.ok()?)?;
        self.all.get(*place)
    }
}

/// Tells the names.
impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Collects routes for [`Routes`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct RoutesBuilder {
    mounts: Vec<String>,
    /// Name, alias if there is one, pattern.
    routes: Vec<(String, Option<String>, String)>,
}

impl RoutesBuilder {
    /// Adds the pages of accounts under a mount such as `/accounts/`.
    ///
    /// # Examples
    /// ```
    /// let routes = phone_auth_urls::Routes::builder().accounts("/members/").build()?;
    /// assert!(routes.has("phone_login"));
    /// # Ok::<(), phone_auth_urls::RouteError>(())
    /// ```
    pub fn accounts(mut self, mount: &str) -> Self {
        self.mounts.push(mount.to_owned());
        for page in AccountPage::ALL {
            self.routes.push((
                page.name().to_owned(),
                Some(format!("{NAMESPACE}{}", page.name())),
                format!("{mount}{}", page.pattern()),
            ));
        }
        self
    }

    /// Adds a route: a name made of letters, digits and `_`, `-`, `.`, `:`, and a pattern such as
    /// `/orders/{id}/`. A parameter fills a whole segment.
    ///
    /// # Examples
    /// ```
    /// let routes = phone_auth_urls::Routes::builder().route("order", "/orders/{id}/").build()?;
    /// assert!(routes.has("order"));
    /// # Ok::<(), phone_auth_urls::RouteError>(())
    /// ```
    pub fn route(mut self, name: &str, pattern: &str) -> Self {
        self.routes
            .push((name.to_owned(), None, pattern.to_owned()));
        self
    }

    /// Checks the routes and puts them in order.
    ///
    /// # Errors
    ///
    /// A [`RouteError`] that names the first route that is wrong:
    /// - [`RouteErrorKind::BadMount`], [`RouteErrorKind::BadPattern`], [`RouteErrorKind::BadName`]: not
    ///   of the forms above.
    /// - [`RouteErrorKind::DuplicateName`]: two routes have one name.
    /// - [`RouteErrorKind::Conflict`]: two patterns match the same paths.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_urls::{RouteErrorKind, Routes};
    ///
    /// let error = Routes::builder().route("order", "orders").build().unwrap_err();
    /// assert_eq!(error.kind(), RouteErrorKind::BadPattern);
    /// ```
    pub fn build(self) -> Result<Routes, RouteError> {
        if let Some(mount) = self.mounts.iter().find(|mount| !pattern::is_mount(mount)) {
            return Err(RouteError::new(RouteErrorKind::BadMount, mount));
        }
        let mut built = Routes {
            all: Vec::with_capacity(self.routes.len()),
            names: Vec::with_capacity(self.routes.len()),
            tree: matchit::Router::new(),
        };
        for (place, (name, alias, text)) in self.routes.into_iter().enumerate() {
            if !is_name(&name) {
                return Err(RouteError::new(RouteErrorKind::BadName, &name));
            }
            let pattern = Pattern::parse(&text)
                .ok_or_else(|| RouteError::new(RouteErrorKind::BadPattern, &text))?;
            let target = Target {
                name: name.clone(),
                literal: pattern.literal(),
            };
            built
                .tree
                .insert(&*text, target)
                .map_err(|_conflict| RouteError::new(RouteErrorKind::Conflict, &text))?;
            built.names.push((name.clone(), place));
            built.names.extend(alias.map(|alias| (alias, place)));
            built.all.push(Route { name, pattern });
        }
        built.names.sort();
        let twice = built
            .names
            .iter()
            .zip(built.names.iter().skip(1))
            .find(|((one, _), (other, _))| one == other);
        match twice {
            Some(((name, _), _)) => Err(RouteError::new(RouteErrorKind::DuplicateName, name)),
            None => Ok(built),
        }
    }
}

/// What a path was resolved to.
pub struct Resolved<'r, 'p> {
    found: matchit::Match<'r, 'p, &'r Target>,
    /// Whether a value may be percent-encoded.
    is_encoded: bool,
}

impl<'r, 'p> Resolved<'r, 'p> {
    /// The name of the route.
    pub fn name(&self) -> &'r str {
        &self.found.value.name
    }

    /// The value of a parameter, percent-decoded, or `None` when the route has no such parameter.
    pub fn param(&self, name: &str) -> Option<Cow<'p, str>> {
        self.found
            .params
            .get(name)
            .and_then(|value| self.decoded(value))
    }

    /// All parameters and their values, in the order of the pattern.
    pub fn params(&self) -> impl Iterator<Item = (&'r str, Cow<'p, str>)> {
        self.found
            .params
            .iter()
            .filter_map(|(name, value)| Some((name, self.decoded(value)?)))
    }

    /// What a value stands for. That it can be decoded was seen when the path was resolved.
    fn decoded(&self, value: &'p str) -> Option<Cow<'p, str>> {
        if self.is_encoded {
            percent::decode(value)
        } else {
            Some(Cow::Borrowed(value))
        }
    }
}

/// Shows the names only: a value may be a token.
impl fmt::Debug for Resolved<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params: Vec<&str> = self.found.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("Resolved")
            .field("name", &self.name())
            .field("params", &params)
            .finish()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'))
}

/// Whether a text may be encoded, or be more than a path. Written so that the compiler looks at many
/// bytes at a time.
fn is_odd(text: &str) -> bool {
    let found = text.bytes().fold(0_u8, |found, byte| {
        found | u8::from(byte == b'%') | u8::from(byte == b'?') | u8::from(byte == b'#')
    });
    found != 0
}

/// Whether the path has neither query nor fragment and its values can be decoded.
#[cold]
fn has_clean_values(path: &str, params: &matchit::Params<'_, '_>) -> bool {
    !path.contains(['?', '#'])
        && params
            .iter()
            .all(|(_, value)| percent::decode(value).is_some())
}
