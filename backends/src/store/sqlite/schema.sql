-- Plain types and partial indexes that SQLite and PostgreSQL both have. Times are milliseconds
-- since 1970 in UTC; identifiers are hyphenated UUIDs; hashes are 32 bytes; what is only read as
-- a whole is JSON.

-- One row a request. What never changes of it is `body`, where it stands is `state`; the columns
-- beside them are what is searched by. `due_at` is when time alone changes it, and empty once it
-- is closed. `ticket` is the one of a service desk that it was made of, with its desk.
CREATE TABLE requests (
    id          TEXT PRIMARY KEY,
    reference   TEXT NOT NULL UNIQUE,
    requester   TEXT NOT NULL,
    beneficiary TEXT NOT NULL,
    device      TEXT NOT NULL,
    made_at     BIGINT NOT NULL,
    due_at      BIGINT,
    version     BIGINT NOT NULL,
    ticket      TEXT UNIQUE,
    body        TEXT NOT NULL,
    state       TEXT NOT NULL
);
CREATE INDEX requests_due ON requests (due_at, id) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX requests_open_once ON requests (beneficiary, device) WHERE due_at IS NOT NULL;
CREATE INDEX requests_of_requester ON requests (requester, made_at);
CREATE INDEX requests_of_beneficiary ON requests (beneficiary, made_at);
-- Requests that are open, in the order in which they were made.
CREATE INDEX requests_open ON requests (made_at, id) WHERE due_at IS NOT NULL;

-- The audit log: rows are only ever added. `seq` counts from 1 without a gap. `leaf` is what the
-- tree is over, byte for byte; `personal` are the fields that it has the commitments of, and the
-- only thing of a row that ever changes, where they are erased. The columns beside them are what is
-- searched by.
CREATE TABLE log (
    seq      BIGINT PRIMARY KEY,
    at       BIGINT NOT NULL,
    event    TEXT NOT NULL,
    request  TEXT,
    leaf     TEXT NOT NULL,
    personal TEXT NOT NULL
);
CREATE INDEX log_of_request ON log (request, seq) WHERE request IS NOT NULL;
-- Which rows lie between two moments. Moments need not rise with the numbers.
CREATE INDEX log_by_time ON log (at, seq);

-- The hashes of the log's Merkle tree: of each leaf, and after it those of the subtrees that it
-- completes. `place` counts from 0 without a gap.
CREATE TABLE tree (
    place BIGINT PRIMARY KEY,
    hash  BLOB NOT NULL
);

-- Signed checkpoints, by how many rows the log had.
CREATE TABLE checkpoints (
    size    BIGINT PRIMARY KEY,
    made_at BIGINT NOT NULL,
    note    TEXT NOT NULL
);

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
-- Jobs that have failed so far, or were given up.
CREATE INDEX jobs_failing ON jobs (queued_at, id) WHERE error IS NOT NULL;

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
CREATE INDEX challenges_ended ON challenges (expires_at);

-- Sign-ins that have begun at an identity provider, by the hash of the token that the browser holds.
CREATE TABLE provider_sign_ins (
    token      BLOB PRIMARY KEY,
    provider   TEXT NOT NULL,
    next       TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX provider_sign_ins_ended ON provider_sign_ins (expires_at);

-- Browsers that somebody is signed in with, by the hash of the cookie; whose they are, so that all
-- of a person's can be ended; by which way they signed in, and the groups and roles that a provider
-- named, as JSON.
CREATE TABLE sessions (
    token     BLOB PRIMARY KEY,
    person_id TEXT NOT NULL,
    person    TEXT NOT NULL,
    used_at   BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    way       TEXT NOT NULL,
    claims    TEXT NOT NULL
);
CREATE INDEX sessions_ended ON sessions (ends_at);
CREATE INDEX sessions_of_person ON sessions (person_id);

-- Tokens of programs, by their hashes. `scopes` and `person` are JSON; who acts in nobody's name has no
-- person. `used_on` is the beginning of the day of the last use.
CREATE TABLE program_tokens (
    token     BLOB PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    scopes    TEXT NOT NULL,
    person_id TEXT,
    person    TEXT,
    made_at   BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    used_on   BIGINT
);
CREATE INDEX program_tokens_of_person ON program_tokens (person_id) WHERE person_id IS NOT NULL;

-- What programs were answered when they asked for keys, by the hash of the key that they gave with it.
CREATE TABLE answers (
    program TEXT NOT NULL,
    key     BLOB NOT NULL,
    asked   BLOB NOT NULL,
    request TEXT NOT NULL REFERENCES requests (id),
    until   BIGINT NOT NULL,
    PRIMARY KEY (program, key)
);
CREATE INDEX answers_ended ON answers (until);

-- Who decides in whose place; `said` is all of it.
CREATE TABLE stand_ins (
    person TEXT PRIMARY KEY,
    said   TEXT NOT NULL
);

-- The pick-up code of a request, by its hash.
CREATE TABLE pick_ups (
    request TEXT PRIMARY KEY REFERENCES requests (id),
    code    BLOB NOT NULL
);

-- How often a code was typed from which network. Tries of an earlier code count no more.
CREATE TABLE pick_up_tries (
    request TEXT NOT NULL REFERENCES pick_ups (request),
    code    BLOB NOT NULL,
    network TEXT NOT NULL,
    tries   BIGINT NOT NULL,
    PRIMARY KEY (request, code, network)
);

-- What may be done only so often in a time that ends then, and how often it was done. Sign-ins of one
-- address are counted here.
CREATE TABLE allowances (
    what  TEXT NOT NULL,
    until BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    PRIMARY KEY (what, until)
);
CREATE INDEX allowances_ended ON allowances (until);

-- Tickets of service desks that no request could be made of, each with its desk: why not, a digest of
-- what it would have been made of, and until when it is left alone unless that changes.
CREATE TABLE refused_tickets (
    ticket TEXT PRIMARY KEY,
    facts  TEXT NOT NULL,
    why    TEXT NOT NULL,
    until  BIGINT NOT NULL
);
CREATE INDEX refused_tickets_ended ON refused_tickets (until);

-- Readers that go through the log by its numbers, each at its own pace: `position` is the row up to
-- which one has done with it.
CREATE TABLE cursors (
    name     TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);
