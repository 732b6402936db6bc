-- Plain types and partial indexes that SQLite and PostgreSQL both have. Times are milliseconds
-- since 1970 in UTC; identifiers are hyphenated UUIDs; hashes are 32 bytes; what is only read as
-- a whole is JSON.

-- One row a request. What never changes of it is `body`, where it stands is `state`; the columns
-- beside them are what is searched by. `due_at` is when time alone changes it, and empty once it
-- is closed.
CREATE TABLE requests (
    id          TEXT PRIMARY KEY,
    reference   TEXT NOT NULL UNIQUE,
    requester   TEXT NOT NULL,
    beneficiary TEXT NOT NULL,
    device      TEXT NOT NULL,
    made_at     BIGINT NOT NULL,
    due_at      BIGINT,
    version     BIGINT NOT NULL,
    body        TEXT NOT NULL,
    state       TEXT NOT NULL
);
CREATE INDEX requests_due ON requests (due_at, id) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX requests_open_once ON requests (beneficiary, device) WHERE due_at IS NOT NULL;
CREATE INDEX requests_of_requester ON requests (requester, made_at);
CREATE INDEX requests_of_beneficiary ON requests (beneficiary, made_at);

-- The audit log: rows are only ever added. `seq` counts from 1 without a gap.
CREATE TABLE log (
    seq     BIGINT PRIMARY KEY,
    at      BIGINT NOT NULL,
    event   TEXT NOT NULL,
    request TEXT,
    entry   TEXT NOT NULL
);
CREATE INDEX log_of_request ON log (request, seq) WHERE request IS NOT NULL;

-- Every capability link that was ever mailed, by the hash of its token.
CREATE TABLE links (
    token   BLOB PRIMARY KEY,
    request TEXT NOT NULL REFERENCES requests (id),
    kind    TEXT NOT NULL
);

-- The outbox. A lease is a `due_at` in the future, and in `held` the attempt that set it there;
-- a dead job is due never.
CREATE TABLE jobs (
    id        TEXT PRIMARY KEY,
    queued_at BIGINT NOT NULL,
    due_at    BIGINT,
    attempt   BIGINT NOT NULL,
    held      BIGINT,
    job       TEXT NOT NULL,
    error     TEXT
);
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (queued_at, id) WHERE due_at IS NULL;

-- Sign-ins that have begun. `mail` is in lower case; `code` and `person` come when a code is sent.
CREATE TABLE challenges (
    token      BLOB PRIMARY KEY,
    mail       TEXT NOT NULL,
    address    TEXT NOT NULL,
    begun_at   BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    code       BLOB,
    person     TEXT
);
CREATE INDEX challenges_of_mail ON challenges (mail, begun_at);
CREATE INDEX challenges_ended ON challenges (expires_at);

-- Browsers that somebody is signed in with, by the hash of the cookie.
CREATE TABLE sessions (
    token   BLOB PRIMARY KEY,
    person  TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_ended ON sessions (ends_at);
