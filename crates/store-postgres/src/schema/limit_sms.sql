-- What is counted of text messages, by hours since 1970, under keyed digests: sent, and used. Those of one subject begin with
-- the same bytes.

CREATE TABLE phone_auth_limit_sms (
    digest bytea NOT NULL,
    hour bigint NOT NULL,
    scope text NOT NULL,
    sent bigint NOT NULL,
    used bigint NOT NULL,
    CONSTRAINT phone_auth_limit_sms_pkey PRIMARY KEY (digest, hour)
);
