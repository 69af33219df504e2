//! Who may import whom: the one table.
//!
//! Left may import right, nothing else. What stands right of a crate never stands left of one that
//! it imports, so the rule has no circles and a change moves up only.

/// Each package of the workspace and those that it may import.
///
/// Dev-dependencies are exempt: a test may use what it likes.
pub(crate) const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("phone-auth-signals-macros", &[]),
    ("phone-auth-signals", &["phone-auth-signals-macros"]),
    ("phone-auth-events", &["phone-auth-signals"]),
    ("phone-auth-tokens", &["phone-auth-events"]),
    ("phone-auth-urls", &["phone-auth-events"]),
    (
        "phone-auth-core",
        &["phone-auth-events", "phone-auth-tokens", "phone-auth-urls"],
    ),
    (
        "phone-auth-django",
        &["phone-auth-core", "phone-auth-tokens"],
    ),
    ("phone-auth-store-postgres", &["phone-auth-core"]),
    ("phone-auth-store-sqlite", &["phone-auth-core"]),
    ("phone-auth-store-testkit", &["phone-auth-core"]),
    (
        "phone-auth-web",
        &[
            "phone-auth-core",
            "phone-auth-urls",
            "phone-auth-tokens",
            "phone-auth-events",
        ],
    ),
    ("phone-auth-delivery", &["phone-auth-events"]),
    (
        "phone-auth",
        &[
            "phone-auth-core",
            "phone-auth-delivery",
            "phone-auth-django",
            "phone-auth-events",
            "phone-auth-store-postgres",
            "phone-auth-store-sqlite",
            "phone-auth-tokens",
            "phone-auth-urls",
            "phone-auth-web",
        ],
    ),
    ("phone-auth-cli", &["phone-auth"]),
    // For tests of applications: sees what they see, and the store in memory.
    (
        "phone-auth-testkit",
        &["phone-auth", "phone-auth-store-testkit"],
    ),
    // An application as others write it: sees the facade, its tests the test-kit.
    ("phone-auth-tea-house", &["phone-auth"]),
    // What tests need to have a PostgreSQL, and benchmarks to compare, knows nothing of the product.
    ("phone-auth-test-postgres", &[]),
    ("phone-auth-test-bench", &[]),
    // Chores know the product by its files only, the harness of whole-flow tests by its program; the tests
    // themselves may see everything.
    ("xtask", &["phone-auth-test-postgres"]),
    ("phone-auth-tests", &["phone-auth-test-postgres"]),
];

/// Third parties that a package must not reach, not even through another: the domain has no SQL,
/// no HTTP, no files of settings and nothing that only Django needs; the web never speaks to a database.
pub(crate) const NEVER_REACHES: &[(&str, &[&str])] = &[
    (
        "phone-auth-signals",
        &["axum", "http", "hyper", "idna", "rusqlite", "sqlx", "url"],
    ),
    (
        "phone-auth-events",
        &["axum", "http", "hyper", "rusqlite", "sqlx"],
    ),
    (
        "phone-auth-tokens",
        &["axum", "http", "hyper", "rusqlite", "sqlx"],
    ),
    (
        "phone-auth-urls",
        &["axum", "http", "hyper", "rusqlite", "sqlx"],
    ),
    (
        "phone-auth-core",
        &[
            "axum",
            "bcrypt",
            "chrono-tz",
            "config",
            "flate2",
            "http",
            "hyper",
            "md-5",
            "miniz_oxide",
            "pbkdf2",
            "rusqlite",
            "scrypt",
            "sha1",
            "sqlx",
        ],
    ),
    (
        "phone-auth-store-postgres",
        &["axum", "config", "http", "hyper", "rusqlite"],
    ),
    (
        "phone-auth-store-sqlite",
        &["axum", "config", "http", "hyper", "sqlx"],
    ),
    ("phone-auth-web", &["config", "rusqlite", "sqlx"]),
];

/// How many crates, itself among them, the small crates may bring into a program that adds them: with their default
/// features, or with none. Who adds a dispatcher or one-time tokens wants those, and no list of the world's host names.
pub(crate) const MOST_CRATES: &[(&str, Features, usize)] = &[
    ("phone-auth-signals", Features::Default, 30),
    ("phone-auth-tokens", Features::None, 30),
    ("phone-auth-urls", Features::None, 10),
];

/// With which features of a package its crates are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Features {
    /// Those that it has unless told otherwise.
    Default,
    /// None.
    None,
}
