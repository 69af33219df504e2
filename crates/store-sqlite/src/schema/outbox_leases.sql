-- What was one number is now three: the number of attempts only grows, failures are what the back-off goes by, and a
-- lease is the attempt that holds it. A message is ready, whatever the clock says, until the attempt after that number.
-- A server of the version before knows none of these columns, and goes on with its own.

ALTER TABLE phone_auth_outbox ADD COLUMN failures integer NOT NULL DEFAULT 0;
ALTER TABLE phone_auth_outbox ADD COLUMN ready_attempt integer NOT NULL DEFAULT 0;
ALTER TABLE phone_auth_outbox ADD COLUMN leased_attempt integer NULL;
-- When it was promised, by the clock of the store.
ALTER TABLE phone_auth_outbox ADD COLUMN enqueued_at datetime NULL;
-- What its link depends on, part by part.
ALTER TABLE phone_auth_outbox ADD COLUMN binding_parts text NULL;
-- What became of the message that it superseded.
ALTER TABLE phone_auth_outbox ADD COLUMN earlier_receipts text NULL;

-- Messages to nobody are no longer kept.
DELETE FROM phone_auth_outbox WHERE person_id IS NULL AND died_at IS NULL;

-- What is due whatever the clock says, among it what has a time that nobody can read.
CREATE INDEX phone_auth_outbox_ready ON phone_auth_outbox (id) WHERE died_at IS NULL AND (
    ready_attempt = attempts
    OR CASE WHEN typeof(due_at) = 'text' AND due_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*'
        AND substr(due_at, 20) NOT GLOB '*[^.0-9]*' AND length(due_at) BETWEEN 19 AND 26
        THEN datetime(due_at) IS NOT substr(due_at, 1, 19) ELSE 1 END
);
CREATE INDEX phone_auth_outbox_letters ON phone_auth_outbox (address_id, kind, purpose) WHERE died_at IS NOT NULL;
