//! The URL of a database: what the driver is told, and what it must not be told.
//!
//! A URL is read as PostgreSQL's own programs read it (<https://www.postgresql.org/docs/current/libpq-connect.html>):
//! several hosts, addresses of IPv6, folders of Unix sockets. The driver knows fewer forms. It also logs a parameter that
//! it does not know, with its value, and goes on without it; some that it knows it takes for less than they say. Here such
//! a URL is refused.

use std::borrow::Cow;
use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;
use std::{env, fmt};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::cause::Cause;
use crate::open_error::{OpenError, OpenErrorKind};
use crate::pem_file::{self, PemFile};

/// The parameters that the driver heeds, beside `options[…]` and those that say where the database is.
const KNOWN: [&str; 12] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "application_name",
    "options",
];

/// The parameters that say where the database is and who asks, as the other parts of the URL do.
const PLACES: [&str; 6] = ["host", "hostaddr", "port", "dbname", "user", "password"];

/// The parameters of PostgreSQL's own library that have no meaning here.
const LEFT_OUT: [&str; 39] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "passfile",
    "pgbouncer",
    "pool_timeout",
    "connection_limit",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "schema",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkeylogfile",
    "sslnegotiation",
    "sslpassword",
    "sslsni",
    "tcp_user_timeout",
];

/// The port of a server, if nobody says so.
const PORT: u16 = 5432;

/// A URL that names a user, a database, and the servers that may have it.
pub(crate) struct ServerUrl {
    parameters: Vec<(String, String)>,
    /// For each server in turn.
    options: Vec<PgConnectOptions>,
    /// Whether it says by which address a server is reached that it also names.
    has_address_beside_name: bool,
}

impl ServerUrl {
    /// Reads a URL; what its parameters mean for safety is not asked yet.
    ///
    /// # Errors
    /// `Url`.
    pub(crate) fn parse(text: &str) -> Result<Self, OpenError> {
        let parts = Parts::parse(text).ok_or_else(|| OpenError::new(OpenErrorKind::Url))?;
        let options = parts.servers().map(|(host, port)| {
            parts
                .options(host, port)
                .map_err(|error| OpenError::with_source(OpenErrorKind::Url, Cause::from(error)))
        });
        let options = options.collect::<Result<_, _>>()?;
        Ok(Self {
            options,
            has_address_beside_name: parts.has_address_beside_name,
            parameters: parts.parameters,
        })
    }

