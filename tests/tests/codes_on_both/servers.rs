//! Several servers, their clocks, and the proxies before them.

use phone_auth_tests::{Gateway, Kind, OwnDatabase, SiteOptions, User, together};

use crate::clock::shift;
use crate::pages::{LOG_IN, ORIGIN, RESET, keys_of, sent_to, sites};

/// A code that one server has sent is taken by another whose clock is five minutes ahead, or behind, and is good for ten minutes by
/// the clock of the one that takes it; the same for a number that nobody has (O7).
#[tokio::test]
async fn servers_with_other_clocks_take_a_code() {
    for (database, site, ann) in sites(|options| options).await {
        for pages in [RESET, LOG_IN] {
            for ahead in [5, -5] {
                let told = format!("{:?} {} {ahead}", database.kind(), pages.done);
                let client = site.client();
                let code = pages.asked(&site, &client, &ann.phone).await;
                shift(&database, ahead);
                assert_eq!(pages.typed(&client, code.code()).await, 302, "{told}");

                let (late, nobody) = (site.client(), site.client());
                let code = pages.asked(&site, &late, &ann.phone).await;
                let nobodys = User::another_phone();
                let asked = nobody.submit(pages.ask, [("login", &nobodys)]).await;
                asked.leads_to_code(pages.done);
                shift(&database, 10);
                for client in [late, nobody] {
                    let refused = client.post(pages.done, [("code", code.code())]).await;
                    refused.expect(400).says("Get a new one.");
                }
            }
        }
    }
}

/// The right code that one browser sends many times at once, to several processes over one database: each is answered as the first,
/// and none is told that it is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_code_is_right_at_each_process() {
    const PROCESSES: usize = 5;
    const CLICKS: usize = 20;
    for (database, site, ann) in sites(SiteOptions::limited).await {
        let mut others = Vec::new();
        for _ in 1..PROCESSES {
            // The first is the one that sends.
            let options = database.site().limited().setting("outbox_worker", "false");
            others.push(options.setting("login_by_code", "true").start().await);
        }
        for pages in [RESET, LOG_IN] {
            let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
            let before = sessions();
            let client = site.client();
            let message = pages.asked(&site, &client, &ann.phone).await;
            let keys = keys_of(&client, pages.cookie);
            let clicks = together((0..CLICKS).map(|number| {
                let at = number % PROCESSES;
                let click = match at.checked_sub(1).and_then(|at| others.get(at)) {
                    None => site.client(),
                    Some(other) => other.client(),
                };
                click.plant(pages.cookie, &keys);
                let code = message.code().to_owned();
                async move {
                    let answer = click.post(pages.done, [("code", &code)]).await;
                    match answer.status {
                        302 => answer.location().to_owned(),
                        status => format!("{status} {}", answer.page().words()),
                    }
                }
            }));
            let mut answers = clicks.await;
            answers.sort_unstable();
            answers.dedup();
            let kind = database.kind();
            let [form] = &answers[..] else {
                panic!("{kind:?} {}: {answers:?}", pages.done);
            };
            let begun = i64::from(pages.done == LOG_IN.done);
            assert!(!form.starts_with(char::is_numeric), "{kind:?} {form}");
            assert_eq!(sessions(), before + begun, "{kind:?} {}", pages.done);
        }
    }
}

/// A network may ask for two codes of an address in a minute: of IPv6 the first 64 bits count, as a trusted proxy says them,
/// and what anyone else says of where they are counts nothing (X13).
#[tokio::test]
async fn forwarded_address_counts_from_a_proxy_alone() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (database, gateway) = (OwnDatabase::new(kind), Gateway::start().await);
        let options = database.site().limited().config(&sent_to(&gateway));
        let site = options.start().await;
        for (peer, said) in [
            (
                [127, 35, 0, 1],
                [
                    ("2001:db8:0:1::1", 302),
                    ("2001:db8:0:2::1, 2001:db8:0:1:a::2", 302),
                    ("2001:db8:0:1:ffff::3", 429),
                    ("2001:db8:0:2::1", 302),
                ],
            ),
            (
                [127, 35, 1, 1],
                [
                    ("2001:db8:0:3::1", 302),
                    ("203.0.113.1", 302),
                    ("2001:db8:0:4::1", 429),
                    ("127.0.0.1", 429),
                ],
            ),
        ] {
            let client = site.client().at(peer.into()).through(ORIGIN);
            let email = User::another_email();
            for (said, status) in said {
                let ask = client.request("POST", RESET.ask).same_origin();
                let ask = ask.header("x-forwarded-for", said);
                let asked = ask.form([("login", &email)]).send().await;
                assert_eq!(asked.status, status, "{kind:?} {peer:?} {said}");
                client.forget(RESET.cookie);
            }
        }
    }
}
