//! Names to paths and back.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_urls::{
    AccountPage, AccountRoutes, AddressKind, ReverseErrorKind, RouteErrorKind, Routes, SET_PASSWORD,
};
use proptest::prelude::*;

fn accounts() -> AccountRoutes {
    AccountRoutes::new("/accounts/").unwrap()
}

/// The names and paths of django-phone-auth, mounted at `/accounts/`.
const PAGES: [(&str, &str); 22] = [
    ("phone_signup", "/accounts/signup/"),
    ("phone_login", "/accounts/login/"),
    ("phone_logout", "/accounts/logout/"),
    ("phone_password_reset", "/accounts/password_reset/"),
    (
        "phone_password_reset_done",
        "/accounts/password_reset_done/",
    ),
    (
        "phone_password_reset_confirm",
        "/accounts/password_reset_confirm/{uidb64}/{token}/",
    ),
    (
        "phone_password_reset_complete",
        "/accounts/password_reset_complete/",
    ),
    ("phone_change_password", "/accounts/change_password/"),
    (
        "phone_change_password_done",
        "/accounts/change_password_done/",
    ),
    ("phone_email_verification", "/accounts/user_verification/"),
    (
        "phone_email_verification_confirm",
        "/accounts/user_verification_confirm/{idb64}/{token}/",
    ),
    ("add_phone", "/accounts/phone/add/"),
    ("add_email", "/accounts/email/add/"),
    ("phone_address", "/accounts/address/"),
    ("phone_confirm_identity", "/accounts/confirm_identity/"),
    ("phone_close_account", "/accounts/close_account/"),
    ("phone_close_account_done", "/accounts/close_account_done/"),
    ("phone_export_account", "/accounts/export_account/"),
    ("phone_login_code", "/accounts/login_code/"),
    ("phone_login_code_done", "/accounts/login_code_done/"),
    (
        "phone_login_confirm",
        "/accounts/login_confirm/{idb64}/{token}/",
    ),
    ("phone_sessions", "/accounts/sessions/"),
];

#[test]
fn pages_have_the_models_names() {
    let routes = accounts();
    let pages: Vec<(&str, &str)> = AccountPage::ALL
        .into_iter()
        .map(|page| (page.name(), routes.page(page)))
        .collect();
    assert_eq!(pages, PAGES);
    assert_eq!(
        routes.routes().names().collect::<Vec<_>>(),
        PAGES.map(|(name, _)| name)
    );
}

