-- The counters of limits, under keyed digests. Times in microseconds since 1970, by the clock of this server: differences
-- of numbers are the same in every time zone. One that expired is empty and is removed; it is full until
-- `blocked_until`.

CREATE TABLE phone_auth_limit (
    digest bytea NOT NULL CONSTRAINT phone_auth_limit_pkey PRIMARY KEY,
    counter text NOT NULL,
    hits bigint NOT NULL,
    blocked_until bigint NOT NULL,
    expires_at bigint NOT NULL
);
