-- +goose Up
-- A row for each call attempt that is over. seq rises in the order in which they were stored and is
-- never used twice: what a reader resumes by. id is the attempt's own, so that one is stored once,
-- however often it is handed in; the hour before it keeps what an insert touches of the index small
-- and recent, as ids are random. Names stand as they were then, and a customer's rows outlive him.
-- Times are microseconds.
CREATE TABLE cdrs (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT    NOT NULL,
    company_id       BIGINT  NOT NULL,
    customer_id      BIGINT  NOT NULL,
    customer         TEXT    NOT NULL,
    direction        TEXT    NOT NULL,
    hidden           BOOLEAN NOT NULL,
    call_id          TEXT    NOT NULL,
    far_call_id      TEXT    NOT NULL,
    caller           TEXT    NOT NULL,
    callee           TEXT    NOT NULL,
    uri              TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    source_transport TEXT    NOT NULL,
    destination_id   BIGINT  NOT NULL,
    destination      TEXT    NOT NULL,
    target           TEXT    NOT NULL,
    target_transport TEXT    NOT NULL,
    started_at       BIGINT  NOT NULL,
    ended_at         BIGINT  NOT NULL,
    answered         BOOLEAN NOT NULL,
    setup            BIGINT  NOT NULL,
    duration         BIGINT  NOT NULL,
    status           BIGINT  NOT NULL,
    reason           TEXT    NOT NULL,
    ended_by         TEXT    NOT NULL,
    rule_id          BIGINT  NOT NULL
);
CREATE UNIQUE INDEX cdrs_id ON cdrs (started_at / 3600000000, id);
CREATE INDEX cdrs_company ON cdrs (company_id);
CREATE INDEX cdrs_customer ON cdrs (customer_id);
CREATE INDEX cdrs_ended ON cdrs (ended_at);