    /// Where the database is, without a password; a URL that is read as the same place.
    pub(crate) fn place(&self) -> String {
        let Some(first) = self.options.first() else {
            return String::new();
        };
        let user = first.get_username();
        let database = encoded(first.get_database().unwrap_or(user), "/?#@:,&[] ");
        let user = encoded(user, "/?#@:,&[] ");
        let servers = || self.options.iter().map(|it| (host_of(it), it.get_port()));
        let joined = |texts: Vec<String>| texts.join(",");
        if servers().any(|(host, _)| host.starts_with('/')) {
            let hosts = joined(servers().map(|(host, _)| encoded(&host, "#,& ")).collect());
            let ports = joined(servers().map(|(_, port)| port.to_string()).collect());
            let is_usual = servers().all(|(_, port)| port == PORT);
            let port = if is_usual {
                String::new()
            } else {
                format!("&port={ports}")
            };
            return format!("postgres://{user}@/{database}?host={hosts}{port}");
        }
        let authority = servers().map(|(host, port)| {
            let host = encoded(&host, "/?#@,&[] ");
            if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            }
        });
        format!(
            "postgres://{user}@{}/{database}",
            joined(authority.collect())
        )
    }

    /// What the driver is to be told, for each server in turn.
    ///
    /// # Errors
    /// `Parameter` and `CertificateFile`.
    pub(crate) fn into_options(self) -> Result<Vec<PgConnectOptions>, OpenError> {
        let refused = |reason| Err(OpenError::with_source(OpenErrorKind::Parameter, reason));
        if self.has_address_beside_name {
            return refused(ParameterError::AddressBesideName);
        }
        for (name, value) in &self.parameters {
            if name == "target_session_attrs" {
                // The servers are asked for the one that can be written, whatever the URL says.
                if !["any", "read-write", "primary"].contains(&value.as_str()) {
                    return refused(ParameterError::ReadOnly);
                }
            } else if LEFT_OUT.contains(&name.as_str()) {
                return refused(ParameterError::LeaveOut(name.clone()));
            } else if !is_known(name) {
                return refused(ParameterError::Unknown(name.clone()));
            }
        }
        let not_utf8 =
            |name: &&&str| env::var_os(name).is_some_and(|value| value.to_str().is_none());
        if let Some(name) = VARIABLES.iter().find(not_utf8) {
            return refused(ParameterError::NotUtf8(name));
        }
        let mode = self.options.first().map(PgConnectOptions::get_ssl_mode);
        if matches!(mode, Some(PgSslMode::VerifyCa)) {
            return refused(ParameterError::NameUnchecked);
        }
        let root = self.parameter(PemFile::Root);
        let has_root = root.is_some() || PemFile::Root.in_environment().is_some();
        if has_root && !matches!(mode, Some(PgSslMode::VerifyFull)) {
            return refused(ParameterError::AuthorityUnchecked);
        }
        for file in PemFile::ALL {
            file.check(self.parameter(file))
                .map_err(|error| OpenError::with_source(OpenErrorKind::CertificateFile, error))?;
        }
        Ok(self.options)
    }

    /// The file with the key by which the server knows us, where one is named.
    pub(crate) fn client_key(&self) -> Option<PathBuf> {
        let parameter = self.parameter(PemFile::Key);
        let named = parameter.map(|(_, value)| value.to_owned());
        let named = named.or_else(|| PemFile::Key.in_environment());
        named
            .filter(|value| !pem_file::is_content(value))
            .map(PathBuf::from)
    }

    /// The parameter that names a file, and its value; of several the last, as the driver takes it.
    fn parameter(&self, file: PemFile) -> Option<(&str, &str)> {
        let mut given = self.parameters.iter().rev();
        let last = given.find(|(name, _)| file.names().contains(&name.as_str()));
        last.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The variables that the driver reads; it goes on without one that is not UTF-8.
const VARIABLES: [&str; 12] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGDATABASE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGAPPNAME",
    "PGOPTIONS",
];

/// What a URL says.
struct Parts {
    user: String,
    password: Option<String>,
    database: Option<String>,
    /// As many as servers; an empty host is the usual one of this machine.
    hosts: Vec<String>,
    /// Whether addresses of hosts are given as well, which the driver has no place for.
    has_address_beside_name: bool,
    /// As many as servers, or one for all of them.
    ports: Vec<u16>,
    /// All others.
    parameters: Vec<(String, String)>,
}

