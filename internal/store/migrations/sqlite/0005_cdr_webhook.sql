-- +goose Up
-- How far the webhook has come: the last record that it has, and since when it fails (0: it does not).
CREATE TABLE cdr_webhook (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    position BIGINT NOT NULL,
    failing  BIGINT NOT NULL
);

-- Records that the webhook would not have, until they are sent again (asked, since when; 0: they are not).
CREATE TABLE cdr_dead_letters (
    seq    INTEGER PRIMARY KEY,
    id     BLOB   NOT NULL,
    record BLOB   NOT NULL,
    ended  BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    error  TEXT   NOT NULL,
    asked  BIGINT NOT NULL
);
CREATE INDEX cdr_dead_letters_asked ON cdr_dead_letters (seq) WHERE asked > 0;
CREATE INDEX cdr_dead_letters_ended ON cdr_dead_letters (ended);
