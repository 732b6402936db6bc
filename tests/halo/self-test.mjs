// The double against what is said of it: node --test self-test.mjs
//
// Tests of Clavis lean on it to refuse, so most of this is about refusals.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { open } from '../entra/listening.mjs';
import { Exchange, send } from '../entra/http.mjs';
import { listen } from './server.mjs';

const { address, close } = await listen();
after(close);

const SCOPE = 'read:tickets edit:tickets read:customers read:assets';

async function call(url, method = 'GET', body, headers = {}) {
    const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return {
        status: response.status,
        headers: response.headers,
        body: isJson ? JSON.parse(text) : text,
    };
}

class Client {
    async signIn(more = {}, tenant = this.tenant) {
        const { body } = await call(`${this.url}/api/authinfo`);
        const query = tenant ? `?tenant=${tenant}` : '';
        const form = new URLSearchParams({
            grant_type: 'client_credentials',
            client_id: this.client_id,
            client_secret: this.client_secret,
            scope: SCOPE,
            ...more,
        });
        const response = await fetch(`${body.auth_url}/token${query}`, {
            method: 'POST',
            body: form,
        });
        return { status: response.status, body: await response.json() };
    }

    async api(path, method, body) {
        this.token ??= (await this.signIn()).body.access_token;
        const headers = { authorization: `Bearer ${this.token}` };
        return call(`${this.url}/api/${path}`, method, body, headers);
    }

    async tell(what, method = 'GET', body) {
        return (await call(`${this.control}${what && '/'}${what}`, method, body)).body;
    }
}

async function make(state) {
    const { body } = await call(`${address.control}/desks`, 'POST', state);
    return Object.assign(new Client(), body);
}

const note = (ticket_id, more) => [
    { ticket_id, outcome_id: 7, note_html: '<p>Hello</p>', ...more },
];

test('tokens are for who has the secret, of the tenant, and for the scopes that were granted', async () => {
    const desk = await make({ scopes: ['read:tickets'] });
    assert.equal((await desk.signIn()).status, 200);
    assert.equal((await desk.signIn({}, 'other')).status, 400);
    assert.equal((await desk.signIn({}, null)).status, 400);
    assert.equal((await desk.signIn({ client_secret: 'wrong' })).body.error, 'invalid_client');
    assert.equal((await desk.signIn({ grant_type: 'password' })).status, 400);
    assert.equal((await desk.signIn({ scope: 'all' })).body.error, 'invalid_scope');
    assert.equal((await desk.api('Users/1')).status, 403);
    assert.equal((await desk.api('Actions', 'POST', note(1))).status, 403);
    await desk.tell('expire-tokens', 'POST');
    assert.equal((await desk.api('Tickets/1')).status, 401);
    const own = await make({ tenant: null });
    assert.equal((await own.signIn({}, null)).status, 200);
});

test('writes are arrays, and a note needs an outcome that is not refused', async () => {
    const desk = await make({
        outcomes: [
            { id: 7, outcome: 'Note' },
            { id: 8, outcome: 'X', refused: true },
        ],
    });
    const { id } = await desk.tell('tickets', 'POST', {});
    assert.equal((await desk.api('Actions', 'POST', note(id)[0])).status, 400);
    assert.equal((await desk.api('Actions', 'POST', [])).status, 400);
    assert.equal((await desk.api('Tickets', 'POST', { id, status_id: 9 })).status, 400);
    assert.equal(
        (await desk.api('Actions', 'POST', note(id, { outcome_id: undefined }))).status,
        400,
    );
    const refused = await desk.api('Actions', 'POST', note(id, { outcome_id: 8 }));
    assert.equal(refused.status, 400);
    assert.match(refused.body.Message, /do not have access to this Action/);
    assert.equal((await desk.api('Actions', 'POST', note(4711))).status, 400);
    assert.deepEqual(await desk.tell(`tickets/${id}/actions`), []);
    const taken = await desk.api(
        'Actions',
        'POST',
        note(id, { new_status: 9, hiddenfromuser: true }),
    );
    assert.equal(taken.status, 201);
    const listed = await desk.api(`Actions?ticket_id=${id}`);
    assert.deepEqual(
        listed.body.actions.map((it) => [it.note, it.new_status]),
        [['Hello', 9]],
    );
    assert.equal((await desk.api(`Tickets/${id}?includedetails=true`)).body.hasbeenclosed, true);
    const two = await desk.api('Actions?returnall=true', 'POST', [...note(id), ...note(id)]);
    assert.equal(two.body.length, 2);
});

