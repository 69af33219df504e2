//! The settings: each with its name, its type, its default, what is expected and what it does, said once.
//!
//! The README's table is written from here by `cargo xtask docs`.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use phone_auth::SiteOrigin;
use phone_auth::core::address::Region;
use phone_auth::core::form::Field;
use phone_auth::core::limits::{LimitSettings, RateLimit, TextCountries, TextGuard};
use phone_auth::core::settings::{Methods, NoticesBy, RefusedNumberTypes, Settings};
use phone_auth::delivery::Carries;
use phone_auth::delivery::smtp::Security;
use phone_auth::delivery::{Secret, StatusSet};
use phone_auth::django::{DjangoIterations, TimeZone};
use phone_auth::signals::{Channel, MessageSignal};
use phone_auth::web::ClientAddressHeader;
use serde_json::Value;

use super::kinds::{
    FromGiven, Messages, Success, Url, folder, method, mount, or_none, wait, within,
};
use super::setting::{Setting, settings};
use super::sources::Sources;
use crate::database::name::DatabaseName;

type Pairs = Vec<(String, String)>;

const FOLDER: &str = "the path of a folder that exists";
const PATH_HERE: &str = "a path on this site such as /accounts/profile/";
const WEBHOOK_SECRET: &str = "a secret such as whsec_ and base64 of 24 bytes or more";

