-- +goose Up
-- The text by which lists of these nouns are searched, by all its groups of three characters: the
-- one search box and ?q= look a text up rather than read each row. It holds no text of its own
-- (content), and triggers keep it as their tables are, cascades included.

CREATE VIRTUAL TABLE customers_search USING fts5(search, content='customers', content_rowid='id', tokenize='trigram');
INSERT INTO customers_search (customers_search) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER customers_search_insert AFTER INSERT ON customers BEGIN
    INSERT INTO customers_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER customers_search_delete AFTER DELETE ON customers BEGIN
    INSERT INTO customers_search (customers_search, rowid, search) VALUES ('delete', old.id, old.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER customers_search_update AFTER UPDATE OF search ON customers WHEN new.search <> old.search BEGIN
    INSERT INTO customers_search (customers_search, rowid, search) VALUES ('delete', old.id, old.search);
    INSERT INTO customers_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd

CREATE VIRTUAL TABLE users_search USING fts5(search, content='users', content_rowid='id', tokenize='trigram');
INSERT INTO users_search (users_search) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER users_search_insert AFTER INSERT ON users BEGIN
    INSERT INTO users_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_search_delete AFTER DELETE ON users BEGIN
    INSERT INTO users_search (users_search, rowid, search) VALUES ('delete', old.id, old.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_search_update AFTER UPDATE OF search ON users WHEN new.search <> old.search BEGIN
    INSERT INTO users_search (users_search, rowid, search) VALUES ('delete', old.id, old.search);
    INSERT INTO users_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd

CREATE VIRTUAL TABLE domains_search USING fts5(search, content='domains', content_rowid='id', tokenize='trigram');
INSERT INTO domains_search (domains_search) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER domains_search_insert AFTER INSERT ON domains BEGIN
    INSERT INTO domains_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER domains_search_delete AFTER DELETE ON domains BEGIN
    INSERT INTO domains_search (domains_search, rowid, search) VALUES ('delete', old.id, old.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER domains_search_update AFTER UPDATE OF search ON domains WHEN new.search <> old.search BEGIN
    INSERT INTO domains_search (domains_search, rowid, search) VALUES ('delete', old.id, old.search);
    INSERT INTO domains_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd

CREATE VIRTUAL TABLE destinations_search USING fts5(search, content='destinations', content_rowid='id', tokenize='trigram');
INSERT INTO destinations_search (destinations_search) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER destinations_search_insert AFTER INSERT ON destinations BEGIN
    INSERT INTO destinations_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER destinations_search_delete AFTER DELETE ON destinations BEGIN
    INSERT INTO destinations_search (destinations_search, rowid, search) VALUES ('delete', old.id, old.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER destinations_search_update AFTER UPDATE OF search ON destinations WHEN new.search <> old.search BEGIN
    INSERT INTO destinations_search (destinations_search, rowid, search) VALUES ('delete', old.id, old.search);
    INSERT INTO destinations_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd

CREATE VIRTUAL TABLE switches_search USING fts5(search, content='switches', content_rowid='id', tokenize='trigram');
INSERT INTO switches_search (switches_search) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER switches_search_insert AFTER INSERT ON switches BEGIN
    INSERT INTO switches_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER switches_search_delete AFTER DELETE ON switches BEGIN
    INSERT INTO switches_search (switches_search, rowid, search) VALUES ('delete', old.id, old.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER switches_search_update AFTER UPDATE OF search ON switches WHEN new.search <> old.search BEGIN
    INSERT INTO switches_search (switches_search, rowid, search) VALUES ('delete', old.id, old.search);
    INSERT INTO switches_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd

CREATE VIRTUAL TABLE dids_search USING fts5(search, content='dids', content_rowid='id', tokenize='trigram');
INSERT INTO dids_search (dids_search) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER dids_search_insert AFTER INSERT ON dids BEGIN
    INSERT INTO dids_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dids_search_delete AFTER DELETE ON dids BEGIN
    INSERT INTO dids_search (dids_search, rowid, search) VALUES ('delete', old.id, old.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER dids_search_update AFTER UPDATE OF search ON dids WHEN new.search <> old.search BEGIN
    INSERT INTO dids_search (dids_search, rowid, search) VALUES ('delete', old.id, old.search);
    INSERT INTO dids_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd

CREATE VIRTUAL TABLE sip_users_search USING fts5(search, content='sip_users', content_rowid='id', tokenize='trigram');
INSERT INTO sip_users_search (sip_users_search) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER sip_users_search_insert AFTER INSERT ON sip_users BEGIN
    INSERT INTO sip_users_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER sip_users_search_delete AFTER DELETE ON sip_users BEGIN
    INSERT INTO sip_users_search (sip_users_search, rowid, search) VALUES ('delete', old.id, old.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER sip_users_search_update AFTER UPDATE OF search ON sip_users WHEN new.search <> old.search BEGIN
    INSERT INTO sip_users_search (sip_users_search, rowid, search) VALUES ('delete', old.id, old.search);
    INSERT INTO sip_users_search (rowid, search) VALUES (new.id, new.search);
END;
-- +goose StatementEnd
