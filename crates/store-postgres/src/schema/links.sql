-- When a link was last asked for, by purpose and address: the newest one works. A request for nobody is kept under one of
-- a few numbers below zero, and overwritten. An address that is deleted, by Django too, takes its rows along. Ids of
-- addresses are 32 bits wide in some databases and 64 in others; these columns hold either. What refers to
-- the addresses is made after the table, one by one: see `steps.rs`.

CREATE TABLE phone_auth_link_request (
    kind text NOT NULL,
    purpose text NOT NULL,
    holder bigint NOT NULL,
    email_id bigint NULL,
    phone_id bigint NULL,
    requested_at timestamptz NOT NULL,
    CONSTRAINT phone_auth_link_request_pkey PRIMARY KEY (kind, purpose, holder)
);
