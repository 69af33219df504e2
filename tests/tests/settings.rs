//! The eight settings of django-phone-auth, each with its effect, and the three ways to set them.

use phone_auth_tests::{Client, Site, User, changed};

const SIGN_UP: &str = "/accounts/signup/";

#[tokio::test]
async fn names_can_be_optional() {
    for (setting, field) in [
        ("register_username_required", "username"),
        ("register_email_required", "email"),
        ("register_fname_required", "first_name"),
        ("register_lname_required", "last_name"),
    ] {
        let site = Site::options().setting(setting, "false").start().await;
        let form = site
            .client()
            .get(SIGN_UP)
            .await
            .expect(200)
            .page()
            .form_with(&[field]);
        assert!(
            !form.the(field).is_required && form.the("phone").is_required,
            "{setting}"
        );
        // Twice, because an empty text must not be another user's.
        for _ in 0..2 {
            let ann = User::new();
            let fields = changed(ann.fields(), field, "");
            site.client()
                .post(SIGN_UP, fields)
                .await
                .redirects_to("/accounts/login/?notice=signed-up");
            site.client()
                .log_in(&ann.phone, &ann.password)
                .await
                .redirects_to("/accounts/profile/");
        }
        let without: Vec<_> = User::new()
            .fields()
            .into_iter()
            .filter(|(name, _)| name != field)
            .collect();
        site.client()
            .post(SIGN_UP, without)
            .await
            .redirects_to("/accounts/login/?notice=signed-up");
        for (other, _) in User::new()
            .fields()
            .into_iter()
            .filter(|(name, _)| name != field)
        {
            let fields = changed(User::new().fields(), &other, "");
            let answer = site.client().post(SIGN_UP, fields).await;
            assert_eq!(answer.status, 400, "{setting}: {other} is still required");
        }
        if field == "username" {
            let name = site
                .database()
                .text("SELECT username FROM auth_user LIMIT 1");
            assert!(
                name.len() == 32 && name.chars().all(|c| c.is_ascii_hexdigit()),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn confirmation_can_be_left_out() {
    let site = Site::options()
        .setting("register_confirm_password_required", "false")
        .start()
        .await;
    let ann = User::new();
    let without: Vec<_> = ann
        .fields()
        .into_iter()
        .filter(|(name, _)| name != "confirm_password")
        .collect();
    site.client()
        .post(SIGN_UP, without)
        .await
        .redirects_to("/accounts/login/?notice=signed-up");
    site.log_in(&ann).await;
    let strict = Site::start().await;
    let without: Vec<_> = User::new()
        .fields()
        .into_iter()
        .filter(|(name, _)| name != "confirm_password")
        .collect();
    strict.client().post(SIGN_UP, without).await.expect(400);
}

#[tokio::test]
async fn all_can_be_optional() {
    let options = ["username", "email", "fname", "lname", "confirm_password"]
        .into_iter()
        .fold(Site::options(), |options, name| {
            options.setting(&format!("register_{name}_required"), "false")
        });
    let site = options.start().await;
    for _ in 0..2 {
        let phone = User::another_phone();
        let fields = [("phone", phone.as_str()), ("password", "plum-Orchard-7")];
        site.client()
            .post(SIGN_UP, fields)
            .await
            .redirects_to("/accounts/login/?notice=signed-up");
        let client = site.client();
        client
            .log_in(&phone, "plum-Orchard-7")
            .await
            .redirects_to("/accounts/profile/");
        client.get("/accounts/profile/").await.expect(200);
        let page = client.get("/accounts/user_verification/").await.expect(200);
        let shown = page.page().words().replace([' ', '-'], "");
        assert!(shown.contains(&phone), "{shown}");
        site.verify(&client, &phone).await;
    }
}

#[tokio::test]
async fn methods_limit_log_in_and_reset() {
    for (methods, allowed) in [
        ("phone", [true, false, false]),
        ("email", [false, true, false]),
        ("username", [false, false, true]),
        ("phone,email", [true, true, false]),
        ("email, username", [false, true, true]),
    ] {
        let site = Site::options()
            .setting("authentication_methods", methods)
            .start()
            .await;
        let ann = site.signed_up().await;
        for (login, allowed) in [&ann.phone, &ann.email, &ann.username]
            .into_iter()
            .zip(allowed)
        {
            let answer = site.client().log_in(login, &ann.password).await;
            assert_eq!(
                answer.status,
                if allowed { 302 } else { 400 },
                "{methods}: {login}"
            );
            let ask = [("login", login.as_str())];
            let asked = site.client().post("/accounts/password_reset/", ask).await;
            if methods == "username" {
                asked.expect(404);
            } else {
                asked.leads_to_code("/accounts/password_reset_done/");
            }
        }
        let printed = site.stop().record.printed();
        let mut sent: Vec<&str> = printed
            .iter()
            .map(phone_auth_tests::Printed::destination)
            .collect();
        sent.sort_unstable();
        let expected: Vec<&str> = [(&ann.phone, "phone"), (&ann.email, "email")]
            .into_iter()
            .filter(|(_, method)| methods.contains(method))
            .map(|(value, _)| value.as_str())
            .collect();
        assert_eq!(sent, expected, "{methods}");
    }
}

#[tokio::test]
async fn redirects_follow_the_settings() {
    let site = Site::options()
        .setting("login_redirect_url", "/members/email/")
        .setting("logout_redirect_url", "/accounts/login/?bye=1")
        .start()
        .await;
    let ann = site.signed_up().await;
    let client = site.client();
    client
        .log_in(&ann.username, &ann.password)
        .await
        .redirects_to("/members/email/");
    client
        .get("/accounts/login/")
        .await
        .redirects_to("/members/email/");
    client.get(SIGN_UP).await.redirects_to("/members/email/");
    client
        .log_out()
        .await
        .redirects_to("/accounts/login/?bye=1");
}

/// Which of the three sources was heeded is seen where log-in leads.
async fn check_log_in_leads_to(site: &Site, path: &str) {
    let ann = site.signed_up().await;
    let client: Client = site.client();
    client
        .log_in(&ann.username, &ann.password)
        .await
        .redirects_to(path);
}

#[tokio::test]
async fn file_sets_what_it_names() {
    let site = Site::options()
        .config("login_redirect_url = \"/from/file/\"\nregister_email_required = false\nauthentication_methods = [\"phone\", \"username\"]\n")
        .start()
        .await;
    check_log_in_leads_to(&site, "/from/file/").await;
    let fields = changed(User::new().fields(), "email", "");
    site.client().post(SIGN_UP, fields).await.expect(302);
    let ann = site.signed_up().await;
    site.client()
        .log_in(&ann.email, &ann.password)
        .await
        .expect(400);
}

#[tokio::test]
async fn environment_beats_the_file() {
    let site = Site::options()
        .config("login_redirect_url = \"/from/file/\"")
        .setting("login_redirect_url", "/from/environment/")
        .start()
        .await;
    check_log_in_leads_to(&site, "/from/environment/").await;
}

#[tokio::test]
async fn account_pages_follow_the_mount() {
    for mount in ["/konto/", "/", "/members/", "/dev/mailbox/"] {
        let site = Site::options().setting("mount", mount).start().await;
        let (client, ann) = (site.client(), User::new());
        let page = |name: &str| format!("{mount}{name}/");
        client
            .post(&page("signup"), ann.fields())
            .await
            .redirects_to(&format!("{mount}login/?notice=signed-up"));
        let fields = [("login", &ann.email), ("password", &ann.password)];
        client
            .post(&page("login"), fields)
            .await
            .redirects_to(&page("profile"));
        client.get(&page("profile")).await.expect(200);
        client.get(&page("change_password")).await.expect(200);
        site.client()
            .get(&page("profile"))
            .await
            .redirects_to(&format!("{mount}login/?next={mount}profile/"));
        client
            .post(&page("password_reset"), [("login", &ann.email)])
            .await
            .expect(302);
        let link = site.printed("reset_password_email", &ann.email).await;
        assert!(
            link.url().starts_with(&page("password_reset_confirm")),
            "{}",
            link.url()
        );
        site.client().get(link.url()).await.expect(302);
        site.client().get("/accounts/login/").await.expect(404);
    }
}
