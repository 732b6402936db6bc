// Halo's API, as far as Clavis uses it: it refuses what Halo refuses.

import { authInfo, authorize, issue } from './tokens.mjs';

/** The answer to a call. */
export async function answerApi(desk, exchange) {
    const [first, kind = '', id] = exchange.segments();
    const label = `${exchange.method} ${kind.toLowerCase()}${id === undefined ? '' : '/ID'}`;
    if (first === 'auth')
        return kind === 'token' ? issue(desk, exchange) : refusal(404, 'Not Found');
    if (first !== 'api') return refusal(404, 'Not Found');
    if (label === 'GET authinfo') return authInfo(desk);
    const limited = tooMany(desk);
    if (limited) return limited;
    const refused = authorize(desk, exchange, SCOPES[label]);
    if (refused) return refused;
    const answer = await CALLS[label]?.(desk, exchange, id);
    return desk.settings.idsAsText ? withIdsAsText(answer) : (answer ?? refusal(404, 'Not Found'));
}

const SCOPES = {
    'GET tickets': 'read:tickets',
    'GET tickets/ID': 'read:tickets',
    'GET actions': 'read:tickets',
    'GET status': 'read:tickets',
    'GET tickettype/ID': 'read:tickets',
    'POST tickets': 'edit:tickets',
    'POST actions': 'edit:tickets',
    'POST ticketapproval': 'edit:tickets',
    'GET asset/ID': 'read:assets',
    'GET users/ID': 'read:customers',
};

const CALLS = {
    'GET tickets/ID': (desk, { query }, id) => {
        const ticket = desk.find('tickets', id);
        if (!ticket) return refusal(404, 'The ticket does not exist');
        const { approvers, approvers_history, customfields, assets, details, ...rest } = ticket;
        return query.get('includedetails') === 'true' ? { body: ticket } : { body: rest };
    },
    'GET tickets': (desk, { query }) => {
        const from = query.get('lastupdatefromdate');
        const since = from ? moment(from) : 0;
        const changed = desk.tickets
            .filter(({ last_update }) => moment(last_update) >= since)
            .map(({ id, tickettype_id, status_id, last_update, summary }) => ({
                id,
                tickettype_id,
                status_id,
                last_update,
                summary,
            }));
        const kind = query.get('requesttype_id');
        const asked = ordered(changed, query).filter(
            (it) => kind === undefined || String(it.tickettype_id) === kind,
        );
        return { body: { record_count: asked.length, tickets: page(asked, query) } };
    },
    'POST tickets': (desk, exchange) => each(exchange, (given) => ({ body: desk.put(given) })),
    'GET actions': (desk, { query }) => {
        const id = query.get('ticket_id');
        const actions = desk.actions.filter(({ ticket_id }) => String(ticket_id) === id).reverse();
        return { body: { record_count: actions.length, actions: page(actions, query) } };
    },
    'POST actions': (desk, exchange) => each(exchange, (given) => act(desk, given)),
    'POST ticketapproval': (desk, exchange) =>
        each(exchange, (given) => {
            const ticket = desk.find('tickets', given.ticket_id);
            const row = ticket && desk.decide(ticket, given);
            return row ? { body: row } : refusal(400, 'There is nothing to approve');
        }),
    'GET asset/ID': (desk, _, id) => found(desk.find('assets', id), 'asset'),
    'GET users/ID': (desk, _, id) => found(desk.find('users', id), 'user'),
    'GET agent': (desk, { query }) => agents(desk, page(desk.agents, query)),
    'GET agent/ID': (desk, _, id) => agents(desk, desk.find('agents', id)),
    'GET status': (desk) => ({ body: desk.statuses }),
    'GET tickettype/ID': (desk, _, id) => found(desk.find('ticketTypes', id), 'ticket type'),
    'GET outcome/ID': (desk, _, id) => configuration(desk, desk.find('outcomes', id)),
    'GET control': (desk) => configuration(desk, desk.settings.control),
    'GET approvalprocess/ID': (desk, _, id) => configuration(desk, desk.find('processes', id)),
};

