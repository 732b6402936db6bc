//! The SQL of the store, one text for SQLite and PostgreSQL.
//!
//! Parameters are `$1`, `$2`, … in the order of their first use, which both number alike. The one
//! statement that would differ is [`CLAIM`]: PostgreSQL wants `FOR UPDATE SKIP LOCKED` in the
//! inner query.

pub(super) const OPEN: &str = "
    INSERT INTO requests (id, reference, requester, beneficiary, device, made_at, due_at, ticket, version, body, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10)
    ON CONFLICT DO NOTHING";

pub(super) const ADVANCE: &str = "
    UPDATE requests SET state = $1, due_at = $2, version = version + 1 WHERE id = $3 AND version = $4";

pub(super) const LOG: &str = "
    INSERT INTO log (seq, at, event, request, leaf, personal)
    SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4, $5 FROM log
    RETURNING seq";

pub(super) const ADD_HASH: &str = "INSERT INTO tree (place, hash) VALUES ($1, $2)";

pub(super) const HASH: &str = "SELECT hash FROM tree WHERE place = $1";

pub(super) const HASHES: &str = "
    SELECT place, hash FROM tree WHERE place >= $1 ORDER BY place LIMIT $2";

pub(super) const LOG_SIZE: &str = "SELECT COALESCE(MAX(seq), 0) FROM log";

/// The columns of a row of the log that say what was so.
pub(super) const ENTRY: &str = "seq, at, leaf, personal";

/// All columns of a row of the log.
pub(super) const WHOLE_ROW: &str = "seq, at, event, request, leaf, personal";

pub(super) const ERASE_FIELDS: &str = "
    UPDATE log SET personal = $1 WHERE seq = $2 AND personal = $3";

pub(super) const KEEP_CHECKPOINT: &str = "
    INSERT INTO checkpoints (size, made_at, note)
    SELECT $1, $2, $3 FROM (SELECT COALESCE(MAX(size), -1) AS latest FROM checkpoints) AS so_far
    WHERE latest = $4
    ON CONFLICT DO NOTHING";

/// What was overwritten in the file would lie in the log beside it until others have overwritten
/// it there.
pub(super) const CLEAR_WRITE_AHEAD_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Compares each index with its table as well, which `quick_check` does not.
pub(super) const INTEGRITY: &str = "PRAGMA integrity_check(20)";

pub(super) const CHECKPOINTS: &str = "SELECT size, made_at, note FROM checkpoints ORDER BY size";

pub(super) const LATEST_CHECKPOINT: &str = "
    SELECT size, made_at, note FROM checkpoints ORDER BY size DESC LIMIT 1";

pub(super) const ERASE_REQUEST: &str = "
    UPDATE requests
    SET requester = $1, beneficiary = $2, device = $3, body = $4, state = $5, version = version + 1
    WHERE id = $6 AND version = $7";

pub(super) const FORGET_TRIES: &str = "DELETE FROM pick_up_tries WHERE request = $1";

pub(super) const ERASE_APPROVER: &str = "UPDATE links SET kind = $1 WHERE kind = $2";

pub(super) const DROP_JOB: &str = "DELETE FROM jobs WHERE id = $1";

pub(super) const REQUEST_OF_TICKET: &str =
    "SELECT body, state, version FROM requests WHERE ticket = $1";

pub(super) const REFUSED_TICKET: &str =
    "SELECT facts, why, until FROM refused_tickets WHERE ticket = $1";

pub(super) const FIRST_REFUSAL: &str = "
    INSERT INTO refused_tickets (ticket, facts, why, until) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";

pub(super) const ANOTHER_REFUSAL: &str = "
    UPDATE refused_tickets SET facts = $1, why = $2, until = $3 WHERE ticket = $4 AND until = $5";

pub(super) const REQUESTS_AFTER: &str = "
    SELECT body, state, version FROM requests WHERE id > $1 ORDER BY id LIMIT $2";

pub(super) const JOBS_AFTER: &str = "SELECT id, job FROM jobs WHERE id > $1 ORDER BY id LIMIT $2";

