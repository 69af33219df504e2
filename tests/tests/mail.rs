//! Messages as mail: from the program over TLS to a real server, and the link in it clicked.

use phone_auth_tests::{MailServer, Member, ScriptedMailServer, Site, SiteOptions};

/// A site that sends mail through this server.
fn site_with(server: &MailServer, security: &str) -> SiteOptions {
    let root = server.certificates().root();
    let password = root.with_file_name("password");
    write_secret(&password, "hunter2\n");
    let toml = format!(
        "[smtp]\nhost = \"localhost\"\nport = {}\nsecurity = \"{security}\"\nuser = \"accounts\"\n\
         password_file = \"{}\"\nfrom = \"Example <accounts@example.org>\"\nroot_certificate = \"{}\"\n",
        server.port(),
        password.display(),
        root.display()
    );
    Site::options().config(&toml).development()
}

/// A file that only its owner can read.
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
fn write_secret(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn link_in_mail_verifies() {
    let server = MailServer::start("tls").await;
    let site = site_with(&server, "tls").start().await;
    site.says("verify_email         to SMTP (localhost)").await;
    let Member { user, client, .. } = site.member().await;
    client.ask_verification(&user.email).await.expect(200);

    let mail = server.mail_to(&user.email).await;
    assert_eq!(*mail.value("from"), "accounts@example.org");
    assert_eq!(*mail.value("user"), "accounts");
    assert_eq!(*mail.value("is_encrypted"), true);
    assert_eq!(mail.header("from"), "Example <accounts@example.org>");
    assert!(
        mail.header("subject")
            .starts_with("Confirm your email address at 127.0.0.1:")
    );
    let link = mail.link();
    let path = link.strip_prefix(site.origin());
    let answer = site
        .client()
        .get(path.unwrap_or_default())
        .await
        .expect(200);
    answer.says("Verification successful");
    client.get("/members/email/").await.expect(200);
}

#[tokio::test]
async fn link_in_mail_resets() {
    let server = MailServer::start("starttls").await;
    let site = site_with(&server, "starttls").start().await;
    let Member { user, client, .. } = site.member().await;
    client.ask_reset(&user.email).await.expect(302);

    let link = server.mail_to(&user.email).await.link();
    let path = link.strip_prefix(site.origin()).unwrap_or_default();
    let current_user = site.client();
    let complete = "/accounts/password_reset_complete/";
    current_user
        .reset(path, "walnut-Harbour-22")
        .await
        .redirects_to(complete);
    current_user
        .log_in(&user.username, "walnut-Harbour-22")
        .await
        .expect(302);
}

/// Mail servers ban clients that leave without it.
#[tokio::test]
async fn stopped_site_leaves_mail_server_with_quit() {
    let server = ScriptedMailServer::start(&[]).await;
    let toml = format!(
        "[smtp]\nhost = \"localhost\"\nport = {}\nsecurity = \"none\"\nfrom = \"accounts@example.org\"\n",
        server.port()
    );
    let site = Site::options().config(&toml).development().start().await;
    let Member { user, client, .. } = site.member().await;
    client.ask_verification(&user.email).await.expect(200);
    server.hears(".").await;
    let has_left = || server.heard().contains(&"QUIT".to_owned());
    assert!(!has_left());
    site.terminate();
    server.hears("QUIT").await;
}
