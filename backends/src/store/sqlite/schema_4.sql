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
