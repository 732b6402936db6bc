// What a test can bend, and what it can read afterwards.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { DEVICE, make, recoveryKeys } from './client.mjs';

test('faults come as they were asked for, as often as asked, and then end', async () => {
    const client = await make({
        recoveryKeys: recoveryKeys(1),
        faults: [{ match: '^GET .*/recoveryKeys\\?', status: 429, retryAfter: 2, times: 2 }],
    });
    for (const wanted of [429, 429, 200]) {
        const { status, headers } = await client.keys(DEVICE);
        assert.deepEqual(
            [status, headers.get('retry-after')],
            [wanted, wanted === 429 ? '2' : null],
        );
    }
    const broken = async (fault) => {
        await client.tell('faults', 'PUT', [{ match: 'recoveryKeys', ...fault }]);
        await assert.rejects(client.keys(DEVICE));
    };
    await broken({ hangUp: true });
    await broken({ hangUp: 'half' });
    await broken({ garbage: true });
    await client.tell('faults', 'PUT', [
        { match: '/token$', status: 503, code: 'temporarily_unavailable' },
    ]);
    const { status, body } = await client.signIn();
    assert.deepEqual([status, body.error], [503, 'temporarily_unavailable']);
    await client.tell('faults', 'PUT', [{ status: 500, forSeconds: 1 }]);
    assert.equal((await client.signIn()).status, 500);
    while ((await client.signIn()).status === 500)
        await new Promise((later) => setTimeout(later, 20));
});

test('what hangs up after the deed did the deed', async () => {
    const id = randomUUID();
    const client = await make({
        managedDevices: [{ id }],
        faults: [{ match: '^POST .*rotate', hangUp: 'after', times: 1 }],
    });
    await assert.rejects(
        client.get(`/beta/deviceManagement/managedDevices/${id}/rotateBitLockerKeys`, {
            method: 'POST',
        }),
    );
    assert.equal((await client.tell('rotations')).length, 1);
});

test('a next link can lead elsewhere, where it is noted who came with a token', async () => {
    const client = await make({ recoveryKeys: recoveryKeys(1) });
    const nextLink = `${client.elsewhere}/${client.tenant}/next`;
    await client.tell('faults', 'POST', { match: 'recoveryKeys', nextLink });
    const link = (await client.keys(DEVICE)).body['@odata.nextLink'];
    assert.equal(link, nextLink);
    assert.deepEqual(await client.tell('elsewhere'), []);
    await client.get(link);
    const [{ method, authorization }] = await client.tell('elsewhere');
    assert.deepEqual([method, authorization], ['GET', true]);
});

test('tenants know nothing of each other', async () => {
    const [one, other] = await Promise.all([make({ devices: [{ displayName: 'PC-1' }] }), make()]);
    await one.tell('faults', 'POST', { status: 500 });
    assert.equal((await other.get('/v1.0/devices')).body.value.length, 0);
    assert.equal((await other.signIn({ client_secret: one.client_secret })).status, 401);
    const token = await other.token();
    await other.tell('', 'DELETE');
    assert.equal((await other.signIn()).status, 400);
    assert.equal((await other.get('/v1.0/devices', { token })).status, 401);
});

test('calls are noted with what matters and without secrets', async () => {
    const client = await make({ recoveryKeys: recoveryKeys(1) });
    const token = await client.token();
    await client.keys(DEVICE, {
        token,
        headers: { 'ocp-client-name': 'clavis', 'client-request-id': 'abc' },
    });
    const { counters, calls } = await client.tell('calls');
    assert.deepEqual(
        [counters.tokenRequests, counters.tokensIssued, counters.graphCalls, counters.keysRead],
        [1, 1, 1, 0],
    );
    const [, { method, path, status, userAgent, ocpClientName, clientRequestId, authorization }] =
        calls;
    assert.deepEqual(
        [method, status, userAgent, ocpClientName, clientRequestId, authorization],
        ['GET', 200, 'self-test', 'clavis', 'abc', true],
    );
    assert.match(path, /recoveryKeys\?\$filter=deviceId%20eq%20/);
    for (const secret of [token, client.client_secret])
        assert.ok(!JSON.stringify(calls).includes(secret));
});

test('a change of the state counts at once', async () => {
    const client = await make({ devices: [{ id: DEVICE, displayName: 'PC-1' }] });
    await client.tell('', 'PATCH', {
        add: { devices: [{ id: randomUUID(), displayName: 'PC-2' }] },
        remove: { devices: [DEVICE] },
    });
    const { body } = await client.get('/v1.0/devices?$select=displayName');
    assert.deepEqual(body.value, [{ displayName: 'PC-2' }]);
    assert.match((await client.tell('', 'PATCH', { gadgets: [] })).error, /gadgets/);
});
