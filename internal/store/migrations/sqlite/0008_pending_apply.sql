-- +goose Up
-- The apply that goes back by itself unless somebody confirms it; one at a time. Times are microseconds.
CREATE TABLE pending_apply (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    revision BIGINT  NOT NULL,
    file     TEXT    NOT NULL,
    who      TEXT    NOT NULL,
    who_kind TEXT    NOT NULL,
    origin   TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    until    BIGINT  NOT NULL,
    marks    TEXT    NOT NULL
);

-- What each noun was before it, rows and sealed secrets as they were; '' where the apply made it.
CREATE TABLE pending_nouns (
    noun        TEXT   NOT NULL,
    noun_id     BIGINT NOT NULL,
    name        TEXT   NOT NULL,
    customer_id BIGINT NOT NULL,
    image       TEXT   NOT NULL,
    PRIMARY KEY (noun, noun_id)
);