impl Parts {
    /// Reads a URL.
    fn parse(text: &str) -> Option<Self> {
        let rest = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, servers) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match user.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password)?)),
            None => (user, None),
        };
        let mut parts = Self {
            user: decoded(user)?,
            password,
            database: Some(decoded(database)?),
            hosts: Vec::new(),
            has_address_beside_name: false,
            ports: Vec::new(),
            parameters: Vec::new(),
        };
        for server in servers.split(',') {
            let (host, port) = host_and_port(server)?;
            parts.hosts.push(decoded(host)?);
            parts.ports.push(port);
        }
        let mut addresses = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (decoded(name)?, decoded(value)?);
            if name == "hostaddr" {
                addresses = Some(value);
            } else {
                parts.take(name, value)?;
            }
        }
        if let Some(addresses) = addresses {
            parts.has_address_beside_name = parts.hosts.iter().any(|host| !host.is_empty());
            parts.take_hosts(&addresses);
        }
        parts.database = parts.database.filter(|database| !database.is_empty());
        // Without a name in the URL the driver would take that of the one who runs the process, which is another one on
        // the next machine.
        let fit = [1, parts.hosts.len()].contains(&parts.ports.len());
        let is_whole = !parts.user.is_empty() && fit;
        is_whole.then_some(parts)
    }

    /// Takes a parameter.
    fn take(&mut self, name: String, value: String) -> Option<()> {
        match name.as_str() {
            "user" => self.user = value,
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(value),
            "host" => self.take_hosts(&value),
            "port" => self.ports = value.split(',').map(port).collect::<Option<_>>()?,
            // For URLs of JDBC (34.1.1.2, "Connection URIs").
            "ssl" if value == "true" => {
                self.parameters
                    .push(("sslmode".to_owned(), "require".to_owned()));
            }
            _ => self.parameters.push((name, value)),
        }
        Some(())
    }

    fn take_hosts(&mut self, list: &str) {
        self.hosts = list.split(',').map(str::to_owned).collect();
        if self.ports.len() != self.hosts.len() {
            self.ports.truncate(1);
        }
    }

    /// The servers in turn.
    fn servers(&self) -> impl Iterator<Item = (&str, u16)> {
        let first = self.ports.first().copied().unwrap_or(PORT);
        let ports = self.ports.iter().copied().chain(std::iter::repeat(first));
        self.hosts.iter().map(String::as_str).zip(ports)
    }

    /// What the driver is told of a server. It reads only URLs in full, and the file of passwords only then.
    fn options(&self, host: &str, port: u16) -> Result<PgConnectOptions, sqlx::Error> {
        let usual = PgConnectOptions::new_without_pgpass();
        let host = if host.is_empty() {
            usual.get_host()
        } else {
            host
        };
        let mut url = Url::parse("postgres://localhost")
            .map_err(|error| sqlx::Error::Configuration(Box::new(error)))?;
        let mut pairs = url.query_pairs_mut();
        pairs
            .append_pair("host", host)
            .append_pair("port", &port.to_string())
            .append_pair("user", &self.user);
        if let Some(password) = &self.password {
            pairs.append_pair("password", password);
        }
        if let Some(database) = &self.database {
            pairs.append_pair("dbname", database);
        }
        for (name, value) in self.parameters.iter().filter(|(name, _)| is_known(name)) {
            pairs.append_pair(name, value);
        }
        drop(pairs);
        // Proxies do not know it, and no number with a fraction is ever read.
        Ok(PgConnectOptions::from_str(url.as_str())?.extra_float_digits(None))
    }
}

/// The name of a server, or the folder of its socket.
fn host_of(options: &PgConnectOptions) -> Cow<'_, str> {
    match options.get_socket() {
        Some(folder) => folder.to_string_lossy(),
        None => options.get_host().into(),
    }
}

/// A server of the list in a URL: `host`, `host:5432`, `[::1]:5432`, or a folder with its slashes encoded.
fn host_and_port(server: &str) -> Option<(&str, u16)> {
    if let Some(rest) = server.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        let port_text = after.strip_prefix(':');
        return match port_text {
            None if !after.is_empty() || address.is_empty() => None,
            given => Some((address, port(given.unwrap_or_default())?)),
        };
    }
    let (host, given) = server.split_once(':').unwrap_or((server, ""));
    Some((host, port(given)?))
}

/// A port; the usual one if the text is empty.
fn port(text: &str) -> Option<u16> {
    if text.is_empty() {
        return Some(PORT);
    }
    text.parse().ok().filter(|port| *port > 0)
}

/// A text in which bytes may be written as `%2F`. No text of PostgreSQL's holds a NUL.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
}

/// A text in which these characters, and `%`, are written as bytes.
fn encoded(text: &str, characters: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '%' || characters.contains(character) {
            all.extend(
                character
                    .to_string()
                    .bytes()
                    .map(|byte| format!("%{byte:02X}")),
            );
        } else {
            all.push(character);
        }
    }
    all
}

