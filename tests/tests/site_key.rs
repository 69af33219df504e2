//! The secret key belongs to the database: a process with another one does not begin.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use phone_auth_tests::{
    Fixture, Kind, OwnDatabase, Ran, Site, SiteOptions, User, Worker, run, secret_file, together,
};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

/// The last line that a site says before it serves.
const READY: &str = "Ctrl-C stops it";

const OTHER: &str = "7d0f6a3b9c1e48528a4d6e0b3f2c5a9714e8b06d93c7f1a25e4b8d0c6a7f3912\n";

/// Runs a command on the database with these settings.
fn command(database: &OwnDatabase, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    let url = database.url();
    let all = [arguments, &["--database", &url, "--addr", "127.0.0.1:0"]].concat();
    // A worker assumes no mode.
    let variables = [&[("PHONE_AUTH_DEVELOPMENT", "true")], settings].concat();
    run(database.folder(), &all, &variables, "")
}

/// A file in the folder of the database, by its path.
fn file(database: &OwnDatabase, name: &str, text: &str) -> String {
    let path = database.folder().join(name);
    secret_file(&path, text);
    path.to_str().unwrap().to_owned()
}

#[track_caller]
fn check_refused(ran: &Ran, words: &[&str]) {
    assert!(!ran.success, "{}", ran.said());
    for word in words {
        assert!(ran.stderr.contains(word), "no {word:?}: {}", ran.said());
    }
}

#[tokio::test]
async fn foreign_key_is_refused() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let other = file(&database, "other.key", OTHER);
        let variables = [("PHONE_AUTH_SECRET_KEY_FILE", other.as_str())];
        let record = "SELECT fingerprints FROM phone_auth_site_key";
        let before = database.text(record);
        for arguments in [&["serve"][..], &["worker"], &["check"]] {
            let ran = command(&database, arguments, &variables);
            let remedies = [
                "other.key",
                "secret_key_fallback_files",
                "phone-auth key replace",
            ];
            check_refused(&ran, &remedies);
        }
        assert_eq!(database.text(record), before);
        let key = fs::read_to_string(database.key_file()).unwrap();
        assert!(
            !before.contains(key.trim()) && before.len() == 32,
            "{before}"
        );
        // The worker of the site has its key.
        assert!(Worker::start(&site, &[]).await.stop());
    }
}

#[tokio::test]
async fn lost_key_is_not_made_anew() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let ann = site.member().await;
        site.client().ask_reset(&ann.user.email).await.expect(302);
        let link = site.printed("reset_password_email", &ann.user.email).await;
        site.stop();
        fs::remove_file(database.key_file()).unwrap();
        for arguments in [&["serve"][..], &["check"]] {
            let ran = command(&database, arguments, &[]);
            let remedies = ["there is no secret key at", "phone-auth key replace"];
            check_refused(&ran, &remedies);
        }
        check_refused(
            &command(&database, &["worker"], &[]),
            &["there is no secret key at"],
        );
        assert!(!database.key_file().exists(), "a key was made");

        let ran = command(&database, &["key", "replace"], &[]);
        assert!(
            ran.success && ran.stdout.contains("made just now"),
            "{}",
            ran.said()
        );
        let site = database.site().start().await;
        let client = site.client();
        client.plant("sessionid", &ann.client.session_cookie().unwrap().value);
        assert!(
            client.is_logged_in().await,
            "sessions do not depend on the key"
        );
        site.client().meets_dead_reset(link.url()).await;
    }
}

#[tokio::test]
async fn pending_messages_outlive_a_key() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let options = database.site().setting("outbox_worker", "false");
        let site = options.start().await;
        let ann = site.signed_up().await;
        site.client().ask_reset(&ann.email).await.expect(302);
        site.stop();
        fs::remove_file(database.key_file()).unwrap();
        assert!(command(&database, &["key", "replace"], &[]).success);
        let site = database.site().start().await;
        let link = site.printed("reset_password_email", &ann.email).await;
        let done = site.client().reset(link.url(), "walnut-Harbour-22").await;
        done.expect(302);
    }
}

#[tokio::test]
async fn declared_rotation_moves_along() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let old_node = database.site().start().await;
        let ann = old_node.signed_up().await;
        let old = database.key_file().to_str().unwrap().to_owned();
        let new = file(&database, "new.key", OTHER);
        let alone = |key: &str| database.site().setting("secret_key_file", key);
        let with =
            |key: &str, fallback: &str| alone(key).setting("secret_key_fallback_files", fallback);
        old_node.client().ask_reset(&ann.email).await.expect(302);
        let link = old_node.printed("reset_password_email", &ann.email).await;
        let new_node = with(&new, &old).start().await;
        new_node.says("takes over from the one before").await;
        // Both run; the links of the old one work at the new one.
        new_node.client().open_reset_link(link.url()).await;
        old_node.client().sign_up(&User::new()).await.expect(302);
        // The old one is started once more with its key alone, and with the new one among its fallbacks.
        old_node.stop();
        let old_node = database.site().start().await;
        old_node.says("an older one of this database").await;
        old_node.stop();
        with(&old, &new).start().await.stop();
        new_node.stop();
        with(&new, &old).start().await.stop();
        // It is over for the first that knows the new key alone.
        alone(&new).start().await.stop();
        check_refused(
            &command(&database, &["serve"], &[]),
            &["secret_key_fallback_files"],
        );
        // And back.
        with(&old, &new).start().await.stop();
        database.site().start().await.stop();
    }
}

