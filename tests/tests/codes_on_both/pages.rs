//! The pages of codes, and sites on both databases that have them.

use phone_auth_tests::{
    Answer, Client, Gateway, Kind, OwnDatabase, Printed, Site, SiteOptions, User,
};

pub(crate) const NEW: &str = "marble-Cottage-31";
pub(crate) const ORIGIN: &str = "https://accounts.example-site.org";
pub(crate) const RESET: Pages = Pages {
    ask: "/accounts/password_reset/",
    done: "/accounts/password_reset_done/",
    signal: "reset_password_phone",
    cookie: "phone_auth_challenge_reset",
};
/// The same by email, for someone who has not verified any address.
pub(crate) const BY_EMAIL: Pages = Pages {
    signal: "reset_password_email",
    ..RESET
};
pub(crate) const LOG_IN: Pages = Pages {
    ask: "/accounts/login_code/",
    done: "/accounts/login_code_done/",
    signal: "login_phone",
    cookie: "phone_auth_challenge_login",
};
/// The same by email.
pub(crate) const LOG_IN_BY_EMAIL: Pages = Pages {
    signal: "login_email",
    ..LOG_IN
};
/// The page where codes verify addresses.
pub(crate) const ADDRESSES: &str = "/accounts/user_verification/";

/// The pages of a code by phone.
#[derive(Clone, Copy)]
pub(crate) struct Pages {
    pub(crate) ask: &'static str,
    pub(crate) done: &'static str,
    pub(crate) signal: &'static str,
    /// The cookie with the keys of such codes.
    pub(crate) cookie: &'static str,
}

impl Pages {
    /// The message that a client asks for.
    pub(crate) async fn asked(&self, site: &Site, client: &Client, phone: &str) -> Printed {
        self.asked_as(site, client, phone, phone).await
    }

    /// The message to an address that a client asks for by this name.
    pub(crate) async fn asked_as(
        &self,
        site: &Site,
        client: &Client,
        login: &str,
        to: &str,
    ) -> Printed {
        let before = site.count(self.signal, to);
        let asked = client.submit(self.ask, [("login", login)]).await;
        asked.leads_to_code(self.done);
        site.nth_printed(self.signal, to, before + 1).await
    }

    /// The status of a code that a client types.
    pub(crate) async fn typed(&self, client: &Client, code: &str) -> u16 {
        client.post(self.done, [("code", code)]).await.status
    }
}

/// The code that verifies an address of someone who is signed in, and the form that takes it.
pub(crate) struct Verifies {
    pub(crate) method: String,
    pub(crate) pk: String,
    pub(crate) message: Printed,
}

impl Verifies {
    /// What a client is sent that asks for it.
    pub(crate) async fn asked(site: &Site, client: &Client, value: &str) -> Self {
        let rows = client.unverified().await;
        let row = rows.iter().find(|it| it.value == value);
        let row = row.unwrap_or_else(|| panic!("{value}: {rows:?}"));
        let signal = format!("verify_{}", row.method);
        let before = site.count(&signal, value);
        let form = [("method", &row.method), ("pk", &row.pk)];
        client.post(ADDRESSES, form).await.expect(302);
        Self {
            method: row.method.clone(),
            pk: row.pk.clone(),
            message: site.nth_printed(&signal, value, before + 1).await,
        }
    }

    pub(crate) fn code(&self) -> &str {
        self.message.code()
    }

    pub(crate) fn form<'a>(&'a self, code: &'a str) -> [(&'a str, &'a str); 3] {
        [("method", &self.method), ("pk", &self.pk), ("code", code)]
    }

    pub(crate) async fn typed(&self, client: &Client, code: &str) -> Answer {
        client.post(ADDRESSES, self.form(code)).await
    }

    /// The right code, in whatever spelling, verifies the address; and once more it is answered the same.
    pub(crate) async fn confirms(&self, client: &Client, code: &str) {
        let confirmed = format!("{ADDRESSES}?notice={}-confirmed", self.method);
        for _ in 0..2 {
            self.typed(client, code).await.redirects_to(&confirmed);
        }
    }
}

/// A site on each database where one may sign in by code, and someone whose number is verified.
pub(crate) async fn sites(
    change: impl Fn(SiteOptions) -> SiteOptions,
) -> Vec<(OwnDatabase, Site, User)> {
    let mut all = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let options = database.site().setting("login_by_code", "true");
        let site = change(options).start().await;
        let ann = site.member().await;
        let link = site.verification_link(&ann.client, &ann.user.phone).await;
        let verified = ann.client.open(link.url()).await;
        verified.says("Verification successful");
        all.push((database, site, ann.user));
    }
    all
}

/// The value of a cookie with keys.
pub(crate) fn keys_of(client: &Client, cookie: &str) -> String {
    let cookies = client.cookies();
    let found = cookies.into_iter().find(|it| it.name == cookie);
    found.expect("the browser has the keys").value
}

/// Digits as they are typed elsewhere.
pub(crate) fn wide(code: &str) -> String {
    let wide = |c: char| char::from_u32(u32::from(c) - 48 + 0xff10).unwrap_or(c);
    code.chars().map(wide).collect()
}

/// The settings of a site whose messages a gateway takes.
pub(crate) fn sent_to(gateway: &Gateway) -> String {
    let origin = gateway.origin();
    format!(
        "site_url = \"{ORIGIN}\"\ntrusted_proxies = [\"127.35.0.1\"]\nlogin_by_code = true\n\
         [sms]\nurl = \"{origin}/send\"\njson = {{ to = \"{{{{ to }}}}\", text = \"{{{{ text }}}}\" }}\n\
         [webhook]\nurl = \"{origin}/hook\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
         signals = [\"verify_email\", \"reset_password_email\", \"login_email\"]\n"
    )
}