pub(super) const STAND_INS: &str = "SELECT said FROM stand_ins ORDER BY person";

pub(super) const ENQUEUE: &str = "
    INSERT INTO jobs (id, queued_at, due_at, attempt, job) VALUES ($1, $2, $2, 0, $3)
    ON CONFLICT DO NOTHING";

pub(super) const ADD_LINK: &str = "
    INSERT INTO links (token, request, kind) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING";

pub(super) const FINISH: &str = "
    DELETE FROM jobs WHERE id = $1 AND held = $2";

pub(super) const POSTPONE: &str = "
    UPDATE jobs SET due_at = $1, error = $2, held = NULL WHERE id = $3 AND held = $4";

pub(super) const REVIVE: &str = "
    UPDATE jobs SET due_at = $1, queued_at = $1 WHERE id = $2 AND due_at IS NULL";

pub(super) const CLAIM: &str = "
    UPDATE jobs SET due_at = $1, attempt = attempt + 1, held = attempt + 1
    WHERE id IN (SELECT id FROM jobs WHERE due_at <= $2 ORDER BY due_at, id LIMIT $3)
    RETURNING id, attempt, queued_at, job";

/// A job begins with its kind, as it is written.
pub(super) const BRING_BACK: &str = r#"
    UPDATE jobs SET due_at = $1, queued_at = CASE WHEN queued_at > $1 THEN $1 ELSE queued_at END
    WHERE due_at > $2 AND substr(job, 1, 15) <> '{"job":"rotate"'"#;

pub(super) const IS_ANY_TO_BRING_BACK: &str = r#"
    SELECT 1 FROM jobs WHERE due_at > $1 AND substr(job, 1, 15) <> '{"job":"rotate"' LIMIT 1"#;

pub(super) const IS_ANY_DUE: &str = "SELECT 1 FROM jobs WHERE due_at <= $1 LIMIT 1";

pub(super) const DEAD: &str = "
    SELECT id, job, attempt, error FROM jobs WHERE due_at IS NULL ORDER BY queued_at, id LIMIT $1";

pub(super) const FAILING: &str = "
    SELECT job, attempt, error, due_at FROM jobs WHERE error IS NOT NULL ORDER BY queued_at DESC, id DESC LIMIT $1";

pub(super) const NEXT_DUE: &str = "
    SELECT MIN(due_at) FROM (
        SELECT MIN(due_at) AS due_at FROM jobs WHERE due_at IS NOT NULL
        UNION ALL
        SELECT MIN(due_at) AS due_at FROM requests WHERE due_at IS NOT NULL
    ) AS waiting";

pub(super) const OPEN_REQUESTS: &str = "
    SELECT body, state, version FROM requests WHERE due_at IS NOT NULL ORDER BY made_at, id LIMIT $1";

pub(super) const DUE: &str = "
    SELECT id FROM requests WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2";

pub(super) const REQUEST: &str = "SELECT body, state, version FROM requests WHERE id = $1";

pub(super) const REQUEST_BY_REFERENCE: &str =
    "SELECT body, state, version FROM requests WHERE reference = $1";

/// Two look-ups by an index each, where one `OR` would make a scan of it.
pub(super) const REQUESTS_OF: &str = "
    SELECT body, state, version, made_at, id FROM requests WHERE requester = $1
    UNION
    SELECT body, state, version, made_at, id FROM requests WHERE beneficiary = $1
    ORDER BY made_at DESC, id DESC LIMIT $2";

pub(super) const LINK: &str = "
    SELECT requests.body, requests.state, requests.version, links.request, links.kind
    FROM links JOIN requests ON requests.id = links.request WHERE links.token = $1";

/// These columns of rows after `$1`, of the request `$2` where there is one, and of these events, if any
/// are named: their names are ours, and none has a quote in it. The last parameter is how many at most.
pub(super) fn log_rows(
    columns: &'static str,
    of_request: bool,
    events: &'static [&'static str],
) -> String {
    let (request, limit) = if of_request {
        (" AND request = $2", "$3")
    } else {
        ("", "$2")
    };
    let event = if events.is_empty() {
        String::new()
    } else {
        format!(" AND event IN ('{}')", events.join("', '"))
    };
    format!("SELECT {columns} FROM log WHERE seq > $1{request}{event} ORDER BY seq LIMIT {limit}")
}

