//! A form that waits in one tab of a real browser while another tab changes who is signed in: it acts for the one who was
//! shown it, or for nobody.

use phone_auth_tests::{Browser, BrowserOptions, Site, User};

/// The password that someone chooses.
const NEW: &str = "walnut-Harbour-22";

/// Two tabs of a browser: the first one waits at a page, and what follows is done in the second.
struct Tabs {
    site: Site,
    browser: Browser,
}

impl Tabs {
    async fn start() -> Self {
        let site = Site::start().await;
        let browser = Browser::start(BrowserOptions::default()).await;
        browser.goto(&format!("{}/", site.origin())).await;
        browser.open_tab().await;
        Self { site, browser }
    }

    async fn goto(&self, path: &str) {
        let url = format!("{}{path}", self.site.origin());
        self.browser.goto(&url).await;
    }

    async fn first(&self) {
        self.browser.go_to_tab(0).await;
    }

    async fn second(&self) {
        self.browser.go_to_tab(1).await;
    }

    async fn log_in(&self, user: &User) {
        self.goto("/accounts/login/").await;
        self.types(&user.email, &user.password).await;
    }

    async fn types(&self, login: &str, password: &str) {
        self.browser.type_into("login", login).await;
        self.browser.type_into("password", password).await;
        self.browser.send_form_of("password").await;
    }

    async fn log_out(&self) {
        self.goto("/accounts/logout/").await;
        self.browser.send_form_of("csrfmiddlewaretoken").await;
    }

    /// Whose page of their own a tab comes to.
    async fn is(&self, user: &User) {
        self.goto("/accounts/profile/").await;
        self.browser
            .says(&format!("Username {}", user.username))
            .await;
    }
}

/// A log-in that waits while someone signs in beside it: the same user goes on, another is who is signed in then, and a wrong
/// password says who is (A2).
#[tokio::test]
async fn log_in_that_waited_is_for_the_one_who_types() {
    let tabs = Tabs::start().await;
    let (ann, bob) = (tabs.site.signed_up().await, tabs.site.signed_up().await);
    for (typed, password, is_right) in [
        (&ann, ann.password.as_str(), true),
        (&bob, bob.password.as_str(), true),
        (&bob, "not-The-Password-1", false),
    ] {
        tabs.first().await;
        tabs.goto("/accounts/login/?next=/accounts/sessions/").await;
        tabs.second().await;
        tabs.log_in(&ann).await;
        tabs.browser.arrives_at("/accounts/profile/").await;
        tabs.first().await;
        tabs.types(&typed.email, password).await;
        if is_right {
            tabs.browser.arrives_at("/accounts/sessions/").await;
            tabs.is(typed).await;
        } else {
            tabs.browser.says("signed in as").await;
            tabs.is(&ann).await;
        }
        tabs.second().await;
        tabs.log_out().await;
    }
}

/// A form of Ann's changes nothing of Bob's, who has signed in beside it, nor of hers.
#[tokio::test]
async fn form_that_waited_is_for_the_one_who_saw_it() {
    let tabs = Tabs::start().await;
    let (ann, bob) = (tabs.site.signed_up().await, tabs.site.signed_up().await);
    for is_bob_there in [true, false] {
        tabs.second().await;
        tabs.log_in(&ann).await;
        tabs.first().await;
        tabs.goto("/accounts/change_password/").await;
        tabs.second().await;
        tabs.log_out().await;
        if is_bob_there {
            tabs.log_in(&bob).await;
        }
        tabs.first().await;
        for (name, text) in [
            ("old_password", ann.password.as_str()),
            ("new_password1", NEW),
            ("new_password2", NEW),
        ] {
            tabs.browser.type_into(name, text).await;
        }
        tabs.browser.send_form_of("old_password").await;
        if is_bob_there {
            tabs.browser.says("You are signed in as").await;
            tabs.is(&bob).await;
            tabs.log_out().await;
        } else {
            tabs.browser.arrives_at("/accounts/login/").await;
        }
        for user in [&ann, &bob] {
            let client = tabs.site.client();
            let logged_in = client.log_in(&user.email, &user.password).await;
            logged_in.expect(302);
        }
    }
}
