//! What the user of a database lacks there, for an operator. Nothing of it is asked while a site is served.

use std::collections::BTreeMap;
use std::fmt;

use sqlx::{Row, query};

use crate::migrate_error::MigrateError;
use crate::migrations;
use crate::pool::Connections;
use crate::steps::MIGRATIONS;

/// Who is connected, where tables would be made, and whether anything can be written.
const SESSION: &str = "SELECT quote_ident(current_user), quote_ident(current_schema()), current_setting('search_path'),
        current_setting('transaction_read_only') = 'on', pg_is_in_recovery(),
        coalesce(has_schema_privilege(current_schema()::text, 'CREATE'), false)";

/// Which of these tables lack which right of this user's, and the sequences that number their rows. A right to some columns
/// counts. Of the table of steps a site reads alone.
const LACKING: &str = "SELECT wanted.tab, lacking.name, false
    FROM unnest($1::text[]) AS wanted (tab),
        LATERAL unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS lacking (name, place)
    WHERE to_regclass(wanted.tab) IS NOT NULL AND (lacking.name = 'SELECT' OR wanted.tab <> 'phone_auth_schema')
        AND NOT CASE lacking.name
            WHEN 'DELETE' THEN has_table_privilege(to_regclass(wanted.tab)::oid, 'DELETE')
            ELSE has_any_column_privilege(to_regclass(wanted.tab)::oid, lacking.name) END
    UNION ALL
    SELECT s.oid::regclass::text, 'USAGE', true
    FROM unnest($1::text[]) AS wanted (tab)
        JOIN pg_depend d ON d.refobjid = to_regclass(wanted.tab)::oid AND d.deptype = 'a'
            AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
        JOIN pg_class s ON s.oid = d.objid
    WHERE CASE s.relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE') END";

/// Something that a user of a database lacks to serve a site. Its text is a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissingRight {
    /// Nothing can be written: the server only follows another one.
    Standby,
    /// Nothing can be written: transactions are read-only unless they say otherwise.
    ReadOnly {
        /// The user, as SQL writes it.
        user: String,
    },
    /// There is no schema to make tables in.
    NoSchema {
        /// The schemas that are searched.
        search_path: String,
        /// The user, as SQL writes it.
        user: String,
    },
    /// No tables can be made in the schema.
    Create {
        /// The schema, as SQL writes it.
        schema: String,
        /// The user, as SQL writes it.
        user: String,
    },
    /// Rights to tables or sequences.
    Of {
        /// The rights.
        rights: Vec<String>,
        /// Whether they are to sequences.
        are_sequences: bool,
        /// The tables or sequences.
        names: Vec<String>,
        /// The user, as SQL writes it.
        user: String,
    },
}

impl fmt::Display for MissingRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standby => f.write_str(
                "nothing can be written: the database server is a standby; name the primary, or both",
            ),
            Self::ReadOnly { user } => write!(
                f,
                "nothing can be written: default_transaction_read_only is on; `ALTER ROLE {user} SET \
                 default_transaction_read_only = off` sets it for {user}"
            ),
            Self::NoSchema { search_path, user } => write!(
                f,
                "the tables have no schema to be in: search_path ({search_path}) names none that is there and that {user} may \
                 use; `GRANT USAGE, CREATE ON SCHEMA public TO {user}`, or `ALTER ROLE {user} SET search_path = …`"
            ),
            Self::Create { schema, user } => write!(
                f,
                "{user} may make no tables in the schema {schema}; `GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}`"
            ),
            Self::Of {
                rights,
                are_sequences,
                names,
                user,
            } => {
                let (rights, names) = (rights.join(", "), names.join(", "));
                let kind = if *are_sequences { "SEQUENCE " } else { "" };
                write!(
                    f,
                    "{user} lacks {rights} on {names}; `GRANT {rights} ON {kind}{names} TO {user}`"
                )
            }
        }
    }
}

/// What the user of these connections lacks.
pub(crate) async fn missing(connections: &Connections) -> Result<Vec<MissingRight>, MigrateError> {
    let rows = connections.run(query(SESSION)).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let user: String = row.try_get(0)?;
    let schema: Option<String> = row.try_get(1)?;
    let (is_read_only, is_standby): (bool, bool) = (row.try_get(3)?, row.try_get(4)?);
    let mut missing = Vec::new();
    if is_standby {
        missing.push(MissingRight::Standby);
    } else if is_read_only {
        missing.push(MissingRight::ReadOnly { user: user.clone() });
    }
    // Once all tables are there none is made.
    if migrations::count_applied(connections).await? < MIGRATIONS.len() {
        match schema {
            None => missing.push(MissingRight::NoSchema {
                search_path: row.try_get(2)?,
                user: user.clone(),
            }),
            Some(schema) if !row.try_get::<bool, _>(5)? => {
                let user = user.clone();
                missing.push(MissingRight::Create { schema, user });
            }
            Some(_) => {}
        }
    }
    missing.extend(lacking(connections, &user).await?);
    Ok(missing)
}

/// The rights to tables and sequences that are lacking: those that lack the same ones together, so that one statement grants
/// them.
async fn lacking(connections: &Connections, user: &str) -> Result<Vec<MissingRight>, MigrateError> {
    let tables: Vec<_> = migrations::tables().collect();
    let mut of_each: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
    for row in connections.run(query(LACKING).bind(tables)).await? {
        let (name, right): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let rights = of_each.entry((row.try_get(2)?, name)).or_default();
        rights.push(right);
    }
    let mut alike: BTreeMap<(bool, Vec<String>), Vec<String>> = BTreeMap::new();
    for ((are_sequences, name), rights) in of_each {
        let names = alike.entry((are_sequences, rights)).or_default();
        names.push(name);
    }
    let each = alike
        .into_iter()
        .map(|((are_sequences, rights), names)| MissingRight::Of {
            rights,
            are_sequences,
            names,
            user: user.to_owned(),
        });
    Ok(each.collect())
}
