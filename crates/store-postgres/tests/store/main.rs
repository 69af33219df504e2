//! The store on a server of PostgreSQL.

mod balancer;
mod closing;
mod common;
mod deadlocks;
mod django;
mod external_writer;
mod faults;
mod growth;
mod limits;
mod locks;
mod migrating;
mod outbox;
mod pooled;
mod promises;
mod promises_on_django;
mod rights;
mod schema;
mod statements;
