//! Reversing, resolving and ids, against the least code that does the same work.
//!
//! Run it with `cargo bench -p phone-auth-urls`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed benchmark")]

use std::hint::black_box;

use base64ct::{Base64UrlUnpadded, Encoding};
use phone_auth_test_bench::Table;
use phone_auth_urls::{AccountPage, AccountRoutes, local_path};
use phone_auth_urls::{AddressKind, id};

const TOKEN: &str = "toxhc0-1ba45e48c0a1001a941bbf9b323d5f87";
const CONFIRM: &str =
    "/accounts/password_reset_confirm/MTIzNDU/toxhc0-1ba45e48c0a1001a941bbf9b323d5f87/";
const MISS: &str = "/orders/7/";

fn main() {
    let routes = AccountRoutes::new("/accounts/").unwrap();
    reverse(&routes);
    println!();
    resolve(&routes);
    println!();
    ids();
}

fn reverse(routes: &AccountRoutes) {
    let table = Table::new("format!");
    table.compare(
        "reverse the confirm URL, by name",
        1.5,
        || {
            let values = [
                ("uidb64", black_box("MTIzNDU")),
                ("token", black_box(TOKEN)),
            ];
            let name = black_box("phone_password_reset_confirm");
            routes.routes().reverse(name, &values).unwrap()
        },
        || {
            let (uid, token) = (black_box("MTIzNDU"), black_box(TOKEN));
            format!("/accounts/password_reset_confirm/{uid}/{token}/")
        },
    );
    table.compare(
        "reverse the confirm URL, typed, from the row id",
        1.5,
        || {
            routes
                .password_reset_confirm(black_box(12_345), black_box(TOKEN))
                .unwrap()
        },
        || {
            let id = black_box(12_345_i64).to_string();
            let uid = Base64UrlUnpadded::encode_string(id.as_bytes());
            let token = black_box(TOKEN);
            format!("/accounts/password_reset_confirm/{uid}/{token}/")
        },
    );
}

fn resolve(routes: &AccountRoutes) {
    let mut bare = matchit::Router::new();
    for page in AccountPage::ALL {
        bare.insert(routes.page(page).to_owned(), page).unwrap();
    }
    let table = Table::new("matchit");
    table.compare(
        "resolve a path",
        1.2,
        || routes.routes().resolve(black_box(CONFIRM)),
        || bare.at(black_box(CONFIRM)),
    );
    table.compare(
        "resolve a path, and read a value",
        1.2,
        || {
            let found = routes.routes().resolve(black_box(CONFIRM)).unwrap();
            found.param(black_box("token")).unwrap().len()
        },
        || {
            let found = bare.at(black_box(CONFIRM)).unwrap();
            found.params.get(black_box("token")).unwrap().len()
        },
    );
    table.compare(
        "resolve a path without parameters",
        1.2,
        || routes.routes().resolve(black_box("/accounts/login/")),
        || bare.at(black_box("/accounts/login/")),
    );
    table.compare(
        "a miss",
        1.2,
        || routes.routes().resolve(black_box(MISS)),
        || bare.at(black_box(MISS)),
    );
}

fn ids() {
    let table = Table::new("base64ct, over digits that are there already");
    table.compare(
        "write a user's id",
        1.5,
        || id::encode_user(black_box(12_345)),
        || Base64UrlUnpadded::encode_string(black_box(b"12345")),
    );
    table.compare(
        "read a user's id",
        1.5,
        || id::decode_user(black_box("MTIzNDU")),
        || {
            let mut buffer = [0; 25];
            Base64UrlUnpadded::decode(black_box("MTIzNDU"), &mut buffer).map(<[u8]>::len)
        },
    );
    table.compare(
        "write an address's id",
        1.5,
        || id::encode_address(AddressKind::Email, black_box(12_345)),
        || Base64UrlUnpadded::encode_string(black_box(b"email12345")),
    );
    table.compare(
        "read an address's id",
        1.5,
        || id::decode_address(black_box("ZW1haWwxMjM0NQ")),
        || {
            let mut buffer = [0; 25];
            Base64UrlUnpadded::decode(black_box("ZW1haWwxMjM0NQ"), &mut buffer).map(<[u8]>::len)
        },
    );
    println!("\nlimit: reading every byte once; no target");
    let next = "/accounts/profile/?tab=addresses";
    table.compare(
        "check a target after the log-in",
        f64::INFINITY,
        || local_path(black_box(next)),
        || black_box(next).bytes().all(|byte| byte.is_ascii_graphic()),
    );
}
