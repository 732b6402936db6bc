-- Whose a session is, so that all of a person's can be ended; and the groups and roles that a
-- provider named, as JSON. Sessions from before end: people sign in again.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN person_id TEXT NOT NULL;
ALTER TABLE sessions ADD COLUMN claims TEXT NOT NULL;
CREATE INDEX sessions_of_person ON sessions (person_id);