/// Whether the driver heeds a parameter.
fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
}

/// Why a parameter is refused. Its value is left out: it may be a password's, under a mistyped name.
#[derive(Debug)]
enum ParameterError {
    Unknown(String),
    LeaveOut(String),
    ReadOnly,
    AddressBesideName,
    NotUtf8(&'static str),
    NameUnchecked,
    AuthorityUnchecked,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) if name == "ssl" => {
                f.write_str("\"ssl\" may be true only; say sslmode=require, or disable")
            }
            Self::Unknown(name) => {
                let known = KNOWN.iter().chain(&PLACES).filter(|name| !name.contains('-'));
                let known: Vec<_> = known.copied().collect();
                write!(f, "{name:?} is unknown; known are {}", known.join(", "))
            }
            Self::LeaveOut(name) if name == "channel_binding" => f.write_str(
                "\"channel_binding\" is not known here; leave it out, and say sslmode=verify-full to be sure of the \
                 server",
            ),
            Self::LeaveOut(name) => write!(f, "{name:?} has no meaning here; leave it out"),
            Self::ReadOnly => f.write_str(
                "target_session_attrs must be read-write: what is stored must be written",
            ),
            // libpq would go to the address, and look for the name in the certificate.
            Self::AddressBesideName => f.write_str(
                "hostaddr cannot stand beside the name of a host here; leave hostaddr out, and have the system know the \
                 name",
            ),
            Self::NotUtf8(variable) => write!(f, "{variable} (environment) is not UTF-8"),
            // The driver trusts the authorities of browsers besides the one that is named.
            Self::NameUnchecked => f.write_str(
                "sslmode=verify-ca would take any certificate that browsers trust; say verify-full, \
                 or require to check nothing",
            ),
            Self::AuthorityUnchecked => {
                f.write_str("sslrootcert is used with sslmode=verify-full only")
            }
        }
    }
}

