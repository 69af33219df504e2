//! The phone-auth program: the site, its migrations and its people.
