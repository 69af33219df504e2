-- What is counted of text messages, by hours since 1970, under keyed digests: sent, and used. Those of one subject begin with
-- the same bytes.

CREATE TABLE phone_auth_limit_sms (
    digest BLOB NOT NULL,
    hour integer NOT NULL,
    scope text NOT NULL,
    sent integer NOT NULL,
    used integer NOT NULL,
    PRIMARY KEY (digest, hour)
) WITHOUT ROWID;