function act(desk, { ticket_id, outcome, outcome_id, ...more }) {
    if (outcome === undefined && outcome_id === undefined)
        return refusal(400, 'The outcome is mandatory');
    const ticket = desk.find('tickets', ticket_id);
    if (!ticket) return refusal(400, 'The ticket does not exist');
    const known = desk.outcomes.find(
        (it) => String(it.id) === String(outcome_id) || it.outcome === outcome,
    );
    const isEnding = more.new_status !== undefined;
    if (!known || known.refused || (isEnding && desk.settings.endingsRefused))
        return refusal(400, 'You do not have access to this Action at the moment');
    if (isEnding && !desk.find('statuses', more.new_status))
        return refusal(400, 'The status does not exist');
    const note = more.note_html && more.note === undefined ? plain(more.note_html) : more.note;
    const action = desk.act(ticket, {
        ticket_id: ticket.id,
        outcome_id: known.id,
        outcome: known.outcome,
        actionby_application_id: 'Clavis',
        ...more,
        note,
    });
    return { status: 201, body: desk.settings.notesAnswered ? action : {} };
}

/** Halo takes arrays alone; of several it gives back the last, where no more is asked for. */
async function each(exchange, take) {
    let given;
    try {
        given = JSON.parse((await exchange.body()).toString());
    } catch {
        return refusal(400, 'The body is not JSON');
    }
    if (!Array.isArray(given) || given.length === 0) return refusal(400, 'An array is needed');
    const answers = given.map(take);
    const refused = answers.find(({ status }) => status >= 400);
    if (refused) return refused;
    const all = exchange.query.get('returnall') === 'true' && answers.length > 1;
    return { status: 201, body: all ? answers.map(({ body }) => body) : answers.at(-1).body };
}

function tooMany(desk) {
    const { calls, seconds, retryAfter } = desk.settings.rateLimit;
    const now = Date.now();
    desk.recent = desk.recent.filter((at) => at > now - seconds * 1000);
    if (desk.recent.length < calls) {
        desk.recent.push(now);
        return undefined;
    }
    const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
    return { ...refusal(429, 'Too Many Requests'), headers };
}

function page(all, query) {
    if (query.get('pageinate') !== 'true') return all.slice(0, Number(query.get('count') ?? 50));
    const [size, number] = [query.get('page_size') ?? 50, query.get('page_no') ?? 1].map(Number);
    return all.slice(size * (number - 1), size * number);
}

function ordered(all, query) {
    const field = query.get('order') ?? 'id';
    const sign = query.get('orderdesc') === 'true' ? -1 : 1;
    const before = (one, other) => (one < other ? -1 : Number(one > other));
    return all.toSorted((one, other) => sign * before(one[field], other[field]));
}

function found(object, what) {
    return object ? { body: object } : refusal(404, `The ${what} does not exist`);
}

/** What belongs to the desk's configuration is not everybody's to read. */
function configuration(desk, object) {
    if (!desk.settings.configurationReadable) return refusal(403, 'You do not have permission');
    return found(object, 'object');
}

function agents(desk, object) {
    if (!desk.settings.agentsReadable) return refusal(403, 'You do not have permission');
    return found(object, 'agent');
}

function withIdsAsText(answer) {
    const isId = (name) => name === 'id' || name.endsWith('_id') || name === 'result';
    const text = JSON.stringify(answer.body, (name, value) =>
        isId(name) && typeof value === 'number' ? String(value) : value,
    );
    return { ...answer, body: text && JSON.parse(text) };
}

const moment = (text) => Date.parse(/Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
const plain = (html) =>
    html
        .replace(/<br\s*\/?>|<\/p>/g, '\n')
        .replace(/<[^>]*>/g, '')
        .trim();
const refusal = (status, message) => ({
    status,
    body: { ClassName: 'Exception', Message: message },
});
