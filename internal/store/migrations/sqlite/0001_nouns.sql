-- +goose Up
-- A noun's settings travel whole, as JSON in body, so that a field that a release adds needs no
-- migration. A column is what SQL itself must know: identity, ownership, uniqueness
-- (natural_key), references and the text that lists are searched by.

CREATE TABLE revision (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    value BIGINT  NOT NULL
);
INSERT INTO revision (id, value) VALUES (1, 0);

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE companies (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (natural_key)
);

CREATE TABLE customers (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id  BIGINT  NOT NULL REFERENCES companies (id) DEFERRABLE INITIALLY DEFERRED,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (natural_key)
);
CREATE INDEX customers_company ON customers (company_id);

CREATE TABLE users (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id  BIGINT  REFERENCES companies (id) ON DELETE CASCADE,
    customer_id BIGINT  REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (natural_key)
);
CREATE INDEX users_company ON users (company_id);
CREATE INDEX users_customer ON users (customer_id);

CREATE TABLE api_keys (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id  BIGINT  REFERENCES companies (id) ON DELETE CASCADE,
    customer_id BIGINT  REFERENCES customers (id) ON DELETE CASCADE,
    hash        TEXT    NOT NULL UNIQUE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL
);
CREATE INDEX api_keys_company ON api_keys (company_id);
CREATE INDEX api_keys_customer ON api_keys (customer_id);

CREATE TABLE sip_profiles (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id  BIGINT  NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (company_id, natural_key)
);

CREATE TABLE domains (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (natural_key)
);
CREATE INDEX domains_customer ON domains (customer_id);

CREATE TABLE destination_groups (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (customer_id, natural_key)
);

CREATE TABLE switches (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (customer_id, natural_key)
);

CREATE TABLE destinations (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    switch_id   BIGINT  REFERENCES switches (id) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (customer_id, natural_key)
);
CREATE INDEX destinations_switch ON destinations (switch_id);

CREATE TABLE routing_rules (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (customer_id, natural_key)
);

CREATE TABLE firewall_rules (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (customer_id, natural_key)
);

CREATE TABLE blocklist (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (customer_id, natural_key)
);

CREATE TABLE whitelist (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (customer_id, natural_key)
);

CREATE TABLE clis (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    UNIQUE (customer_id, natural_key)
);

CREATE TABLE sip_users (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    profile_id  BIGINT  REFERENCES sip_profiles (id) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (customer_id, natural_key)
);
CREATE INDEX sip_users_profile ON sip_users (profile_id);

CREATE TABLE dids (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id BIGINT  NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    natural_key TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    switch_id   BIGINT  REFERENCES switches (id) DEFERRABLE INITIALLY DEFERRED,
    sip_user_id BIGINT  REFERENCES sip_users (id) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (customer_id, natural_key)
);
CREATE INDEX dids_switch ON dids (switch_id);
CREATE INDEX dids_sip_user ON dids (sip_user_id);

-- The ranges of egress switches, as 32 hex digits of IPv6 (IPv4 mapped), so that those of two customers that overlap are found.
CREATE TABLE switch_ranges (
    switch_id   BIGINT NOT NULL REFERENCES switches (id) ON DELETE CASCADE,
    customer_id BIGINT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    low         TEXT   NOT NULL,
    high        TEXT   NOT NULL
);
CREATE INDEX switch_ranges_low ON switch_ranges (low, high);
CREATE INDEX switch_ranges_switch ON switch_ranges (switch_id);
CREATE INDEX switch_ranges_customer ON switch_ranges (customer_id);

-- Secrets are sealed and apart, so that no query for a noun can bring one along.
CREATE TABLE sip_user_secrets (
    owner_id BIGINT PRIMARY KEY REFERENCES sip_users (id) ON DELETE CASCADE,
    sealed   TEXT   NOT NULL
);
CREATE TABLE voicemail_secrets (
    owner_id BIGINT PRIMARY KEY REFERENCES sip_users (id) ON DELETE CASCADE,
    sealed   TEXT   NOT NULL
);
CREATE TABLE switch_secrets (
    owner_id BIGINT PRIMARY KEY REFERENCES switches (id) ON DELETE CASCADE,
    sealed   TEXT   NOT NULL
);
CREATE TABLE user_secrets (
    owner_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed   TEXT   NOT NULL
);

-- The last change of each customer and company, for nodes that reload only those.
CREATE TABLE changes (
    kind     TEXT    NOT NULL,
    id       BIGINT  NOT NULL,
    revision BIGINT  NOT NULL,
    gone     BOOLEAN NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX changes_revision ON changes (revision);

-- When a file was last applied to a customer or company (id 0: the platform).
CREATE TABLE applied (
    kind     TEXT   NOT NULL,
    id       BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

-- No foreign keys here: what was done stays known when its noun is gone.
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    revision    BIGINT  NOT NULL,
    at          BIGINT  NOT NULL,
    who         TEXT    NOT NULL,
    who_kind    TEXT    NOT NULL,
    origin      TEXT    NOT NULL,
    via         TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    noun        TEXT    NOT NULL,
    noun_id     BIGINT  NOT NULL,
    name        TEXT    NOT NULL,
    company_id  BIGINT  NOT NULL,
    customer_id BIGINT  NOT NULL,
    before      TEXT    NOT NULL,
    after       TEXT    NOT NULL
);
CREATE INDEX audit_customer ON audit (customer_id, revision);
CREATE INDEX audit_company ON audit (company_id, revision);
