-- Sign-ins that have begun at an identity provider, by the hash of the token that the browser holds.
CREATE TABLE provider_sign_ins (
    token      BLOB PRIMARY KEY,
    provider   TEXT NOT NULL,
    next       TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX provider_sign_ins_ended ON provider_sign_ins (expires_at);

-- By which way somebody signed in, as JSON; empty in rows from before, which mean a code by mail.
ALTER TABLE sessions ADD COLUMN way TEXT;
