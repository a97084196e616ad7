-- +goose Up
-- Call records, as many as were stored at once behind each other in one row: a row for each costs
-- three times as much, most of it in pages of indexes that hardly fill. A block's records are numbered
-- first_seq to last_seq; store.CDR says how they look. Times are microseconds: first_ended and
-- last_ended are the earliest and the latest end among a block's records, reached is the latest of it and
-- of all blocks before it, so that it only rises.
CREATE TABLE cdr_blocks (
    last_seq    INTEGER PRIMARY KEY,
    first_seq   BIGINT  NOT NULL,
    first_ended BIGINT  NOT NULL,
    last_ended  BIGINT  NOT NULL,
    reached     BIGINT  NOT NULL,
    records     BLOB    NOT NULL
);
CREATE INDEX cdr_blocks_reached ON cdr_blocks (reached);
CREATE INDEX cdr_blocks_ended ON cdr_blocks (last_ended);

-- Where a tenant's records are: owner is a customer's id, or less than 0 a company's; part is seq / 4096.
CREATE TABLE cdr_parts (
    owner BIGINT NOT NULL,
    part  BIGINT NOT NULL,
    PRIMARY KEY (owner, part)
) WITHOUT ROWID;

-- The last number that was given, which is never given again, and how far the time has come.
CREATE TABLE cdr_state (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    last_seq BIGINT NOT NULL,
    reached  BIGINT NOT NULL
);

INSERT INTO cdr_state
SELECT 1, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'cdrs'), 0), COALESCE((SELECT MAX(ended_at) FROM cdrs), 0);

-- Each record of before becomes a block of its own, written as JSON.
INSERT INTO cdr_blocks
SELECT seq, seq, ended_at, ended_at, MAX(ended_at) OVER (ORDER BY seq),
       CAST(unhex(id) || unhex(printf('%08x', 24 + length(CAST(said AS BLOB)))) ||
            unhex(printf('%016x%016x%016x', company_id, customer_id, ended_at)) || said AS BLOB)
FROM (
    SELECT seq, id, company_id, customer_id, ended_at, json_patch(json_object(
               'id', id, 'company_id', company_id, 'customer_id', customer_id, 'customer', customer, 'direction', direction,
               'hidden', json(iif(hidden, 'true', 'false')), 'call_id', call_id, 'far_call_id', far_call_id,
               'from', caller, 'to', callee, 'uri', uri, 'source', source, 'source_transport', source_transport,
               'destination_id', destination_id, 'destination', destination, 'target', target, 'target_transport', target_transport,
               'started', strftime('%Y-%m-%dT%H:%M:%S', started_at / 1000000, 'unixepoch') || printf('.%06dZ', started_at % 1000000),
               'ended', strftime('%Y-%m-%dT%H:%M:%S', ended_at / 1000000, 'unixepoch') || printf('.%06dZ', ended_at % 1000000),
               'setup_seconds', setup / 1e6, 'duration_seconds', duration / 1e6,
               'status', status, 'reason', reason, 'ended_by', ended_by, 'rule_id', rule_id),
           iif(answered, json_object('answered', strftime('%Y-%m-%dT%H:%M:%S', (started_at + setup) / 1000000, 'unixepoch') ||
               printf('.%06dZ', (started_at + setup) % 1000000)), '{}')) AS said
    FROM cdrs
);

INSERT INTO cdr_parts
SELECT customer_id, seq / 4096 FROM cdrs WHERE customer_id > 0
UNION SELECT -company_id, seq / 4096 FROM cdrs WHERE company_id > 0;

DROP TABLE cdrs;
