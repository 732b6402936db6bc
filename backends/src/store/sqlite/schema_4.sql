-- Readers that go through the log by its numbers, each at its own pace: `position` is the row up to
-- which one has done with it.
CREATE TABLE cursors (
    name     TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);

-- What may be done only so often in a time that ends then, and how often it was done.
CREATE TABLE allowances (
    what  TEXT NOT NULL,
    until BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    PRIMARY KEY (what, until)
);
CREATE INDEX allowances_ended ON allowances (until);

-- Sign-ins of one address are counted there.
DROP INDEX challenges_of_mail;
