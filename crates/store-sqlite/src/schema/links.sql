-- When a link was last asked for, by purpose and address: the newest one works. In microseconds since 1970, so that a
-- request by a clock that is behind can be made the newest. A request for nobody is kept under one of a few numbers below
-- zero, and overwritten. An address that is deleted, by Django too, takes its rows along.

CREATE TABLE phone_auth_link_request (
    kind text NOT NULL,
    purpose text NOT NULL,
    holder integer NOT NULL,
    email_id integer NULL REFERENCES phone_auth_emailaddress (id) ON DELETE CASCADE,
    phone_id integer NULL REFERENCES phone_auth_phonenumber (id) ON DELETE CASCADE,
    requested_at integer NOT NULL,
    PRIMARY KEY (kind, purpose, holder)
) WITHOUT ROWID;
