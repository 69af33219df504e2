//! Where a user was on the way to: `next`, as django-phone-auth calls it.

use http::Uri;
use phone_auth_urls::{AccountPage, AccountRoutes, local_path};

use crate::redirect::encode;

/// The name of the field of a form and of a query.
pub(crate) const NEXT: &str = "next";

/// The pages that lead to others: who came to one of them after logging in would go in circles, or be logged out.
const ON_THE_WAY: [AccountPage; 4] = [
    AccountPage::Login,
    AccountPage::Signup,
    AccountPage::Logout,
    AccountPage::ConfirmIdentity,
];

/// A path of this site, if that is what it is and it leads somewhere.
pub(crate) fn read(routes: &AccountRoutes, typed: &str) -> Option<String> {
    let next = local_path(typed)?;
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let leads_back = |page: &AccountPage| {
        let page = routes.page(*page);
        path.trim_end_matches('/') == page.trim_end_matches('/')
    };
    (!ON_THE_WAY.iter().any(leads_back)).then(|| next.into_owned())
}

/// The value of a field in a query, the first if there are several.
pub(crate) fn in_query<'u>(uri: &'u Uri, field: &str) -> Option<std::borrow::Cow<'u, str>> {
    let query = uri.query()?;
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields.find_map(|(name, value)| (name == field).then_some(value))
}

/// Where a query says that the user was on the way to, if it leads somewhere.
pub(crate) fn in_query_of(routes: &AccountRoutes, uri: &Uri) -> Option<String> {
    read(routes, &in_query(uri, NEXT)?)
}

/// A path with `next` in its query, for a link or a redirect.
pub(crate) fn with(path: &str, fields: &[(&str, Option<&str>)]) -> String {
    let mut target = path.to_owned();
    let mut separator = '?';
    for (name, value) in fields {
        if let Some(value) = value {
            target.push(separator);
            target.push_str(name);
            target.push('=');
            encode(&mut target, value);
            separator = '&';
        }
    }
    target
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn pages_on_the_way_are_no_goals() {
        let routes = AccountRoutes::new("/accounts/").unwrap();
        for typed in [
            "/accounts/login/",
            "/accounts/login",
            "/accounts/login/?next=/a/",
            "/accounts/signup/#x",
            "/accounts/logout/",
            "/accounts/confirm_identity/?next=/a/",
            "//evil.example/",
            "https://evil.example/",
            "",
        ] {
            assert_eq!(read(&routes, typed), None, "{typed}");
        }
        for typed in [
            "/",
            "/accounts/profile/",
            "/members/?a=/accounts/login/",
            "/accounts/logins/",
        ] {
            assert_eq!(read(&routes, typed).as_deref(), Some(typed));
        }
    }

    #[test]
    fn fields_are_encoded() {
        let target = with(
            "/a/",
            &[
                ("notice", None),
                (NEXT, Some("/b/?c=d&e")),
                ("f", Some("g")),
            ],
        );
        assert_eq!(target, "/a/?next=/b/%3Fc%3Dd%26e&f=g");
    }
}
