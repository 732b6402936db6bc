// What a token opens, and when a key is told.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { test } from 'node:test';
import { jose } from '../packages.mjs';
import { DEVICE, KEY, make, recoveryKeys } from './client.mjs';

test('Graph takes only tokens of the tenant that are good now and meant for it', async () => {
    const client = await make({ accessTokenLifetime: 2 });
    const refused = async (token) => {
        const { status, body } = await client.get('/v1.0/devices', { token });
        assert.deepEqual([status, body.error.code], [401, 'InvalidAuthenticationToken']);
    };
    const token = await client.token();
    assert.equal((await client.get('/v1.0/devices', { token })).status, 200);
    await refused(`${token.slice(0, -4)}AAAA`);
    await refused('nonsense');
    await refused(
        await client.token(undefined, { scope: 'https://outlook.office365.com/.default' }),
    );
    const forged = await new jose.SignJWT(jose.decodeJwt(token))
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new Uint8Array(32));
    await refused(forged);
    while (jose.decodeJwt(token).exp * 1000 > Date.now())
        await new Promise((later) => setTimeout(later, 50));
    await refused(token);
});

test('tokens can be ended before their time, and the next ones are good', async () => {
    const client = await make();
    const token = await client.token();
    await client.tell('expire-tokens', 'POST');
    assert.equal((await client.get('/v1.0/devices', { token })).status, 401);
    assert.equal((await client.get('/v1.0/devices')).status, 200);
});

test('each call needs a role of its own', async () => {
    const client = await make({
        roles: [],
        users: [{ id: DEVICE, userPrincipalName: 'a@example.com' }],
        recoveryKeys: recoveryKeys(1),
    });
    const paths = [
        '/v1.0/devices',
        '/v1.0/users/a@example.com',
        '/v1.0/groups',
        '/v1.0/deviceManagement/managedDevices',
        '/v1.0/informationProtection/bitlocker/recoveryKeys',
    ];
    for (const path of paths) assert.equal((await client.get(path)).status, 403, path);
    await client.tell('', 'PATCH', { roles: ['BitlockerKey.ReadBasic.All'] });
    const { body } = await client.keys(DEVICE);
    assert.equal(body.value.length, 1);
    const { status, body: refusal } = await client.key(body.value[0].id, '?$select=key');
    assert.deepEqual([status, refusal.error.code], [403, 'authorization_error']);
    assert.deepEqual(await client.tell('audit'), []);
});

test('a key comes for $select=key alone, and leaves an entry', async () => {
    const [{ id }] = [...recoveryKeys(1)];
    const client = await make({
        recoveryKeys: [{ id, deviceId: DEVICE, key: KEY, volumeType: 'fixedDataVolume' }],
    });
    assert.equal((await client.key(id)).body.key, undefined);
    assert.equal((await client.key(id, '?$select=id,key')).body.key, undefined);
    assert.deepEqual(await client.tell('audit'), []);
    const flat = (await client.key(id.toUpperCase(), '?%24select=key')).body;
    assert.deepEqual([flat.key, flat.volumeType], [KEY, 'fixedDataVolume']);
    await client.tell('', 'PATCH', { keyAnswer: 'wrapped', volumeTypeAs: 'numberText' });
    const { value } = (await client.key(id, '?$select=key')).body;
    assert.deepEqual([value.key, value.volumeType], [KEY, '2']);
    assert.deepEqual(
        (await client.tell('audit')).map(({ keyId }) => keyId),
        [id, id],
    );
    assert.ok(!JSON.stringify(await client.tell('calls')).includes(KEY));
    assert.equal((await client.key(randomUUID(), '?$select=key')).status, 404);
});

test('a list of keys takes one filter and comes in pages, without keys', async () => {
    const client = await make({
        pageSize: 3,
        recoveryKeys: [...recoveryKeys(7), { deviceId: randomUUID(), key: KEY }],
    });
    const ids = new Set();
    let pages = 0;
    for (let next = await client.keys(DEVICE.toUpperCase()); next; pages += 1) {
        assert.ok(next.body.value.every(({ id, key }) => key === undefined && ids.add(id)));
        const link = next.body['@odata.nextLink'];
        next = link && (await client.get(link));
    }
    assert.deepEqual([ids.size, pages], [7, 3]);
    const path = '/v1.0/informationProtection/bitlocker/recoveryKeys?';
    for (const query of [
        '$top=5',
        '$count=true',
        "$filter=id%20eq%20'x'",
        '$select=key',
        '$skiptoken=made-up',
        `$filter=deviceId+eq+'${DEVICE}'`,
    ]) {
        assert.equal((await client.get(path + query)).status, 400, query);
    }
});

test('recovery keys want to know which program asks', async () => {
    const client = await make();
    const headers = { authorization: `Bearer ${await client.token()}` };
    const status = (path) =>
        new Promise((answered, failed) => {
            get(client.graph + path, { headers }, (response) =>
                answered(response.resume().statusCode),
            ).on('error', failed);
        });
    assert.equal(await status('/v1.0/informationProtection/bitlocker/recoveryKeys'), 400);
    assert.equal(await status('/v1.0/devices'), 200);
});
