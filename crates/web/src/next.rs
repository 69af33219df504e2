//! Where a user was on the way to: `next`, as django-phone-auth calls it.

use http::Uri;
use phone_auth_urls::{AccountRoutes, local_path};

use crate::own_pages::OwnPages;
use crate::redirect::encode;

/// The name of the field of a form and of a query.
pub(crate) const NEXT: &str = "next";

/// A path of this site, if that is what it is and it leads somewhere: not to a page on the way, nor to one of the
/// application's own in the place of such a page.
pub(crate) fn read(routes: &AccountRoutes, own_pages: &OwnPages, typed: &str) -> Option<String> {
    let next = local_path(typed)?;
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let is_on_the_way = own_pages.has(path) || routes.is_on_the_way(path);
    (!is_on_the_way).then(|| next.into_owned())
}

/// The value of a field in a query, the first if there are several.
pub(crate) fn in_query<'u>(uri: &'u Uri, field: &str) -> Option<std::borrow::Cow<'u, str>> {
    let query = uri.query()?;
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields.find_map(|(name, value)| (name == field).then_some(value))
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
        let own_pages = OwnPages {
            sign_up: Some("/join/".to_owned()),
            log_in: Some("/enter/".to_owned()),
        };
        let routes = AccountRoutes::new("/accounts/").unwrap();
        for typed in [
            "/accounts/login/",
            "/accounts/login",
            "/accounts/login/?next=/a/",
            "/accounts/signup/#x",
            "/accounts/logout/",
            "/accounts/confirm_identity/?next=/a/",
            "/accounts/login_code/",
            "/accounts/login_code_done",
            "/accounts/login_confirm/ZW1haWwx/a-b/",
            "/accounts/password_reset/",
            "/accounts/password_reset_done/?asked=x",
            "/accounts/password_reset_confirm/NTg/set-password/",
            "/accounts/password_reset_complete/",
            "/accounts/close_account_done/",
            "/join/",
            "/join",
            "/join/?x",
            "/enter/",
            "/enter?next=/a/",
            "//evil.example/",
            "https://evil.example/",
            "",
        ] {
            assert_eq!(read(&routes, &own_pages, typed), None, "{typed}");
        }
        for typed in [
            "/",
            "/accounts/profile/",
            "/members/?a=/accounts/login/",
            "/accounts/logins/",
            "/accounts/sessions/",
            "/joins/",
            "/joi",
        ] {
            let read = read(&routes, &own_pages, typed);
            assert_eq!(read.as_deref(), Some(typed));
        }
        assert!(read(&routes, &OwnPages::default(), "/join/").is_some());
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