#[test]
fn names_reverse_and_resolve() {
    let routes = accounts();
    let values: [(&str, &str); 3] = [("uidb64", "MQ"), ("idb64", "ZW1haWwx"), ("token", "a-b")];
    for (name, pattern) in PAGES {
        let used: Vec<(&str, &str)> = values
            .into_iter()
            .filter(|(value, _)| pattern.contains(&format!("{{{value}}}")))
            .collect();
        let path = used.iter().fold(pattern.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        });
        for asked in [name.to_owned(), format!("phone_auth:{name}")] {
            let url = routes.routes().reverse(&asked, &used).unwrap();
            assert_eq!(url.as_str(), path, "{asked}");
            assert_eq!(AccountPage::from_name(&asked).unwrap().name(), name);
        }
        let resolved = routes.routes().resolve(&path).unwrap();
        assert_eq!(resolved.name(), name);
        let params: Vec<(&str, String)> = resolved
            .params()
            .map(|(name, value)| (name, value.into_owned()))
            .collect();
        assert_eq!(
            params,
            used.iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn typed_links_match_names() {
    let typed = accounts();
    let named = Routes::accounts("/accounts/").unwrap();
    assert_eq!(
        typed.password_reset_confirm(1, "t-0a").unwrap().as_str(),
        named
            .reverse(
                "phone_password_reset_confirm",
                &[("token", "t-0a"), ("uidb64", "MQ")]
            )
            .unwrap()
            .as_str()
    );
    assert_eq!(
        typed
            .email_verification_confirm(AddressKind::Phone, 7, "t-0a")
            .unwrap()
            .as_str(),
        "/accounts/user_verification_confirm/cGhvbmU3/t-0a/"
    );
    assert_eq!(
        typed
            .password_reset_confirm(58, SET_PASSWORD)
            .unwrap()
            .as_str(),
        "/accounts/password_reset_confirm/NTg/set-password/"
    );
}

#[test]
fn other_paths_resolve_to_nothing() {
    let routes = accounts();
    for path in [
        "",
        "/",
        "login/",
        "/accounts/",
        "/accounts",
        "/accounts/login",
        "/accounts//login/",
        "//accounts/login/",
        "/accounts/login//",
        "/accounts/Login/",
        "/accounts/%6cogin/",
        "/accounts/login/?next=/",
        "/accounts/login/#top",
        "/accounts/../accounts/login/",
        "/accounts/password_reset_confirm/MQ/",
        "/accounts/password_reset_confirm/MQ//",
        "/accounts/password_reset_confirm//t/",
        "/accounts/password_reset_confirm/MQ/t",
        "/accounts/password_reset_confirm/MQ/t/u/",
        "/accounts/password_reset_confirm/MQ/t?a/",
        "/accounts/password_reset_confirm/MQ/t#a/",
        "/accounts/password_reset_confirm/MQ/%/",
        "/accounts/password_reset_confirm/MQ/%f/",
        "/accounts/password_reset_confirm/MQ/%ff/",
        "/accounts/password_reset_confirm/%zz/t/",
    ] {
        assert!(routes.routes().resolve(path).is_none(), "{path}");
    }
}

#[test]
fn odd_mounts_are_refused() {
    for mount in [
        "",
        "accounts/",
        "/accounts",
        "//",
        "//accounts/",
        "/accounts//",
        "/a//b/",
        "/./",
        "/../",
        "/a/../",
        "/a b/",
        "/é/",
        "/%41/",
        "/{lang}/",
        "/a?b/",
        "/a\\b/",
        "/a\n/",
        "https://example.org/accounts/",
    ] {
        let refused = AccountRoutes::new(mount).unwrap_err();
        assert_eq!(refused.kind(), RouteErrorKind::BadMount, "{mount:?}");
        assert_eq!(refused.subject(), mount);
    }
}

#[test]
fn any_clean_mount_works() {
    for mount in ["/", "/accounts/", "/en/my.accounts_2~-/"] {
        let routes = AccountRoutes::new(mount).unwrap();
        assert_eq!(routes.mount(), mount);
        let path = format!("{mount}login/");
        assert_eq!(routes.page(AccountPage::Login), path);
        assert_eq!(
            routes.routes().resolve(&path).unwrap().name(),
            "phone_login"
        );
    }
}

#[track_caller]
fn refused_pattern(pattern: &str) -> RouteErrorKind {
    let refused = Routes::builder().route("a", pattern).build().unwrap_err();
    assert_eq!(refused.subject(), pattern);
    refused.kind()
}

#[test]
fn odd_patterns_are_refused() {
    for pattern in [
        "", "a", "a/", "//", "//a", "/a//b", "/./", "/a/..", "/{}", "/{", "/}", "/{a", "/a}",
        "/{a}{b}", "/x{a}", "/{a}x", "/{*rest}", "/{1a}", "/{a-b}", "/{{a}}", "/{a}/{a}", "/a b",
        "/é", "/%41", "/a?b", "/a#b", "/a\\b", "/a\0",
    ] {
        assert_eq!(
            refused_pattern(pattern),
            RouteErrorKind::BadPattern,
            "{pattern:?}"
        );
    }
}

#[test]
fn own_patterns_are_taken() {
    let routes = Routes::builder()
        .route("home", "/")
        .route("about", "/about")
        .route("shop:order", "/orders/{order_id}")
        .route("line", "/orders/{order_id}/lines/{n}/")
        .build()
        .unwrap();
    for (path, name) in [
        ("/", "home"),
        ("/about", "about"),
        ("/orders/7", "shop:order"),
        ("/orders/7/lines/2/", "line"),
    ] {
        assert_eq!(routes.resolve(path).unwrap().name(), name, "{path}");
    }
    assert!(routes.has("home"));
    assert!(!routes.has("phone_login"));
}

#[test]
fn odd_names_are_refused() {
    for name in ["", "a b", "é", "a/b", "a\n"] {
        let refused = Routes::builder().route(name, "/").build().unwrap_err();
        assert_eq!(refused.kind(), RouteErrorKind::BadName, "{name:?}");
    }
}

#[test]
fn names_are_unique() {
    let twice = Routes::builder().route("a", "/a").route("a", "/b").build();
    assert_eq!(twice.unwrap_err().kind(), RouteErrorKind::DuplicateName);
    for name in ["phone_login", "phone_auth:phone_login"] {
        let taken = Routes::builder()
            .accounts("/accounts/")
            .route(name, "/mine/")
            .build()
            .unwrap_err();
        assert_eq!(taken.kind(), RouteErrorKind::DuplicateName);
        assert_eq!(taken.subject(), name);
    }
}

#[test]
fn patterns_never_conflict() {
    for (one, other) in [("/a/", "/a/"), ("/{a}/", "/{b}/")] {
        let conflict = Routes::builder().route("a", one).route("b", other).build();
        let conflict = conflict.unwrap_err();
        assert_eq!(conflict.kind(), RouteErrorKind::Conflict);
        assert_eq!(conflict.subject(), other);
    }
}

#[track_caller]
fn refused(name: &str, values: &[(&str, &str)]) -> ReverseErrorKind {
    let routes = Routes::accounts("/accounts/").unwrap();
    routes.reverse(name, values).unwrap_err().kind()
}

#[test]
fn wrong_parameters_are_refused() {
    let confirm = "phone_password_reset_confirm";
    assert_eq!(refused("nobody", &[]), ReverseErrorKind::UnknownName);
    assert_eq!(refused("phone_auth:", &[]), ReverseErrorKind::UnknownName);
    assert_eq!(refused(confirm, &[]), ReverseErrorKind::MissingParameter);
    assert_eq!(
        refused(confirm, &[("uidb64", "MQ")]),
        ReverseErrorKind::MissingParameter
    );
    assert_eq!(
        refused(confirm, &[("uidb64", "MQ"), ("tok", "t")]),
        ReverseErrorKind::MissingParameter
    );
    assert_eq!(
        refused("phone_login", &[("next", "/")]),
        ReverseErrorKind::UnexpectedParameter
    );
    for value in ["", ".", ".."] {
        assert_eq!(
            refused(confirm, &[("uidb64", "MQ"), ("token", value)]),
            ReverseErrorKind::UnsafeValue
        );
        let typed = accounts().password_reset_confirm(1, value).unwrap_err();
        assert_eq!(typed.kind(), ReverseErrorKind::UnsafeValue);
    }
}

#[test]
fn debug_hides_tokens() {
    let routes = accounts();
    let url = routes.password_reset_confirm(1, "t-5ecre7").unwrap();
    let resolved = routes.routes().resolve(url.as_str()).unwrap();
    let shown = format!("{routes:?} {url:?} {resolved:?} {:?}", routes.routes());
    assert!(!shown.contains("5ecre7"), "{shown}");
    assert!(shown.contains("phone_password_reset_confirm"), "{shown}");
}

#[test]
fn errors_say_what_is_right() {
    let mount = AccountRoutes::new("accounts").unwrap_err().to_string();
    assert_eq!(
        mount,
        "the mount \"accounts\" is not a path such as \"/accounts/\", with a slash at both ends"
    );
}

proptest! {
    #[test]
    fn any_value_comes_back(uid in any::<String>(), token in any::<String>()) {
        let routes = Routes::accounts("/accounts/").unwrap();
        let values = [("uidb64", &*uid), ("token", &*token)];
        let unsafe_value = [&uid, &token]
            .into_iter()
            .any(|value| matches!(&**value, "" | "." | ".."));
        match routes.reverse("phone_password_reset_confirm", &values) {
            Ok(url) => {
                prop_assert!(!unsafe_value);
                let resolved = routes.resolve(url.as_str()).unwrap();
                prop_assert_eq!(resolved.param("uidb64").unwrap(), &*uid);
                prop_assert_eq!(resolved.param("token").unwrap(), &*token);
                prop_assert!(resolved.param("idb64").is_none());
                // A browser sends exactly this path.
                let sent = url::Url::parse("https://example.org").unwrap().join(url.as_str()).unwrap();
                prop_assert_eq!(sent.as_str().strip_prefix("https://example.org"), Some(url.as_str()));
            }
            Err(error) => {
                prop_assert!(unsafe_value);
                prop_assert_eq!(error.kind(), ReverseErrorKind::UnsafeValue);
            }
        }
    }

    #[test]
    fn any_path_is_survived(path in any::<String>(), rest in "[a-zA-Z0-9%?#/.]{0,20}") {
        let routes = Routes::accounts("/accounts/").unwrap();
        prop_assert!(routes.resolve(&path).is_none());
        if let Some(resolved) = routes.resolve(&format!("/accounts/password_reset_confirm/{rest}/")) {
            prop_assert_eq!(resolved.params().count(), 2);
        }
    }
}
