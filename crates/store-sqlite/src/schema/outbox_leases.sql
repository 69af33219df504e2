-- What was one number is now three: the number of attempts only grows, failures are what the back-off goes by, and a
-- lease is the attempt that holds it. A message is ready, whatever the clock says, until the attempt after that number.
-- A server of the version before knows none of these columns, and goes on with its own.

ALTER TABLE phone_auth_outbox ADD COLUMN failures integer NOT NULL DEFAULT 0;
ALTER TABLE phone_auth_outbox ADD COLUMN ready_attempt integer NOT NULL DEFAULT 0;
ALTER TABLE phone_auth_outbox ADD COLUMN leased_attempt integer NULL;
-- When it was enqueued, by the clock of the store.
ALTER TABLE phone_auth_outbox ADD COLUMN enqueued_at datetime NULL;
-- What its link depends on, part by part.
ALTER TABLE phone_auth_outbox ADD COLUMN binding_parts text NULL;
-- What became of the message that it superseded.
ALTER TABLE phone_auth_outbox ADD COLUMN earlier_receipts text NULL;
