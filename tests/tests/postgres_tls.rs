//! PostgreSQL by TLS: what is asked of the server's certificate, and what is said when it is not met.
#![expect(clippy::panic, clippy::expect_used, reason = "it is how a test fails")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use phone_auth::postgres::{OpenErrorKind, PostgresOptions, PostgresStore};
use phone_auth_test_postgres::{Binaries, Database, PostgresError, Server};
use phone_auth_tests::{Certificates, Ran, run};

/// What there is, or a failed test that says why not.
fn there<T>(found: Result<T, PostgresError>) -> T {
    found.unwrap_or_else(|error| panic!("{error}"))
}

/// A server that listens on this machine, by TLS if it has a certificate, and a database on it.
struct Listening {
    database: Database,
    port: u16,
    _server: Server,
}

impl Listening {
    fn start(certificates: Option<&Certificates>) -> Self {
        let binaries = there(Binaries::find());
        let mut server = there(Server::start(&binaries));
        let files = certificates.map(|it| (it.certificate(), it.key()));
        let files = files
            .as_ref()
            .map(|(it, key)| (it.as_path(), key.as_path()));
        let port = there(server.listen(files));
        Self {
            database: there(Database::on(&binaries, &server.url())),
            port,
            _server: server,
        }
    }

    /// The URL of the database for who gives the server this name, with a password, which nobody asks for.
    fn url(&self, name: &str, parameters: &str) -> String {
        let (port, database) = (self.port, self.database.name());
        format!("postgres://postgres:s3cret@{name}:{port}/{database}?{parameters}")
    }

    /// How the connections of an application are encrypted.
    fn encryption(&self, application: &str) -> String {
        let ask = format!(
            "SELECT DISTINCT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE application_name = '{application}'"
        );
        there(self.database.run(&ask))
    }
}

/// The parameters that ask for a certificate by this authority.
fn checked(root: &Path) -> String {
    format!("sslmode=verify-full&sslrootcert={}", root.display())
}

/// Runs a command of the program that needs the database, with a setting in the environment.
fn migrate(url: &str, variables: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let variables = [&[("PHONE_AUTH_DATABASE", url)][..], variables].concat();
    run(folder.path(), &["migrate"], &variables, "")
}

