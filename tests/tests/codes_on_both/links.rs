//! The link to log in that stands beside a code.

use crate::pages::{LOG_IN, sites};

/// A link whose button is pressed twice begins one session; pressed elsewhere, or after a log-out, none.
#[tokio::test]
async fn link_pressed_twice_begins_one_session() {
    for (database, site, ann) in sites(|options| options).await {
        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let before = sessions();
        let (client, elsewhere) = (site.client(), site.client());
        let message = LOG_IN.asked(&site, &client, &ann.phone).await;
        let page = client.get(message.url()).await.expect(200);
        let form = page.page().form_with(&["form_token"]);
        let second = client.thief();
        let clicks = [
            client.send_form(message.url(), &form),
            second.send_form(message.url(), &form),
        ];
        let [one, other] = clicks;
        let (one, other) = tokio::join!(one, other);
        for click in [one, other] {
            click.redirects_to("/accounts/profile/");
        }
        let keys =
            [&client, &second].map(|it| it.session_cookie().expect("a session").value.clone());
        assert_eq!(keys[0], keys[1]);
        assert_eq!(sessions(), before + 1);
        elsewhere
            .post(message.url(), [("code", message.code())])
            .await
            .expect(400);
        client.log_out().await;
        second.send_form(message.url(), &form).await.expect(400);
        assert_eq!(sessions(), before);
    }
}

/// A program that looks at a link to log in, in each way that is not a button of its page, uses up neither it nor the code (O6).
#[tokio::test]
async fn looking_uses_up_no_log_in() {
    for (_, site, ann) in sites(|options| options).await {
        for by_link in [false, true] {
            let client = site.client();
            let message = LOG_IN.asked(&site, &client, &ann.phone).await;
            let scanner = site.client();
            for _ in 0..3 {
                for method in ["HEAD", "GET", "OPTIONS"] {
                    let looks = scanner.request(method, message.url());
                    assert!(looks.send().await.status < 300, "{method}");
                }
                let ahead = scanner.request("GET", message.url());
                ahead.header("sec-purpose", "prefetch").send().await;
                let post = || scanner.request("POST", message.url());
                post().form([("a", "b")]).send().await.expect(403);
                let elsewhere = post().header("origin", "https://scanner.example");
                elsewhere.form([("a", "b")]).send().await.expect(403);
            }
            assert!(!scanner.is_logged_in().await);
            let done = if by_link {
                client.submit(message.url(), [("", ""); 0]).await
            } else {
                client.submit(LOG_IN.done, [("code", message.code())]).await
            };
            done.redirects_to("/accounts/profile/");
        }
    }
}
