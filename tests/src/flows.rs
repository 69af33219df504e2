//! What users do on the site, each in one call.

use phone_auth_test_postgres::run_at;

use crate::answer::Answer;
use crate::client::Client;
use crate::printed::Printed;
use crate::site::Site;
use crate::until;
use crate::user::User;

/// An address as the verification page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressRow {
    /// The email address or phone number.
    pub value: String,
    /// `email` or `phone`, as its form says.
    pub method: String,
    /// The number of its row, as its form says.
    pub pk: String,
}

/// A user who has signed up and is logged in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Member {
    /// Their client, with their session.
    pub client: Client,
    /// Who she is.
    pub user: User,
}

impl Client {
    /// Signs up through the form.
    pub async fn sign_up(&self, user: &User) -> Answer {
        let path = "/accounts/signup/";
        let page = self.get(path).await.expect(200).page();
        let form = page.form_with(&["password"]);
        let mut fields = user.fields();
        fields.retain(|(name, _)| form.field(name).is_some());
        self.send_form(path, &form.filled(&fields)).await
    }

    /// Logs in through the form.
    pub async fn log_in(&self, login: &str, password: &str) -> Answer {
        self.submit(
            "/accounts/login/",
            [("login", login), ("password", password)],
        )
        .await
    }

    /// Logs in without asking for the page first.
    pub async fn post_log_in(&self, login: &str, password: &str) -> Answer {
        self.post(
            "/accounts/login/",
            [("login", login), ("password", password)],
        )
        .await
    }

    /// Confirms that it is them through the form: for what changes who can get in.
    pub async fn confirm_identity(&self, password: &str) -> Answer {
        self.submit("/accounts/confirm_identity/", [("password", password)])
            .await
    }

    /// Logs out through the form.
    pub async fn log_out(&self) -> Answer {
        self.submit("/accounts/logout/", [("", ""); 0]).await
    }

    /// Whether the site knows who this is.
    pub async fn is_logged_in(&self) -> bool {
        self.get("/accounts/profile/").await.status == 200
    }

    /// The unverified addresses that the verification page offers to verify.
    pub async fn unverified(&self) -> Vec<AddressRow> {
        let page = self
            .get("/accounts/user_verification/")
            .await
            .expect(200)
            .page();
        let forms = page.forms();
        forms
            .iter()
            .filter_map(|form| {
                Some(AddressRow {
                    value: form.about.clone()?,
                    method: form.field("method")?.value.clone(),
                    pk: form.field("pk")?.value.clone(),
                })
            })
            .collect()
    }

    /// Asks for a link to verify an address, by the form beside it.
    pub async fn ask_verification(&self, value: &str) -> Answer {
        let rows = self.unverified().await;
        let row = rows.iter().find(|row| row.value == value);
        let row = row.unwrap_or_else(|| panic!("{value} is not offered: {rows:?}"));
        let path = "/accounts/user_verification/";
        let answer = self
            .post(path, [("method", &row.method), ("pk", &row.pk)])
            .await;
        if answer.status != 302 {
            return answer;
        }
        // The page that says what came of it.
        self.get(&self.path_of(&answer)).await
    }

    /// Asks for a reset through the form.
    pub async fn ask_reset(&self, login: &str) -> Answer {
        self.submit("/accounts/password_reset/", [("login", login)])
            .await
    }

    /// Opens a reset link, up to the form for the new password; returns where the form stands.
    pub async fn open_reset_link(&self, url: &str) -> String {
        let answer = self.get(url).await.expect(302);
        self.path_of(&answer)
    }

    /// Opens a reset link and chooses a new password.
    pub async fn reset(&self, url: &str, password: &str) -> Answer {
        let form = self.open_reset_link(url).await;
        self.submit(
            &form,
            [("new_password1", password), ("new_password2", password)],
        )
        .await
    }

    /// Opens a reset link that must not work: a page says so and offers another.
    pub async fn meets_dead_reset(&self, path: &str) {
        let mut answer = self.get(path).await;
        // A redirect that takes the token away is fine; a form at its end is not.
        if answer.status == 302 {
            answer = self.get(&self.path_of(&answer)).await;
        }
        let page = answer.expect(400).page();
        let has_form = page
            .forms()
            .iter()
            .any(|form| form.field("new_password1").is_some());
        assert!(!has_form, "{path} shows a form");
        let links = page.attributes("a", "href");
        let offers = links.iter().any(|link| link == "/accounts/password_reset/");
        assert!(offers, "{path} offers no new link");
    }

    /// Opens a verification link that must not work.
    pub async fn meets_dead_verification(&self, path: &str) {
        self.get(path).await.expect(400).says("Verification failed");
    }