/// The store and the program refuse a URL: the one by a kind, the other in a sentence, both without the
/// password.
async fn check_refused(url: &str, kind: OpenErrorKind, words: &str) {
    let error = PostgresStore::connect(url, PostgresOptions::default())
        .await
        .expect_err(url);
    assert_eq!(error.kind(), kind, "{url}: {error:?}");
    assert!(!error.is_retryable(), "{url}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");

    let ran = migrate(url, &[]);
    let said = ran.said();
    assert!(!ran.success, "{url}: {said}");
    assert_eq!(said.lines().count(), 1, "{url}: {said}");
    assert!(
        said.starts_with("phone-auth: database (environment"),
        "{said}"
    );
    assert!(said.contains(words), "{url}: {said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn checked_certificate_protects_connection() {
    let certificates = Certificates::for_names(&["localhost"]);
    let server = Listening::start(Some(&certificates));
    let checked = checked(&certificates.root());
    let url = server.url("localhost", &checked);

    let ran = migrate(&url, &[]);
    assert!(ran.success, "{}", ran.said());
    for parameters in [&checked, "sslmode=require", "sslmode=prefer"] {
        let url = server.url("localhost", &format!("{parameters}&application_name=site"));
        let store = PostgresStore::connect(&url, PostgresOptions::default())
            .await
            .unwrap_or_else(|error| panic!("{url}: {error:?}"));
        assert_eq!(server.encryption("site"), "t|TLSv1.3\n", "{parameters}");
        store.close().await;
    }
}

#[tokio::test]
async fn other_certificates_are_refused() {
    let certificates = Certificates::for_names(&["localhost"]);
    let server = Listening::start(Some(&certificates));
    let ours = checked(&certificates.root());
    let strange = Certificates::new();

    let authority = "is by no authority that is trusted";
    for parameters in [&checked(&strange.root()), "sslmode=verify-full"] {
        let url = server.url("localhost", parameters);
        check_refused(&url, OpenErrorKind::Authority, authority).await;
    }
    // The same server by an address that its certificate does not name.
    let url = server.url("127.0.0.1", &ours);
    check_refused(&url, OpenErrorKind::ServerName, "is for another name").await;
    // A file with no certificate is not the same as no file.
    let url = server.url("localhost", &checked(&certificates.key()));
    let words = "a file of a certificate or its key cannot be used";
    check_refused(&url, OpenErrorKind::CertificateFile, words).await;
    let url = server.url("localhost", &checked(Path::new("/nowhere/root.pem")));
    check_refused(&url, OpenErrorKind::CertificateFile, words).await;
}

#[tokio::test]
async fn server_without_tls_is_refused() {
    let server = Listening::start(None);
    let words = "cannot be reached by TLS";
    for mode in ["require", "verify-full"] {
        let url = server.url("localhost", &format!("sslmode={mode}"));
        check_refused(&url, OpenErrorKind::Tls, words).await;
    }
    // The same server lets everybody in who asks for less.
    let ran = migrate(&server.url("localhost", "sslmode=prefer"), &[]);
    assert!(ran.success, "{}", ran.said());
}

#[tokio::test]
async fn checks_that_are_none_are_refused() {
    let certificates = Certificates::new();
    let server = Listening::start(Some(&certificates));
    let root = certificates.root();
    let unchecked = format!("sslrootcert={}", root.display());
    for (parameters, words) in [
        ("sslmod=verify-full", "\"sslmod\" is unknown"),
        ("passwrod=s3cret", "\"passwrod\" is unknown"),
        ("sslmode=verify-ca", "say verify-full"),
        (&unchecked, "with sslmode=verify-full only"),
    ] {
        let url = server.url("localhost", parameters);
        check_refused(&url, OpenErrorKind::Parameter, words).await;
    }
    // What PostgreSQL's programs would check, too, when the authority is named in the environment.
    let root = root.to_string_lossy();
    let url = server.url("localhost", "sslmode=require");
    let ran = migrate(&url, &[("PGSSLROOTCERT", &root)]);
    assert!(!ran.success, "{}", ran.said());
    let url = server.url("localhost", "sslmode=verify-full");
    let ran = migrate(&url, &[("PGSSLROOTCERT", &root)]);
    assert!(ran.success, "{}", ran.said());
}

/// By the rule of PostgreSQL's own programs, whether the URL names the key or the environment.
#[tokio::test]
async fn open_client_key_is_refused() {
    let certificates = Certificates::for_names(&["localhost"]);
    let server = Listening::start(Some(&certificates));
    let (certificate, key) = (certificates.certificate(), certificates.key());
    let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
    let named = format!("sslmode=require&sslcert={certificate}&sslkey={key}");
    let (named, plain) = (
        server.url("localhost", &named),
        server.url("localhost", "sslmode=require"),
    );
    let variables = [("PGSSLCERT", &*certificate), ("PGSSLKEY", &*key)];
    let give = |mode| {
        let given = std::fs::set_permissions(&*key, Permissions::from_mode(mode));
        given.expect("the key is ours");
    };
    for mode in [0o644, 0o666] {
        give(mode);
        let words = format!("sslkey names a key that is open to others (mode {mode:o})");
        check_refused(&named, OpenErrorKind::CertificateFile, &words).await;
        let said = migrate(&plain, &variables).said();
        let words =
            format!("PGSSLKEY (environment) names a key that is open to others (mode {mode:o})");
        assert!(said.contains(&words), "{said}");
    }
    give(0o600);
    for (url, variables) in [(&named, &[][..]), (&plain, &variables)] {
        let ran = migrate(url, variables);
        assert!(ran.success, "{}", ran.said());
    }
}