settings! {
    /// Where the program listens, and what clients may take.
    server: struct ServerSettings "" {
        /// where to listen; port 0 takes any free port
        addr: SocketAddr = "127.0.0.1:8000";
        /// how many connections there are at once; when all are taken, those that wait for their client give way,
        /// idle ones first
        max_connections: usize = "1000" in 1..=100_000;
        /// how many of them one client may have: an IPv4 address, or an IPv6 network of 64 bits; this machine and
        /// private networks, where a proxy may be, may have all
        max_connections_per_client: Option<usize> = "the half of max_connections" in 1..=100_000;
        /// the networks of the proxies in front, which say whose request it is; without them the one who is connected
        /// counts as the client. Anyone who is in one of them can choose the address that counts, so none is wider than
        /// 10.0.0.0/8 or fc00::/7
        trusted_proxies: Vec<IpNet> = "none";
        /// the header in which they say it
        client_address_header: ClientAddressHeader = "x-forwarded-for";
        /// whether connections begin with a header of the PROXY protocol, version 2, as HAProxy (send-proxy-v2) and load
        /// balancers write it; only trusted_proxies are served then
        proxy_protocol: bool = "false";
        /// how long a client may take to send the head of a request
        header_timeout: Duration = "10 s";
        /// how long a client may take to send the body of a request before it is answered 408, and how long we may
        /// take to handle it before it is answered 503
        request_timeout: Duration = "30 s";
        /// how long a client may take to read an answer
        response_timeout: Duration = "30 s";
        /// how long a connection stays open between an answer and the next request; longer than that of a proxy in
        /// front, so that it ends them
        keep_alive_timeout: Duration = "75 s";
        /// how long requests and messages under way may take to finish when the program stops
        shutdown_grace: Duration = "30 s";
        /// how many passwords may wait to be hashed before log-ins are answered 503: so many of strangers who sign in
        /// and of strangers who sign up, and as many of users with a session, with a reset link, and with a browser
        /// that has signed in before. One client network or account has no more waiting than places are left
        hashing_queue: usize = "64" in 1..=10_000;
    }
    /// The database.
    database: struct DatabaseSettings "database_" {
        /// the database: a file, made if it is not there, or one on a server of PostgreSQL
        name as "database": DatabaseName = "sqlite:phone-auth.sqlite3";
        /// how long a request waits for a locked database, or for a connection or an answer of a server, before it
        /// answers 503
        busy_timeout: Duration = "5 s",
            "a time such as \"5 s\" or a number of seconds, longer than none and at most 10 minutes", wait;
        /// how many connections to a server of PostgreSQL there are at most
        connections: NonZeroU32 = "10" in 1..=1000;
        /// whether the URL leads to a proxy such as PgBouncer that gives each transaction another connection
        pooler: bool = "false";
    }
    /// The site as users see it.
    site: struct SiteSettings "" {
        /// what stands before the path of every link that is sent
        url as "site_url": Option<SiteOrigin> = "the address listened on, if that is loopback";
        /// what the site is called at the top of its pages
        name as "site_name": Option<String> = "the host of site_url";
        /// where the account pages are: what their paths begin with
        mount: String = "/accounts/", "a path such as /accounts/, with a slash at both ends", mount;
        /// a folder whose templates replace ours, one by one
        templates: Option<PathBuf> = "none", FOLDER, folder;
        /// what the session cookie is called; programs that share a host need names that differ
        session_cookie_name: String = "sessionid",
            "the name of a cookie, such as sessionid, without the prefix __Host-";
        /// whether the names of cookies begin with __Host-, so that no other host of the domain can set them
        host_cookies: Option<bool> = "true on an https site that shares no sessions with Django";
        /// other origins whose pages may send forms to this site; its own always may
        trusted_origins: Vec<SiteOrigin> = "none";
        /// whether an operator or another program creates users, or verifies their addresses: then settings are taken that
        /// leave nobody a way in, or on, by the pages alone
        users_from_elsewhere: bool = "false";
    }
    /// The files of the secret key.
    keys: struct KeySettings "secret_key_" {
        /// the file that holds the secret key; only its owner may read it
        file: Option<PathBuf> = "the database's name with .key, made for a database that has no key";
        /// files with older keys that are still accepted, while a key is being replaced
        fallback_files: Vec<PathBuf> = "none";
    }
    /// What accounts need, and how long sessions and links last.
    accounts: type Settings "" {
        /// what users may log in and reset their password by
        authentication_methods: Methods = "phone, email, username";
        /// whether one must choose a username to sign up
        register_username_required: bool = "true";
        /// whether one must have an email address to sign up
        register_email_required: bool = "true";
        /// whether one must have a phone number to sign up
        register_phone_required: bool = "true";
        /// whether one must give a first name to sign up
        register_fname_required: bool = "true";
        /// whether one must give a last name to sign up
        register_lname_required: bool = "true";
        /// whether one must type the password twice to sign up
        register_confirm_password_required: bool = "true";
        /// the country whose phone numbers may be typed without a calling code, by its two letters; without it a
        /// number begins with + or 00
        default_region: Option<Region> = "none";
        /// the types of phone numbers that nobody can sign up with or add, and that are sent nothing
        refused_number_types: RefusedNumberTypes = "premium_rate, shared_cost, satellite";
        /// by what messages go to a phone: by the first of sms, voice and whatsapp, unless its user asks for another of them
        phone_channels: Vec<Channel> = "sms";
        /// how many characters a new password must have
        password_min_length: u32 = "8" in 8..=64;
        /// fields that the sign-up form leaves out, none of which is required: first_name, last_name, username, email,
        /// phone
        hidden_sign_up_fields: Vec<Field> = "none";
        /// where one goes after logging in
        login_redirect_url: String = "the page profile/ under mount, /accounts/profile/", PATH_HERE;
        /// where one goes after logging out
        logout_redirect_url: String = "/", PATH_HERE;
        /// how long one stays logged in
        session_lifetime: Duration = "14 days";
        /// how long one stays logged in who does not tick "Keep me signed in" on the log-in page, at most until the browser
        /// is closed; without it the page does not ask, and everybody stays for session_lifetime
        short_session_lifetime: Option<Duration> = "none";
        /// how long a session may be unused, from 1 hour on; a use is noted once an hour, so it may be an hour more
        session_idle_timeout: Option<Duration> = "none";
        /// how many sessions one may have; a log-in ends the oldest above it
        max_sessions: u32 = "50" in 1..=1_000;
        /// how long ago one may have confirmed who one is, to change who can get into the account
        reauthentication_lifetime: Duration = "5 minutes";
        /// how long a reset link sent by email works
        reset_email_lifetime: Duration = "24 hours";
        /// how long a reset link sent to a phone works
        reset_phone_lifetime: Duration = "10 minutes";
        /// how long a verification link sent by email works
        verify_email_lifetime: Duration = "24 hours";
        /// how long a verification link sent to a phone works
        verify_phone_lifetime: Duration = "10 minutes";
        /// how long the code works that a message has beside its link, and a link to sign in
        code_lifetime: Duration = "10 minutes", "a duration from 1 minute to 10 minutes";
        /// whether one may sign in by a code that is sent to a verified address, besides by the password
        login_by_code: bool = "false";
        /// whether one signs up with a name and an address, to which a code is sent, and nobody has a password: then
        /// authentication_methods is phone alone, or email alone, and login_by_code is on
        sign_up_by_code: bool = "false";
        /// whether signing up logs one in and sends the messages that verify the addresses at once, one with a code for the next page
        verify_at_sign_up: bool = "false";
        /// whether signing up and adding answer the same for an address that someone has, who is told; needs verify_at_sign_up, and no sign_up_by_code
        conceal_accounts: bool = "false";
        /// whether a verification link shows a button instead of verifying when opened
        verify_by_click: bool = "false";
        /// whether users without any verified address are kept to the pages of their account until they verify one
        require_verified: bool = "false";
        /// whether an unverified address names its account at log-in
        unverified_sign_in: bool = "true";
        /// whether an unverified address receives reset links; beside a verified one they free it, and reset nothing
        unverified_reset: bool = "true";
        /// how many email addresses and phone numbers, together, one may have to add another
        max_addresses: u32 = "10" in 1..=100;
        /// how many of them may be unverified to add another
        max_unverified_addresses: u32 = "5" in 1..=100;
        /// how users are told that their password or an address was changed, at their verified addresses: off, email,
        /// email_else_phone (by text message where there is no email address, or a phone number was verified before it) or all
        notices: NoticesBy = "email_else_phone";
        /// whether there is a page by which users close their accounts; all that is kept of them is deleted then
        close_account: bool = "true";
        /// how long an account that its user closes can be had back by signing in, before all that is kept is deleted; without
        /// it that is at once
        closing_grace: Option<Duration> = "none";
        /// how long an account with a password stays that nobody signs in to and of which no address is verified; with
        /// require_verified or verify_at_sign_up some that were signed in to as well, see the guide, limits.md
        unverified_account_lifetime: Option<Duration> = "30 days", "none, or a duration from 1 day to 3650 days", or_none;
        /// whether there is a page by which users download all that is kept of them
        export_account: bool = "true";
        /// how many messages may be pending before requests for one are answered 503, no matter who is named
        max_pending_messages: u32 = "10000" in 1..=1_000_000;
        /// whether the addresses of clients are left out of the log and of what `Debug` shows of an event; receivers get
        /// them anyway
        redact_client_addresses: bool = "false";
    }
    /// How often what may be done. A client network is an IPv4 address or an IPv6 network of 64 bits.
    limits: type LimitSettings "limit_" {
        /// whether nothing is limited: for tests, and for a site that has a limiter of its own in front
        danger_off as "danger_no_limits": bool = "false";
        /// how often a client network may log in; here as below the network around it, of 24 bits or 48, may do ten
        /// times as much
        log_ins: RateLimit = "30/min";
        /// how often a client network may fail to log in
        failed_log_ins: RateLimit = "10/min";
        /// how often a client network may fail to log in to one account; and a browser that has signed in to it before,
        /// which nothing else limits
        account_failures: RateLimit = "5/5min";
        /// how often in a row anyone may fail to log in to one account, from anywhere: from the tenth time on each takes
        /// longer, up to 15 minutes; 0 for as often as they like
        failures_in_a_row: u32 = "100" in 0..=100;
        /// how often a client network may ask for a password reset, or for a code to sign in
        resets: RateLimit = "20/min";
        /// how often one address is sent a password reset or a code to sign in; what is over is not sent, and one client network
        /// may ask for half of it
        resets_of_address: RateLimit = "5/min";
        /// how often a client network may sign up
        sign_ups: RateLimit = "20/min";
        /// how soon another verification link may be sent to a phone number
        phone_verification_pause: RateLimit = "1/30s";
        /// how often a verification link may be sent to a phone number; and, each counted by itself, a security notice, and a
        /// password reset or a code to sign in
        phone_verifications: RateLimit = "10/h";
        /// how often a verification link may be sent to an email address; and, counted by itself, a notice that someone else tried to use it (`conceal_accounts`)
        email_verifications: RateLimit = "1/3min";
        /// how often a user may add an email address or a phone number, and remove one, and choose another primary one
        added_addresses: RateLimit = "10/h";
        /// how often a user who is signed in may have their password checked in one session, to set a new one or to confirm
        /// that it is them
        password_checks: RateLimit = "5/min";
        /// how often in a row codes of one kind that were sent to one address may be typed wrong, from anywhere and over all
        /// codes: from the fifth time on each takes longer, up to 15 minutes, but for five of each client network; of a
        /// user's own browsers, in all of them: from the tenth time on; 0 for as often as they like
        wrong_codes_in_a_row: u32 = "100" in 0..=100;
        /// what is done about text messages of which too many were not used: enforce sends no others for a while, record
        /// tells of them and sends them, off does not count
        text_guard as "sms_guard": TextGuard = "enforce";
        /// the countries to whose numbers text messages are sent, by two letters such as CH or a calling code such as +41,
        /// whatever sms_guard is
        text_countries as "sms_countries": TextCountries = "all";
        /// how many text messages of a day may stay unused before no others are sent; a site where more than three times
        /// as many are used may have 30 % of those
        text_site_budget as "sms_site_budget": u32 = "200" in 1..=1_000_000;
    }
    /// What new passwords must be besides.
    passwords: struct PasswordSettings "password_" {
        /// how hard a new password must be to guess, by the estimate of zxcvbn: 1 for 10^6 tries, 2 for 10^8, 3 for
        /// 10^10, 4 for more; 0 estimates nothing
        min_score: u8 = "0" in 0..=4;
    }
    /// Who delivers messages.
    messages: struct MessageSettings "" {
        /// how long a receiver of a signal may take
        receiver_timeout: Duration = "30 s";
        /// whether the site sends its messages itself; false where `phone-auth worker` does
        outbox_worker: bool = "true";
        /// how soon another worker takes over what one that died had claimed
        outbox_lease: Duration = "15 s";
        /// receivers that are linked but not called; `phone-auth signals` shows their ids
        disabled_receivers: Vec<String> = "none", "a list of ids of receivers";
        /// the signals whose messages nobody sends: who asks for one is told that the site sends none
        allow_unreceived: Vec<MessageSignal> = "none";
        /// whether messages are printed and shown on a page that only the printed link opens; true is refused
        /// elsewhere
        development: Option<bool> =
            "true on a loopback address while nobody sends messages and site_url is not another one";
    }
    /// A site of Django's that this one stands beside, or takes the place of.
    django: struct DjangoSettings "django_" {
        /// the file that holds the SECRET_KEY of the Django site that is left behind
        secret_key_file: Option<PathBuf> = "none";
        /// files with its SECRET_KEY_FALLBACKS, in their order
        secret_key_fallback_files: Vec<PathBuf> = "none";
        /// whether one who is logged in at the Django site is logged in here, and the other way round
        sessions: bool = "false";
        /// its SESSION_COOKIE_NAME, which the cookie has here too while sessions are shared
        session_cookie_name: String = "sessionid", "the name of a cookie";
        /// its SESSION_COOKIE_DOMAIN, if it has one; the host of site_url must be in it
        session_cookie_domain: Option<String> = "none", "a domain such as example.org";
        /// one of its AUTHENTICATION_BACKENDS, named in the sessions that begin here
        auth_backend: String = "phone_auth.backend.CustomAuthBackend", "the path of a class";
        /// its AUTHENTICATION_BACKENDS: users signed in through another backend are anonymous here
        auth_backends: Option<Vec<String>> = "the one above, and django.contrib.auth.backends.ModelBackend",
            "a list of paths of classes";
        /// until when links that the Django site has sent still work; they can be forged, so a few days
        accept_tokens_until as "accept_django_tokens_until": Option<DateTime<Utc>> = "none";
        /// its TIME_ZONE, by whose clock its links grow old; Django's own default
        time_zone: TimeZone = "America/Chicago";
        /// its USE_TZ: whether the times in its database are UTC; if not, those in a SQLite file are read and written
        /// in its zone
        use_tz: bool = "true";
        /// the TIME_ZONE among its DATABASES, if it has one there
        database_time_zone: Option<TimeZone> = "none";
        /// its PASSWORD_RESET_TIMEOUT: for how long its links work, those for verification too
        password_reset_timeout: Duration = "3 days";
        /// whether users whose hash Django made with MD5 can sign in; that replaces it
        accept_md5_passwords as "danger_accept_md5_passwords": bool = "false";
        /// the most iterations of a pbkdf2_sha256 hash in the database: every refused log-in then takes as long as
        /// one by that, and no clock tells whose hash is Django's
        hash_iterations: Option<DjangoIterations> = "none";
    }
    /// The section `[smtp]`: mail through a mail server.
    smtp: struct SmtpSettings "smtp." {
        /// the mail server that sends messages by email; without it nobody does
        host: Option<String> = "none", "the name of a mail server";
        /// its port
        port: Option<u16> = "the usual one: 465 with tls, 587 with starttls, 25 with none";
        /// how the connection is encrypted: from its beginning, by STARTTLS, or not at all
        security: Security = "tls";
        /// whether security = "none" is let pass to another machine, where others can read the links
        danger_plain: bool = "false";
        /// the name to log in to the mail server with
        user: Option<String> = "none";
        /// the password that goes with it; rather in a file
        password: Option<Secret> = "none";
        /// a file with that password, which only its owner may write
        password_file: Option<PathBuf> = "none";
        /// who the mail comes from
        from: Option<String> = "none", "an email address such as \"Example <accounts@example.org>\"";
        /// what the mail server is greeted with (EHLO)
        hello: Option<String> = "the domain of site_url, or of smtp.from where that has none",
            "a full domain name such as www.example.org, or an address such as [192.0.2.1]";
        /// a file of certificates in PEM that are trusted too, of a private authority
        root_certificate: Option<PathBuf> = "none";
        /// how long the mail server may take for a message; receiver_timeout ends it too
        timeout: Duration = "20 s";
        /// how many connections to the mail server there may be at once
        connections: NonZeroUsize = "4" in 1..=100;
        /// a folder whose texts replace ours one by one, or add languages: de/verify_email.txt
        templates: Option<PathBuf> = "none", FOLDER, folder;
        /// the language of mail to users whose own has no texts
        language: String = "en", "a tag of a language such as en or pt-BR";
    }
    /// The section `[sms]`: text messages through a gateway.
    sms: struct SmsSettings "sms." {
        /// the gateway that sends text messages, a template; without it or Twilio nobody does
        url: Option<Url> = "none";
        /// the method of the request
        method: String = "POST", "one of GET, POST, PUT and PATCH, in large letters", method;
        /// headers of the request, their values templates; Idempotency-Key is there anyway
        headers: Pairs = "none";
        /// the fields of the body if it is a form, their values templates
        form: Option<Pairs> = "none";
        /// the body if it is JSON, every text in it a template
        json: Option<Value> = "none";
        /// the name to log in to the gateway with, by Basic
        user: Option<String> = "none";
        /// the password that goes with it; rather in a file
        password: Option<Secret> = "none";
        /// a file with that password, which only its owner may write
        password_file: Option<PathBuf> = "none";
        /// the token to log in to the gateway with, by Bearer; rather in a file
        token: Option<Secret> = "none", "a token";
        /// a file with that token
        token_file: Option<PathBuf> = "none";
        /// a key that templates know as secret; rather in a file
        secret: Option<Secret> = "none", "a key";
        /// a file with that key
        secret_file: Option<PathBuf> = "none";
        /// the answers that mean that the message is on its way: statuses, or a table of status, of pointer and value in
        /// their JSON, of text that they have, of not_text that they have not
        success: Option<Success> = "the answers 2xx";
        /// the answers that mean that it never will be; after any other it is tried again until its link expires
        never: Option<StatusSet> = "the answers of Twilio that are about the number; of another gateway none";
        /// whether http is let pass to another machine, where others can read the links
        danger_plain: bool = "false";
        /// a file of certificates in PEM that are trusted too, of a private authority
        root_certificate: Option<PathBuf> = "none";
        /// how long the gateway may take for a message; receiver_timeout ends it too
        timeout: Duration = "20 s";
        /// a folder whose texts replace ours one by one, or add languages: de/verify_phone.txt
        templates: Option<PathBuf> = "none", FOLDER, folder;
        /// what a text message says where it has a code: code, link or both; without one it says the link
        carries: Carries = "code";
        /// the same for numbers that begin so, in a table; of several prefixes the longest counts
        carries_by_prefix: Vec<(String, Carries)> = "none";
        /// the language of text messages to users whose own has no texts
        language: String = "en", "a tag of a language such as en or pt-BR";
        /// the account at Twilio that sends text messages, in place of url
        twilio_account_sid: Option<String> = "none", "the SID of an account";
        /// the token that goes with it; rather in a file
        twilio_auth_token: Option<Secret> = "none", "a token";
        /// a file with that token, which only its owner may write
        twilio_auth_token_file: Option<PathBuf> = "none";
        /// the number or name at Twilio that messages come from
        twilio_from: Option<String> = "none", "a number or a name";
        /// the service at Twilio that chooses the number
        twilio_messaging_service_sid: Option<String> = "none", "the SID of a service";
        /// where the API of Twilio is, for an account in another region
        twilio_api: Option<String> = "the usual one: https://api.twilio.com",
            "an origin such as https://api.dublin.ie1.twilio.com";
    }
    /// The section `[webhook]`: messages to a service that sends them.
    webhook: struct WebhookSettings "webhook." {
        /// the service that messages are posted to, signed as Standard Webhooks has it
        url: Option<Url> = "none";
        /// the secret that is shared with it; rather in a file
        secret: Option<Secret> = "none", WEBHOOK_SECRET;
        /// a file with that secret, which only its owner may write
        secret_file: Option<PathBuf> = "none";
        /// the secret of before, signed with as well while the service changes to the new one
        old_secret: Option<Secret> = "none", WEBHOOK_SECRET;
        /// a file with that one
        old_secret_file: Option<PathBuf> = "none";
        /// the signals whose messages are posted
        signals: Messages = "reset_password_email, reset_password_phone, verify_email, verify_phone, login_email, login_phone, security_notice_email, security_notice_phone";
        /// whether http is let pass to another machine, where others can read the links
        danger_plain: bool = "false";
        /// a file of certificates in PEM that are trusted too, of a private authority
        root_certificate: Option<PathBuf> = "none";
        /// how long the service may take for a message; receiver_timeout ends it too
        timeout: Duration = "20 s";
    }
    /// The section `[nats]`: messages to a stream.
    nats: struct NatsSettings "nats." {
        /// the NATS server with a JetStream stream that messages are published to; of a cluster, several with commas
        /// between
        url: Option<Url> = "none", "a URL such as tls://nats.example.org";
        /// what stands before the name of the signal in the subject: phone_auth.verify_email
        subject: String = "phone_auth", "words with dots between them";
        /// the signals whose messages are published
        signals: Messages = "reset_password_email, reset_password_phone, verify_email, verify_phone, login_email, login_phone, security_notice_email, security_notice_phone";
        /// the name to log in with
        user: Option<String> = "none";
        /// the password that goes with it; rather in a file
        password: Option<Secret> = "none";
        /// a file with that password, which only its owner may write
        password_file: Option<PathBuf> = "none";
        /// the token to log in with; rather in a file
        token: Option<Secret> = "none", "a token";
        /// a file with that token
        token_file: Option<PathBuf> = "none";
        /// a file of credentials (.creds) to log in with
        credentials_file: Option<PathBuf> = "none";
        /// whether nats: is let pass to another machine, where others can read the links
        danger_plain: bool = "false";
        /// a file of certificates in PEM that are trusted too, of a private authority
        root_certificate: Option<PathBuf> = "none";
        /// how long the server may take for a message; receiver_timeout ends it too
        timeout: Duration = "10 s";
    }
}
