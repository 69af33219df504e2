//! Accounts without the web: people, addresses, passwords, sessions and the flows between them.
