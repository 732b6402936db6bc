-- Readers that go through the log by its numbers, each at its own pace: `position` is the row up to
-- which one has done with it.
CREATE TABLE cursors (
    name     TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);
