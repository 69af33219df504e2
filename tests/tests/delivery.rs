//! Messages by way of a gateway and of another service, from the program, and the link clicked.

use std::fmt::Write as _;

use phone_auth_tests::{Gateway, Kind, Member, NatsServer, OwnDatabase, Reply, Site};

#[tokio::test]
async fn link_in_text_message_verifies() {
    let (gateway, service) = (Gateway::start().await, Gateway::start().await);
    let toml = format!(
        "[sms]\nurl = \"{}/send\"\ncarries = \"link\"\njson = {{ to = \"{{{{ to }}}}\", text = \"{{{{ text }}}}\" }}\n\
         [webhook]\nurl = \"{}/hook\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
         signals = [\"verify_email\", \"reset_password_email\"]\n",
        gateway.origin(),
        service.origin()
    );
    let site = Site::options().config(&toml).trace().start().await;
    // Every message has a receiver, so this is no site in development mode.
    site.says("mode       delivery: messages are sent by webhook (localhost:")
        .await;
    site.says("  verify_phone         to SMS gateway (localhost:")
        .await;
    site.says("  verify_email         to webhook (localhost:")
        .await;
    site.client().get("/dev/mailbox/").await.expect(404);

    gateway.reply([Reply::status(202, "", "")]);
    let Member { user, client, .. } = site.member().await;
    client.ask_verification(&user.phone).await.expect(200);
    let body = json(&gateway.nth(1).await.body);
    assert_eq!(text(&body, "/to"), user.phone);
    let mut words = text(&body, "/text").split_whitespace();
    let link = words.next_back().unwrap_or_default();
    click(&site, link).await;
    client.get("/members/phone/").await.expect(200);

    client.ask_verification(&user.email).await.expect(200);
    let request = service.nth(1).await;
    assert!(request.header("webhook-signature").starts_with("v1,"));
    let body = json(&request.body);
    assert_eq!(text(&body, "/type"), "verify_email");
    assert_eq!(text(&body, "/data/email"), user.email);
    click(&site, text(&body, "/data/url")).await;
    client.get("/members/email/").await.expect(200);

    let ended = site.stop();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.record.printed().is_empty(), "{ended:?}");
    // However loud the logs are, they hold neither link nor secret.
    let (_, token) = link
        .trim_end_matches('/')
        .rsplit_once('/')
        .unwrap_or_default();
    let logs = ended.record.stderr.join("\n");
    assert!(token.len() > 10 && logs.len() > 2_000, "{token}");
    assert!(!logs.contains(token) && !logs.contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
}

#[tokio::test]
async fn password_of_nats_stays_unsaid() {
    let server = NatsServer::start("user: ann, password: hunter2", false).await;
    let toml = format!(
        "[nats]\nurl = \"nats://127.0.0.1:{}\"\nuser = \"ann\"\npassword = \"hunter2\"\n",
        server.port()
    );
    let site = Site::options().config(&toml).trace().start().await;
    site.says("verify_phone         to NATS (127.0.0.1:").await;
    let Member { user, client, .. } = site.member().await;
    client.ask_verification(&user.email).await.expect(200);
    site.says("a signal's receiver failed").await;
    let logs = site.stop().record.stderr.join("\n");
    assert!(logs.contains("async_nats"), "it was connected to");
    assert!(!logs.contains("hunter2"));
}

/// A gateway for text messages that takes connections and says nothing delays no email, however many texts wait for it.
#[tokio::test]
async fn silent_text_gateway_delays_no_mail() {
    const TEXTS: usize = 110;
    /// How many texts are under way at once.
    const PLACES: usize = 16;
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let (silent, service) = (Gateway::start().await, Gateway::start().await);
        let toml = format!(
            "[sms]\nurl = \"{}/send\"\njson = {{ to = \"{{{{ to }}}}\", text = \"{{{{ text }}}}\" }}\n\
         [webhook]\nurl = \"{}/hook\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
         signals = [\"verify_email\", \"reset_password_email\"]\n",
            silent.origin(),
            service.origin()
        );
        let site = database.site().config(&toml).start().await;
        silent.reply((0..TEXTS * 10).map(|_| Reply::Hang));
        let Member { user, client, .. } = site.member().await;
        let phone = |number: usize| format!("+4475551{number:05}");
        let mut users = String::new();
        for number in 0..TEXTS {
            let phone = phone(number);
            let _ = write!(
                users,
            "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                date_joined)
             SELECT password, false, 'u{number}', '', '', '', false, true, date_joined FROM auth_user ORDER BY id LIMIT 1;
             INSERT INTO phone_auth_phonenumber (phone, is_verified, user_id)
             SELECT '{phone}', false, max(id) FROM auth_user;"
        );
        }
        database.execute(&users);
        for number in 0..TEXTS {
            client.ask_reset(&phone(number)).await.expect(302);
        }
        silent.nth(PLACES).await;
        let pending = "SELECT count(*) FROM phone_auth_outbox WHERE kind = 'phone'";
        assert!(usize::try_from(database.number(pending)).is_ok_and(|pending| pending >= 100));

        let before = silent.received().len();
        client.ask_reset(&user.email).await.expect(302);
        let request = service.nth(1).await;
        assert_eq!(text(&json(&request.body), "/data/email"), user.email);
        // Had it waited for its turn, the texts before it would have timed out, and others be tried after them.
        let tried_meanwhile = silent.received().len() - before;
        assert!(tried_meanwhile <= PLACES, "{tried_meanwhile}");
    }
}

/// Opens a link as the one who got it does.
async fn click(site: &Site, link: &str) {
    let path = link.strip_prefix(site.origin()).unwrap_or_default();
    let answer = site.client().get(path).await.expect(200);
    answer.says("Verification successful");
}

#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
fn json(body: &str) -> serde_json::Value {
    serde_json::from_str(body).unwrap()
}

fn text<'a>(body: &'a serde_json::Value, at: &str) -> &'a str {
    let value = body.pointer(at).and_then(serde_json::Value::as_str);
    value.unwrap_or_default()
}
