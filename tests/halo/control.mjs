// The side that tests hold: they make desks, work at them, and read what happened. `start` lists
// the calls.

/** Answers a call of a test's. */
export async function control(desks, exchange) {
    const { method } = exchange;
    const [kind, id, what, which, deed] = exchange.segments();
    if (kind !== 'desks') return refusal(404, 'there is no such call');
    const given = (await exchange.body()).toString();
    try {
        const state = given ? JSON.parse(given) : {};
        if (!id)
            return method === 'POST'
                ? { status: 201, body: await desks.make(state) }
                : refusal(405, 'POST makes a desk');
        const desk = desks.get(id);
        if (!desk) return refusal(404, 'there is no such desk');
        if (method === 'DELETE' && !what) return done(await desks.remove(id));
        const label = [method, what, which && 'ID', deed].filter(Boolean).join(' ');
        const ticket = what === 'tickets' && which ? desk.find('tickets', which) : undefined;
        if (what === 'tickets' && which && !ticket) return refusal(404, 'there is no such ticket');
        const answer = await CALLS[label]?.(desk, state, ticket);
        return answer ?? refusal(404, 'there is no such call');
    } catch (error) {
        return refusal(400, String(error));
    }
}

const CALLS = {
    PATCH: (desk, state) => done(desk.change(state)),
    'PUT faults': (desk, faults) => done(desk.faults.replace(faults)),
    'POST faults': (desk, faults) => done(desk.faults.add(faults)),
    'DELETE faults': (desk) => done(desk.faults.replace([])),
    'POST expire-tokens': (desk) => done(desk.tokens.clear()),
    'POST tickets': (desk, state) => ({ status: 201, body: desk.put(state) }),
    'GET tickets ID': (_, __, ticket) => ({ body: ticket }),
    'PATCH tickets ID': (desk, state, { id }) => ({ body: desk.put({ ...state, id }) }),
    'DELETE tickets ID': (desk, _, { id }) => done(desk.delete(id)),
    'POST tickets ID approval': (desk, state, ticket) =>
        desk.decide(ticket, state) ? done() : refusal(400, 'there is no such row'),
    'GET tickets ID actions': (desk, _, { id }) => ({
        body: desk.actions.filter(({ ticket_id }) => String(ticket_id) === String(id)),
    }),
    'POST users': (desk, state) => done(replaced(desk, 'users', state)),
    'POST assets': (desk, state) => done(replaced(desk, 'assets', state)),
    'POST outcomes': (desk, state) => done(replaced(desk, 'outcomes', state)),
    'GET calls': ({ calls, counters }) => ({ body: { calls, counters } }),
    'DELETE calls': (desk) => done((desk.calls = [])),
    'GET webhooks': ({ webhook }) => ({ body: webhook.sent }),
    'POST webhooks': async (desk) => done(await desk.webhook.flush()),
};

/** Adds an object in the place of the one with its ID, or takes that away. */
function replaced(desk, collection, { gone, ...object }) {
    desk[collection] = desk[collection]
        .filter(({ id }) => String(id) !== String(object.id))
        .concat(gone ? [] : [object]);
}

const done = () => ({ status: 204 });
const refusal = (status, error) => ({ status, body: { error } });