test('what has changed is listed in pages', async () => {
    const desk = await make({
        now: '2026-11-23T09:00:00Z',
        tickets: [{ id: 1 }, { id: 2 }, { id: 3 }],
    });
    await desk.tell('', 'PATCH', { now: '2026-11-23T10:00:00Z' });
    for (const id of [1, 3]) await desk.tell(`tickets/${id}`, 'PATCH', { summary: 'x' });
    const page = async (number) =>
        (
            await desk.api(
                `Tickets?lastupdatefromdate=2026-11-23T09:30:00Z&pageinate=true&page_size=1&page_no=${number}`,
            )
        ).body;
    assert.equal((await page(1)).record_count, 2);
    const ids = [(await page(1)).tickets, (await page(2)).tickets, (await page(3)).tickets];
    assert.deepEqual(
        ids.map((tickets) => tickets.map(({ id }) => id)),
        [[1], [3], []],
    );
    await desk.tell('tickets/1', 'DELETE');
    assert.equal((await desk.api('Tickets/1')).status, 404);
});

test('approvals are set by whoever asks, and in every way that there is', async () => {
    const desk = await make({
        tickets: [{ id: 1, approvers: [{ emailaddress: 'boss@example.com' }] }],
    });
    const row = async () => (await desk.api('Tickets/1?includedetails=true')).body.approvers[0];
    assert.equal((await row()).result, 0);
    const answer = await desk.api('ticketapproval', 'POST', [
        { ticket_id: 1, seq: 1, actionnumber: 1, result: 1 },
    ]);
    assert.equal(answer.status, 201);
    assert.equal((await row()).result, 1);
    assert.equal(
        (await desk.api('ticketapproval', 'POST', [{ ticket_id: 1, seq: 7, result: 1 }])).status,
        400,
    );
    await desk.tell('tickets/1/approval', 'POST', { seq: 1, result: 1, admin_overridden: true });
    assert.equal((await row()).admin_overridden, true);
    assert.equal('approvers' in (await desk.api('Tickets/1')).body, false);
});

test('too many calls are refused for a while', async () => {
    const desk = await make({ rateLimit: { calls: 2, seconds: 1, retryAfter: 1 } });
    const statuses = [];
    for (let at = 0; at < 3; at += 1) statuses.push((await desk.api('Status')).status);
    assert.deepEqual(statuses, [200, 200, 429]);
    assert.equal((await desk.api('Status')).headers.get('retry-after'), '1');
    while ((await desk.api('Status')).status === 429)
        await new Promise((later) => setTimeout(later, 20));
});

test('what hangs up after the deed did the deed', async () => {
    const desk = await make({ tickets: [{ id: 1 }] });
    await desk.tell('faults', 'PUT', [{ match: '^POST /api/Actions', hangUp: 'after', times: 1 }]);
    await assert.rejects(desk.api('Actions', 'POST', note(1)));
    assert.equal((await desk.tell('tickets/1/actions')).length, 1);
    await desk.tell('faults', 'PUT', [{ garbage: true, times: 1 }]);
    await assert.rejects(desk.api('Status'));
});

test('webhooks come doubled, batched and not at all', async () => {
    const came = [];
    const hook = await open(async (request, response) => {
        const exchange = new Exchange(request);
        came.push({ by: exchange.headers.authorization, body: JSON.parse(await exchange.body()) });
        send(response, { status: 202 });
    });
    after(() => hook.close());
    const webhook = { url: hook.address, user: 'halo', password: 'secret' };
    const desk = await make({ webhook: { ...webhook, double: true } });
    const flushed = async (more) => {
        await desk.tell('webhooks', 'POST');
        if (more) await desk.tell('', 'PATCH', { webhook: { ...webhook, ...more } });
        return came.splice(0);
    };
    const { id } = await desk.tell('tickets', 'POST', {});
    const doubled = await flushed({ batch: 2 });
    assert.deepEqual(
        doubled.map(({ body }) => body.ticket.id),
        [id, id],
    );
    assert.equal(doubled[0].by, `Basic ${Buffer.from('halo:secret').toString('base64')}`);
    await desk.api('Actions', 'POST', note(id));
    assert.deepEqual(came, []);
    await desk.tell('tickets', 'POST', {});
    const [{ body: batch }] = await flushed({ lose: 1 });
    assert.deepEqual(
        batch.map((it) => 'action' in it),
        [true, false],
    );
    await desk.tell('tickets', 'POST', {});
    assert.deepEqual(await flushed(), []);
    await desk.tell('tickets', 'POST', {});
    assert.equal((await flushed()).length, 1);
    assert.deepEqual(
        (await desk.tell('webhooks')).map(({ status }) => status),
        [202, 202, 202, 202],
    );
});

test('what may not be read of the configuration is refused', async () => {
    const desk = await make({ configurationReadable: false });
    for (const path of ['Control', 'Outcome/7', 'ApprovalProcess/3'])
        assert.equal((await desk.api(path)).status, 403);
    assert.equal((await desk.api('TicketType/30')).status, 200);
    const text = await make({ idsAsText: true, tickets: [{ id: 1 }] });
    assert.equal((await text.api('Tickets/1')).body.id, '1');
});
