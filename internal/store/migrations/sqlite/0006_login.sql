-- +goose Up
-- Who is in the panel. Tokens are here as SHA-256 only; times are microseconds.
CREATE TABLE sessions (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT  NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    TEXT    NOT NULL UNIQUE,
    began   BIGINT  NOT NULL,
    used    BIGINT  NOT NULL,
    origin  TEXT    NOT NULL,
    agent   TEXT    NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

-- One-time links that set a password; without a user: the platform's first one.
CREATE TABLE user_links (
    hash    TEXT   PRIMARY KEY,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    ends    BIGINT NOT NULL
);
CREATE INDEX user_links_user ON user_links (user_id);

-- From where a user has logged in, so that others who guess his password do not slow him down.
CREATE TABLE user_origins (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    origin  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (user_id, origin)
);

-- How a user likes his panel: nothing that a file or an audit would know.
CREATE TABLE user_tastes (
    user_id  BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    language TEXT   NOT NULL,
    theme    TEXT   NOT NULL
);

CREATE TABLE user_second_factors (
    owner_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed   TEXT   NOT NULL
);

-- When an API key was last used, to the minute.
CREATE TABLE api_key_uses (
    key_id BIGINT PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    at     BIGINT NOT NULL
);

-- What customers ask of their company.
CREATE TABLE channel_requests (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    channels    BIGINT  NOT NULL,
    text        TEXT    NOT NULL,
    who         TEXT    NOT NULL,
    at          BIGINT  NOT NULL
);
CREATE INDEX audit_noun ON audit (noun, noun_id);
CREATE INDEX channel_requests_customer ON channel_requests (customer_id);
