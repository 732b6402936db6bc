-- Requests that are open, in the order in which they were made.
CREATE INDEX requests_open ON requests (made_at, id) WHERE due_at IS NOT NULL;

-- Jobs that have failed so far, or were given up.
CREATE INDEX jobs_failing ON jobs (queued_at, id) WHERE error IS NOT NULL;

-- Whose a session is, so that all of a person's can be ended; and the groups and roles that a
-- provider named, as JSON. Sessions from before end: people sign in again.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN person_id TEXT NOT NULL;
ALTER TABLE sessions ADD COLUMN claims TEXT NOT NULL;
CREATE INDEX sessions_of_person ON sessions (person_id);

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

-- Which rows of the log lie between two moments. Moments need not rise with the numbers.
CREATE INDEX log_by_time ON log (at, seq);