/// The numbers that the rows between two moments have, read from an index alone.
pub(super) const LOG_SPAN: &str = "SELECT MIN(seq), MAX(seq) FROM log WHERE at >= $1 AND at < $2";

pub(super) const SEARCH_LOG: &str = "
    SELECT seq, at, leaf, personal FROM log WHERE seq >= $1 AND seq <= $2 AND ($3 IS NULL OR event = $3)
    ORDER BY seq DESC";

pub(super) const SEARCH_LOG_OF: &str = "
    SELECT seq, at, leaf, personal FROM log
    WHERE seq >= $1 AND seq <= $2 AND ($3 IS NULL OR event = $3) AND request = $4
    ORDER BY seq DESC";

pub(super) const NEWEST: &str = "SELECT seq FROM log ORDER BY seq DESC LIMIT 1";

pub(super) const LATEST: &str = "SELECT at FROM log ORDER BY seq DESC LIMIT 1";

pub(super) const CURSOR: &str = "SELECT position FROM cursors WHERE name = $1";

pub(super) const CURSORS: &str = "SELECT name, position FROM cursors ORDER BY name";

pub(super) const FIRST_MOVE: &str = "
    INSERT INTO cursors (name, position) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position WHERE cursors.position = 0";

pub(super) const ANOTHER_MOVE: &str = "
    UPDATE cursors SET position = $1 WHERE name = $2 AND position = $3";

pub(super) const SET_STAND_IN: &str = "
    INSERT INTO stand_ins (person, said) VALUES ($1, $2)
    ON CONFLICT (person) DO UPDATE SET said = excluded.said";

pub(super) const END_STAND_IN: &str = "DELETE FROM stand_ins WHERE person = $1";

pub(super) const STAND_IN: &str = "SELECT said FROM stand_ins WHERE person = $1";

pub(super) const SET_PICK_UP: &str = "
    INSERT INTO pick_ups (request, code) VALUES ($1, $2)
    ON CONFLICT (request) DO UPDATE SET code = excluded.code";

pub(super) const PICK_UP: &str = "
    SELECT pick_ups.code, pick_up_tries.tries
    FROM pick_ups LEFT JOIN pick_up_tries
        ON pick_up_tries.request = pick_ups.request
        AND pick_up_tries.code = pick_ups.code
        AND pick_up_tries.network = $1
    WHERE pick_ups.request = $2";

pub(super) const FIRST_TRY: &str = "
    INSERT INTO pick_up_tries (request, code, network, tries)
    SELECT request, code, $1, 1 FROM pick_ups WHERE request = $2 AND code = $3
    ON CONFLICT DO NOTHING";

pub(super) const ANOTHER_TRY: &str = "
    UPDATE pick_up_tries SET tries = tries + 1
    WHERE request = $1 AND code = $2 AND network = $3 AND tries = $4
        AND EXISTS (SELECT 1 FROM pick_ups WHERE pick_ups.request = $1 AND pick_ups.code = $2)";

pub(super) const OPEN_CHALLENGE: &str = "
    INSERT INTO challenges (token, mail, address, begun_at, attempts, expires_at, code, person)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING";

pub(super) const SET_CODE: &str = "
    UPDATE challenges SET code = $1, person = $2, expires_at = $3 WHERE token = $4";

pub(super) const COUNT_ATTEMPT: &str = "
    UPDATE challenges SET attempts = attempts + 1 WHERE token = $1 AND attempts = $2";

pub(super) const END_CHALLENGE: &str = "DELETE FROM challenges WHERE token = $1";

pub(super) const END_CHALLENGES_FOR: &str = "DELETE FROM challenges WHERE mail = $1";