    /// Changes the password through the form.
    pub async fn change_password(&self, old: &str, new: &str) -> Answer {
        let fields = [
            ("old_password", old),
            ("new_password1", new),
            ("new_password2", new),
        ];
        self.submit("/accounts/change_password/", fields).await
    }

    /// Removes one of the addresses that are not verified.
    pub async fn remove_address(&self, value: &str) -> Answer {
        let rows = self.unverified().await;
        let row = rows.iter().find(|row| row.value == value);
        let row = row.unwrap_or_else(|| panic!("{value} is not there: {rows:?}"));
        let path = format!("/accounts/address/?method={}&pk={}", row.method, row.pk);
        self.post(&path, [("action", "remove")]).await
    }

    /// Adds an email address or a phone number through its form.
    pub async fn add_address(&self, value: &str) -> Answer {
        if value.contains('@') {
            self.submit("/accounts/email/add/", [("email", value)])
                .await
        } else {
            self.submit("/accounts/phone/add/", [("phone", value)])
                .await
        }
    }
}

impl Site {
    /// Someone who has signed up and not logged in.
    pub async fn signed_up(&self) -> User {
        let user = User::new();
        self.client()
            .sign_up(&user)
            .await
            .redirects_to("/accounts/login/?notice=signed-up");
        user
    }

    /// Someone who has signed up, logged in and confirmed that it is them.
    pub async fn member(&self) -> Member {
        let user = self.signed_up().await;
        let member = self.log_in(&user).await;
        let confirmed = member.client.confirm_identity(&member.user.password);
        confirmed.await.expect(302);
        member
    }

    /// Someone who has signed up and logged in through a proxy that serves `origin`.
    pub async fn signed_up_through(&self, origin: &str) -> Member {
        let (client, user) = (self.client().through(origin), User::new());
        client
            .sign_up(&user)
            .await
            .redirects_to("/accounts/login/?notice=signed-up");
        client
            .log_in(&user.username, &user.password)
            .await
            .expect(302);
        client.confirm_identity(&user.password).await.expect(302);
        Member { client, user }
    }

    /// Logs a user in with a client of their own.
    pub async fn log_in(&self, user: &User) -> Member {
        let client = self.client();
        client
            .log_in(&user.username, &user.password)
            .await
            .expect(302);
        Member {
            client,
            user: user.clone(),
        }
    }

    /// Asks for a verification link and waits for its line.
    pub async fn verification_link(&self, client: &Client, value: &str) -> Printed {
        let signal = if value.contains('@') {
            "verify_email"
        } else {
            "verify_phone"
        };
        let before = self.count(signal, value);
        client.ask_verification(value).await.expect(200);
        let line = self.nth_printed(signal, value, before + 1).await;
        self.delivered().await;
        line
    }

    /// Asks for a reset link and waits for its line.
    pub async fn reset_link(&self, value: &str) -> Printed {
        self.reset_link_to(value, value).await
    }

    /// Asks for a reset link by a name, and waits for its line to an address.
    pub async fn reset_link_to(&self, login: &str, value: &str) -> Printed {
        let signal = if value.contains('@') {
            "reset_password_email"
        } else {
            "reset_password_phone"
        };
        let before = self.count(signal, value);
        self.client()
            .ask_reset(login)
            .await
            .leads_to_code("/accounts/password_reset_done/");
        let line = self.nth_printed(signal, value, before + 1).await;
        self.delivered().await;
        line
    }

    /// Waits until nothing is pending any more: a line is printed a moment before that is recorded.
    pub async fn delivered(&self) {
        let pending = "SELECT count(*) FROM phone_auth_outbox WHERE died_at IS NULL";
        let url = self.database_url();
        until("everything pending is delivered", || async {
            if url.starts_with("postgres") {
                run_at(&url, pending).is_ok_and(|count| count.trim() == "0")
            } else {
                self.database().number(pending) == 0
            }
        })
        .await;
    }

    /// Verifies an address from the asking to the page that says so.
    pub async fn verify(&self, client: &Client, value: &str) {
        let link = self.verification_link(client, value).await;
        client
            .get(link.url())
            .await
            .expect(200)
            .says("Verification successful");
    }

    /// The mailbox, once the message with this link is in it.
    pub async fn mailbox_with(&self, link: &Printed) -> Answer {
        let client = self.client();
        let mailbox = self.mailbox().await;
        until("the message is in the mailbox", || async {
            let page = client.get(&mailbox).await.expect(200);
            page.text().contains(link.url())
        })
        .await;
        client.get(&mailbox).await
    }

    /// How many messages of a signal to an address were printed so far.
    pub fn count(&self, signal: &str, value: &str) -> usize {
        let printed = self.record().printed();
        printed
            .iter()
            .filter(|it| it.signal == signal && it.destination() == value)
            .count()
    }
}