impl Error for ParameterError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::error::Error;

    use super::{LEFT_OUT, OpenError, OpenErrorKind, PgConnectOptions, ServerUrl};

    #[test]
    fn forms_of_libpq_are_read() {
        let cases = [
            (
                "postgres://ann:s3cret@db.example.org/site?sslmode=verify-full",
                Some("postgres://ann@db.example.org:5432/site"),
            ),
            (
                "postgresql://ann:s3cret@10.0.0.1:6432",
                Some("postgres://ann@10.0.0.1:6432/ann"),
            ),
            // Of IPv6, by each way.
            (
                "postgres://ann@[::1]/site",
                Some("postgres://ann@[::1]:5432/site"),
            ),
            (
                "postgres://ann@[2001:db8::1234]:6432/site",
                Some("postgres://ann@[2001:db8::1234]:6432/site"),
            ),
            (
                "postgres://ann@/site?host=::1&port=6432",
                Some("postgres://ann@[::1]:6432/site"),
            ),
            (
                "postgres://ann@[fe80::1%25eth0]/site",
                Some("postgres://ann@[fe80::1%25eth0]:5432/site"),
            ),
            // Sockets.
            (
                "postgres://ann@localhost/site?host=/run/postgresql&password=s3cret",
                Some("postgres://ann@/site?host=/run/postgresql"),
            ),
            (
                "postgres://ann@/site?host=/run/postgresql",
                Some("postgres://ann@/site?host=/run/postgresql"),
            ),
            (
                "postgres://ann@%2Frun%2Fpostgresql:6432/site",
                Some("postgres://ann@/site?host=/run/postgresql&port=6432"),
            ),
            (
                "postgresql:///site?host=%2Frun%2Fpg&user=ann",
                Some("postgres://ann@/site?host=/run/pg"),
            ),
            (
                "postgres://ann@/site?hostaddr=10.0.0.7,::1",
                Some("postgres://ann@10.0.0.7:5432,[::1]:5432/site"),
            ),
            // Several.
            (
                "postgres://ann:s3cret@one:5432,two:6432/site?target_session_attrs=read-write",
                Some("postgres://ann@one:5432,two:6432/site"),
            ),
            (
                "postgres://ann@one,[::1]:6432,10.0.0.1/site",
                Some("postgres://ann@one:5432,[::1]:6432,10.0.0.1:5432/site"),
            ),
            (
                "postgres://ann@/site?host=one,two&port=6432",
                Some("postgres://ann@one:6432,two:6432/site"),
            ),
            (
                "postgres://ann@/site?host=one,two&port=5432,6432",
                Some("postgres://ann@one:5432,two:6432/site"),
            ),
            // What stands in a name or a password.
            (
                "postgres://a%40b:p%2Fw%3F%23@db/s%20x",
                Some("postgres://a%40b@db:5432/s%20x"),
            ),
            (
                "postgres://ann:p@ss#w@db/site",
                Some("postgres://ann@db:5432/site"),
            ),
            (
                "postgres://ann@db/?dbname=site",
                Some("postgres://ann@db:5432/site"),
            ),
            (
                "postgres://ann@db:/site",
                Some("postgres://ann@db:5432/site"),
            ),
        ];
        for (url, place) in cases {
            let told = ServerUrl::parse(url).ok().map(|url| url.place());
            assert_eq!(told.as_deref(), place, "{url}");
            // What is printed can be given again.
            if let Some(place) = told {
                let again = ServerUrl::parse(&place).map(|url| url.place());
                assert_eq!(again.unwrap(), place, "{url}");
            }
        }
    }

    #[test]
    fn other_texts_are_no_urls() {
        for url in [
            "postgres://db.example.org/site",
            "postgres://:s3cret@db.example.org/site",
            "postgres://ann@db:port/site",
            "postgres://ann@db:0/site",
            "postgres://ann@db:65536/site",
            "postgres://ann@[::1/site",
            "postgres://ann@[::1]x/site",
            "postgres://ann@[]/site",
            "postgres://ann@/site?host=one,two&port=1,2,3",
            "postgres://ann@db/site?sslmode",
            "postgres://ann@db/site?sslmode=maybe",
            "postgres://ann%00@db/site",
            "postgres://ann%zz@db/site",
            "postgres://ann%ff@db/site",
            "postgres:/ann@db/site",
            "mysql://ann@db.example.org/site",
            "",
        ] {
            let error = ServerUrl::parse(url).err().map(|error| {
                assert!(!format!("{error:?}").contains("s3cret"), "{url}");
                error.kind()
            });
            assert_eq!(error, Some(OpenErrorKind::Url), "{url}");
        }
    }

    #[test]
    fn parts_reach_the_driver() {
        let url =
            "postgres://a%40b:p%2Bw+%25%26%3D%20@[::1]:6432,two/s%2Fx?application_name=my+site";
        let options = ServerUrl::parse(url).unwrap().into_options().unwrap();
        let told = options.iter().map(|it| (it.get_host(), it.get_port()));
        assert_eq!(told.collect::<Vec<_>>(), [("::1", 6432), ("two", 5432)]);
        for options in &options {
            assert_eq!(options.get_username(), "a@b");
            assert_eq!(options.get_database(), Some("s/x"));
            assert_eq!(options.get_application_name(), Some("my+site"));
            let shown = format!("{options:?}");
            assert!(
                shown.contains("p+w+%&= "),
                "the password is taken as it is: {shown}"
            );
        }
    }

    #[test]
    fn address_beside_a_name_is_refused() {
        for (url, is_refused) in [
            ("postgres://ann@db/site?hostaddr=10.0.0.7", true),
            ("postgres://ann@/site?hostaddr=10.0.0.7&host=db", true),
            ("postgres://ann@/site?host=db&hostaddr=10.0.0.7", true),
            ("postgres://ann@/site?hostaddr=10.0.0.7", false),
        ] {
            let error = ServerUrl::parse(url).unwrap().into_options().err();
            let reason = error.map(|error| error.source().unwrap().to_string());
            let says = |it: String| it.contains("leave hostaddr out");
            assert_eq!(reason.map(says), is_refused.then_some(true), "{url}");
        }
    }

    /// The driver prefers to encrypt, and goes on without.
    #[test]
    fn ssl_of_other_clients_is_required() {
        for (query, mode) in [
            ("", "[Prefer]"),
            ("?ssl=true", "[Require]"),
            ("?sslmode=disable&ssl=true", "[Require]"),
        ] {
            let url = ServerUrl::parse(&format!("postgres://ann@db/site{query}")).unwrap();
            let options = url.into_options().unwrap();
            let modes = options.iter().map(PgConnectOptions::get_ssl_mode);
            let modes: Vec<_> = modes.collect();
            assert_eq!(format!("{modes:?}"), mode, "{query}");
        }
    }

    #[test]
    fn parameters_to_leave_out_are_told() {
        for name in LEFT_OUT {
            let url = format!("postgres://ann@db/site?sslmode=require&{name}=require");
            let error = ServerUrl::parse(&url).unwrap().into_options().unwrap_err();
            assert_eq!(error.kind(), OpenErrorKind::Parameter, "{name}");
            let reason = error.source().unwrap().to_string();
            assert!(
                reason.contains(name) && reason.contains("leave it out"),
                "{reason}"
            );
        }
        let error = ServerUrl::parse("postgres://ann@db/site?sslmod=require").unwrap();
        let reason = error.into_options().unwrap_err();
        let reason = reason.source().unwrap().to_string();
        assert!(
            reason.contains("\"sslmod\" is unknown") && reason.contains("sslmode"),
            "{reason}"
        );
    }

    #[test]
    fn unsafe_parameters_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let empty = format!("sslmode=verify-full&sslrootcert={}", empty.display());
        let cases = [
            ("", None),
            ("sslmode=require&application_name=site", None),
            ("sslmode=verify-full&options[search_path]=site", None),
            ("sslmod=verify-full", Some(OpenErrorKind::Parameter)),
            ("passwrod=s3cret", Some(OpenErrorKind::Parameter)),
            ("target_session_attrs=primary", None),
            (
                "target_session_attrs=standby",
                Some(OpenErrorKind::Parameter),
            ),
            ("sslmode=verify-ca", Some(OpenErrorKind::Parameter)),
            ("ssl=true", None),
            ("ssl=1", Some(OpenErrorKind::Parameter)),
            (
                "sslmode=disable&ssl=true&sslrootcert=/root.pem",
                Some(OpenErrorKind::Parameter),
            ),
            ("sslrootcert=/root.pem", Some(OpenErrorKind::Parameter)),
            (
                "sslmode=require&ssl-ca=/root.pem",
                Some(OpenErrorKind::Parameter),
            ),
            (
                "sslmode=verify-full&sslrootcert=/nowhere/root.pem",
                Some(OpenErrorKind::CertificateFile),
            ),
            (
                "sslmode=verify-full&sslcert=/nowhere/own.pem",
                Some(OpenErrorKind::CertificateFile),
            ),
            (empty.as_str(), Some(OpenErrorKind::CertificateFile)),
        ];
        for (parameters, kind) in cases {
            let url = format!("postgres://ann:s3cret@db/site?{parameters}");
            let url = ServerUrl::parse(&url).unwrap();
            assert_eq!(url.place(), "postgres://ann@db:5432/site");
            let error = url.into_options().err();
            assert_eq!(error.as_ref().map(OpenError::kind), kind, "{parameters}");
            assert!(!format!("{error:?}").contains("s3cret"), "{parameters}");
        }
    }
}