#[tokio::test]
async fn upgrade_adopts_the_key_given() {
    for (name, kind) in [
        ("own.sqlite", Kind::Sqlite),
        ("own.postgres", Kind::Postgres),
    ] {
        let fixture = Fixture::read("first", name);
        let database = OwnDatabase::new(kind);
        fixture.load("first", name, &database);
        // A restore that forgot the key.
        let aside = database.folder().join("aside");
        fs::rename(database.key_file(), &aside).unwrap();
        check_refused(
            &command(&database, &["serve"], &[]),
            &["there is no secret key at"],
        );
        assert!(!database.key_file().exists(), "a key was made");
        fs::rename(&aside, database.key_file()).unwrap();
        let site = database.site().start().await;
        site.says("the key of this database from now on").await;
        site.stop();
        let site = database.site().start().await;
        site.says(READY).await;
        assert!(!site.record().rest().contains("from now on"));
    }
}

/// A start without settings in the folder of a site that others use, whose outbox is empty.
#[tokio::test]
async fn development_is_not_assumed_on_a_public_database() {
    for kind in KINDS {
        for is_public in [true, false] {
            let database = OwnDatabase::new(kind);
            let site = database.site();
            let site = if is_public {
                site.site_url("https://example.org").without_messages()
            } else {
                site
            };
            let site = site.start().await;
            site.says(READY).await;
            site.stop();
            let url = database.url();
            let alone = ["--database", &url, "--addr", "127.0.0.1:0"];
            let said = |command: &str| {
                let all = [&[command][..], &alone].concat();
                run(database.folder(), &all, &[], "")
            };
            if !is_public {
                assert!(said("check").success);
                database.site().start().await.says(READY).await;
                continue;
            }
            let words = [
                "development (default): the database ",
                "belongs to the site https://example.org",
                "Set site_url and the senders",
                "set development = true",
            ];
            let (serve, check) = (said("serve"), said("check"));
            check_refused(&serve, &words);
            assert_eq!(serve.stderr, check.stderr);
            // Whether it would deliver or not.
            let all = [&["serve"][..], &alone].concat();
            let variables = [("PHONE_AUTH_OUTBOX_WORKER", "false")];
            check_refused(&run(database.folder(), &all, &variables, ""), &words);
            // Anyone who asks for the mode has it.
            database
                .site()
                .development()
                .start()
                .await
                .says(READY)
                .await;
            // And nobody else, as before.
            check_refused(&said("serve"), &words);
            let site = database.site().site_url("https://example.org");
            site.without_messages().start().await.says(READY).await;
        }
    }
}

#[tokio::test]
async fn users_without_a_site_get_a_key() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let url = database.url();
        let arguments = ["user", "create", "ann", "--database", &url];
        let ran = run(database.folder(), &arguments, &[], "plum-Orchard-71!\n");
        assert!(ran.success, "{}", ran.said());
        let site = database.site().start().await;
        site.says("made just now; keep it").await;
    }
}

/// Servers that start at once on one folder, as containers do on one volume.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn starts_at_once_share_one_key() {
    for kind in KINDS {
        let database = OwnDatabase::new(kind);
        let starts = (0..10).map(|_| database.site()).map(SiteOptions::start);
        let sites: Vec<Site> = together(starts).await;
        for site in &sites {
            site.says(READY).await;
        }
        let made = |site: &&Site| site.record().rest().contains("made just now; keep it");
        assert_eq!(sites.iter().filter(made).count(), 1, "one key was made");
        let names: Vec<_> = fs::read_dir(database.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains(".key"))
            .collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let first = sites.first().unwrap();
        let ann = first.signed_up().await;
        first.client().ask_reset(&ann.email).await.expect(302);
        let mut link = None;
        // Any of them may send it.
        phone_auth_tests::until("the link is sent", || {
            link = sites.iter().flat_map(|site| site.record().printed()).next();
            let is_sent = link.is_some();
            async move { is_sent }
        })
        .await;
        for site in &sites {
            site.client()
                .open_reset_link(link.as_ref().unwrap().url())
                .await;
        }
    }
}