/// Of a person by their ID as it stands in JSON. It is the first field of a party; sign-ins under way
/// are few, so that no index is kept for it.
pub(super) const END_CHALLENGES_OF: &str = r#"
    DELETE FROM challenges WHERE substr(person, 1, length($1) + 7) = '{"id":' || $1 || ','"#;

pub(super) const UNSPEND: &str = "DELETE FROM allowances WHERE what = $1";

pub(super) const CHALLENGE: &str = "
    SELECT address, begun_at, attempts, expires_at, code, person FROM challenges WHERE token = $1";

pub(super) const SPEND: &str = "
    INSERT INTO allowances (what, until, spent) VALUES ($1, $2, 1)
    ON CONFLICT (what, until) DO UPDATE SET spent = allowances.spent + 1 WHERE allowances.spent < $3";

pub(super) const OPEN_PROVIDER_SIGN_IN: &str = "
    INSERT INTO provider_sign_ins (token, provider, next, expires_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";

pub(super) const END_PROVIDER_SIGN_IN: &str = "DELETE FROM provider_sign_ins WHERE token = $1";

pub(super) const PROVIDER_SIGN_IN: &str =
    "SELECT provider, next, expires_at FROM provider_sign_ins WHERE token = $1";

pub(super) const OPEN_SESSION: &str = "
    INSERT INTO sessions (token, person_id, person, used_at, ends_at, way, claims)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING";

pub(super) const TOUCH_SESSION: &str = "UPDATE sessions SET used_at = $1 WHERE token = $2";

pub(super) const END_SESSION: &str = "DELETE FROM sessions WHERE token = $1";

pub(super) const END_SESSIONS_OF: &str = "DELETE FROM sessions WHERE person_id = $1";

pub(super) const SESSION: &str = "
    SELECT person, used_at, ends_at, way, claims FROM sessions WHERE token = $1";

pub(super) const MAKE_TOKEN: &str = "
    INSERT INTO program_tokens (token, name, scopes, person_id, person, made_at, ends_at, used_on)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING";

pub(super) const TOUCH_TOKEN: &str = "UPDATE program_tokens SET used_on = $1 WHERE token = $2";

pub(super) const END_TOKEN: &str = "DELETE FROM program_tokens WHERE name = $1";

pub(super) const END_TOKENS_OF: &str = "DELETE FROM program_tokens WHERE person_id = $1";

pub(super) const PROGRAM_TOKEN: &str = "
    SELECT token, name, scopes, person, made_at, ends_at, used_on FROM program_tokens WHERE token = $1";

pub(super) const PROGRAM_TOKENS: &str = "
    SELECT token, name, scopes, person, made_at, ends_at, used_on FROM program_tokens ORDER BY name";

pub(super) const KEEP_ANSWER: &str = "
    INSERT INTO answers (program, key, asked, request, until) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING";

pub(super) const ANSWERED: &str = "
    SELECT asked, request, until FROM answers WHERE program = $1 AND key = $2";

pub(super) const FORGET_ANSWERS: &str = "DELETE FROM answers WHERE until < $1";

pub(super) const FORGET_CHALLENGES: &str = "DELETE FROM challenges WHERE expires_at < $1";

pub(super) const FORGET_PROVIDER_SIGN_INS: &str =
    "DELETE FROM provider_sign_ins WHERE expires_at < $1";

pub(super) const FORGET_SESSIONS: &str = "DELETE FROM sessions WHERE ends_at < $1";

pub(super) const FORGET_ALLOWANCES: &str = "DELETE FROM allowances WHERE until < $1";

pub(super) const FORGET_REFUSALS: &str = "DELETE FROM refused_tickets WHERE until < $1";

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite would run a statement, step by step.
    fn plan(statement: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let connection = super::super::connection::open(&folder.path().join("plan.db")).unwrap();
        let mut explain = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let unbound = vec![None::<i64>; explain.parameter_count()];
        let steps = explain.query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail"));
        steps.unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn every_search_goes_by_an_index_and_none_reads_a_whole_table() {
        for statement in [
            ADVANCE,
            FINISH,
            POSTPONE,
            REVIVE,
            CLAIM,
            IS_ANY_DUE,
            BRING_BACK,
            IS_ANY_TO_BRING_BACK,
            DEAD,
            OPEN_REQUESTS,
            DUE,
            FAILING,
            STAND_IN,
            END_STAND_IN,
            PICK_UP,
            ANOTHER_TRY,
            REQUEST,
            REQUEST_BY_REFERENCE,
            LINK,
            &log_rows(ENTRY, false, &[]),
            &log_rows(ENTRY, false, &["mail.sent", "mail.dead"]),
            &log_rows(WHOLE_ROW, true, &[]),
            HASH,
            HASHES,
            ERASE_FIELDS,
            LATEST_CHECKPOINT,
            ERASE_REQUEST,
            FORGET_TRIES,
            DROP_JOB,
            REQUESTS_AFTER,
            JOBS_AFTER,
            LOG_SPAN,
            CURSOR,
            ANOTHER_MOVE,
            SEARCH_LOG,
            SEARCH_LOG_OF,
            SET_CODE,
            COUNT_ATTEMPT,
            CHALLENGE,
            PROVIDER_SIGN_IN,
            END_PROVIDER_SIGN_IN,
            SESSION,
            END_SESSIONS_OF,
            FORGET_CHALLENGES,
            FORGET_PROVIDER_SIGN_INS,
            FORGET_SESSIONS,
            FORGET_ALLOWANCES,
            FORGET_REFUSALS,
            REQUEST_OF_TICKET,
            REFUSED_TICKET,
            ANOTHER_REFUSAL,
            FORGET_ANSWERS,
            TOUCH_TOKEN,
            END_TOKEN,
            END_TOKENS_OF,
            PROGRAM_TOKEN,
            PROGRAM_TOKENS,
            ANSWERED,
            UNSPEND,
        ] {
            let plan = plan(statement);
            assert!(!plan.is_empty(), "{statement}");
            for step in &plan {
                let reads_all = step.starts_with("SCAN") && !step.contains("USING");
                assert!(!reads_all, "{statement}: {step}");
            }
        }
    }

    #[test]
    fn parameters_are_numbered_in_the_order_of_their_first_use() {
        let statements: Vec<_> = include_str!("sql.rs")
            .split("\npub(super) const ")
            .skip(1)
            .filter_map(|text| text.split("\";\n").next())
            .collect();
        assert!(
            statements.len() > 40,
            "only {} were found",
            statements.len()
        );
        for statement in statements {
            let numbers = statement.split('$').skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_digit());
                let number = &rest[..end.unwrap_or(rest.len())];
                number.parse::<usize>().unwrap()
            });
            let mut used = 0;
            for number in numbers {
                assert!(number <= used + 1, "{statement}");
                used = used.max(number);
            }
        }
    }

    #[test]
    fn a_search_of_the_log_goes_by_the_order_that_it_gives() {
        assert_eq!(
            plan(LOG_SPAN),
            ["SEARCH log USING COVERING INDEX log_by_time (at>? AND at<?)"]
        );
        for (statement, index) in [
            (SEARCH_LOG, "(seq>? AND seq<?)"),
            (
                SEARCH_LOG_OF,
                "log_of_request (request=? AND seq>? AND seq<?)",
            ),
        ] {
            let [only] = &plan(statement)[..] else {
                panic!("{statement} is sorted afterwards");
            };
            assert!(only.ends_with(index), "{only}");
        }
    }

    #[test]
    fn timers_cost_what_has_run_out_and_not_what_is_pending() {
        assert_eq!(
            plan(DUE),
            ["SEARCH requests USING COVERING INDEX requests_due (due_at<?)"]
        );
        assert!(
            plan(CLAIM)
                .iter()
                .any(|step| step.contains("INDEX jobs_due (due_at<?)"))
        );
        let next = plan(NEXT_DUE).join("; ");
        assert!(
            next.contains("jobs_due") && next.contains("requests_due"),
            "{next}"
        );
    }
}
