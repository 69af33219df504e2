-- The counters of limits, under keyed digests. Times in microseconds since 1970. One that expired is empty and is removed;
-- it is full until `blocked_until`.

CREATE TABLE phone_auth_limit (
    digest BLOB NOT NULL PRIMARY KEY,
    counter text NOT NULL,
    hits integer NOT NULL,
    blocked_until integer NOT NULL,
    expires_at integer NOT NULL
) WITHOUT ROWID;
